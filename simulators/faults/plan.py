"""The faults that are armed on a bench, and the counters that say when they are due."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterable

from simulators.faults.model import Fault


class _Armed:
    # `seen` counts the exchanges that count for this fault, `fired` how often it has happened.
    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.seen = self.fired = 0

    def count(self, name: str) -> None:
        if self.fault.of is None or self.fault.of.casefold() == name.casefold():
            self.seen += 1

    def next_is(self, name: str, actions: Collection[str]) -> bool:
        alike = self.fault.of is None or self.fault.of.casefold() == name.casefold()
        reached = self.seen + alike >= self.fault.on
        return reached and self.fired < self.fault.times and self.fault.do in actions

    @property
    def due(self) -> bool:
        return self.seen >= self.fault.on and self.fired < self.fault.times


class Plan:
    """What is to go wrong; every method may be called by any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._armed: list[_Armed] = []
        self._exchanges: Counter[str] = Counter()

    def arm(self, faults: Iterable[Fault]) -> None:
        """Add faults; each counts from here."""
        with self._changed:
            self._armed += [_Armed(fault) for fault in faults]

    def disarm(self) -> None:
        """Forget all faults and set all counters to zero."""
        with self._changed:
            self._armed.clear()
            self._exchanges.clear()
            self._changed.notify_all()

    def exchange(self, at: str, name: str, only: Collection[str] = ()) -> Fault | None:
        """Count one exchange of this kind at a target; the fault that happens to it, one at most.

        With `only`, nothing is counted unless a fault that does one of these is next.
        """
        with self._changed:
            if only and not any(armed.next_is(name, only) for armed in self._armed if armed.fault.at == at):
                return None
            self._exchanges[at] += 1
            here = [armed for armed in self._armed if armed.fault.at == at]
            for armed in here:
                if armed.fired < armed.fault.times:
                    armed.count(name)
            for armed in here:
                if armed.due:
                    armed.fired += 1
                    self._changed.notify_all()
                    return armed.fault
        return None

    def happened(self, fault: Fault, times: int) -> None:
        """Put on record what happened where exchanges are counted elsewhere."""
        with self._changed:
            for armed in self._armed:
                if armed.fault is fault:
                    armed.fired = max(armed.fired, times)
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
        return tuple(armed.fault for armed in self._armed if armed.fired)
