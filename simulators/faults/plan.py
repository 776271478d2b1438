"""The faults that are armed on a bench, and the counters that say when they are due."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterable

from simulators.faults.model import Fault


class Due:
    """An armed fault whose exchange has come; whoever lets it happen says when it has."""

    def __init__(self, fault: Fault, changed: threading.Condition) -> None:
        self.fault = fault
        self._changed = changed
        self._seen = self._taken = 0
        self.times = 0
        """How often it has happened."""

    def count(self, name: str) -> None:
        """Count an exchange of the kind `name` at its target."""
        if self._taken < self.fault.times and self._is_of(name):
            self._seen += 1

    def next_is(self, name: str, actions: Collection[str]) -> bool:
        """Whether an exchange of the kind `name` would make it happen, and it is one of these actions."""
        alike = self._is_of(name)
        return (
            alike
            and self._seen + 1 >= self.fault.on
            and self._taken < self.fault.times
            and self.fault.do in actions
        )

    def take(self, name: str) -> bool:
        """Whether it is to happen at the exchange just counted; it is not asked for that one again."""
        due = self._is_of(name) and self._seen >= self.fault.on and self._taken < self.fault.times
        self._taken += due
        return due

    def _is_of(self, name: str) -> bool:
        return (self.fault.of or name).casefold() == name.casefold()

    def happened(self) -> None:
        """Tell those who wait for it."""
        with self._changed:
            self.times += 1
            self._changed.notify_all()


class Plan:
    """What is to go wrong; every method may be called by any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._armed: list[Due] = []
        self._exchanges: Counter[str] = Counter()

    def arm(self, faults: Iterable[Fault]) -> None:
        """Add faults; each counts from here."""
        with self._changed:
            self._armed += [Due(fault, self._changed) for fault in faults]

    def disarm(self) -> None:
        """Forget all faults and set all counters to zero."""
        with self._changed:
            self._armed.clear()
            self._exchanges.clear()
            self._changed.notify_all()

    def due(self, at: str, name: str, only: Collection[str] = ()) -> Due | None:
        """Count one exchange of this kind at a target; what is to happen to it, one fault at most.

        With `only`, nothing is counted unless a fault that does one of these is next.
        """
        with self._changed:
            if only and not any(armed.next_is(name, only) for armed in self._armed if armed.fault.at == at):
                return None
            self._exchanges[at] += 1
            here = [armed for armed in self._armed if armed.fault.at == at]
            for armed in here:
                armed.count(name)
            return next((armed for armed in here if armed.take(name)), None)

    def exchange(self, at: str, name: str, only: Collection[str] = ()) -> Fault | None:
        """As `due`, for what happens at once."""
        due = self.due(at, name, only)
        if due is None:
            return None
        due.happened()
        return due.fault

    def happened(self, fault: Fault, times: int) -> None:
        """Put on record what happened where exchanges are counted elsewhere."""
        with self._changed:
            for armed in self._armed:
                if armed.fault is fault:
                    armed.times = max(armed.times, times)
            self._changed.notify_all()

    def exchanges(self, at: str) -> int:
        """Exchanges at a target since the bench began or was last disarmed."""
        with self._changed:
            return self._exchanges[at]

    def fired(self, count: int | None, seconds: float) -> tuple[Fault, ...]:
        """Those that have happened, once `count` (None: all armed) have, or after `seconds`."""
        with self._changed:
            self._changed.wait_for(
                lambda: len(self._happened()) >= (len(self._armed) if count is None else count), seconds
            )
            return self._happened()

    def _happened(self) -> tuple[Fault, ...]:
        return tuple(armed.fault for armed in self._armed if armed.times)
