"""The seats of a station, watched all at the same time: one that hangs is told and stops no other."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drivers.errors import DriverError, ProcessDied
from drivers.process import Child
from station.config import Configuration, Seat
from station.probes import PATIENCE, is_pcsc
from station.seats import SeatView, seen
from station.sights import Sight, Sights, Watched, unusable

_LOOK = 5.0
"""Seconds after which a child answers although nothing changed, so that one that hangs is noticed."""

_AGAIN = 5.0
"""Seconds after which one that failed is tried again."""


@dataclass
class _Group:
    """Seats of one kind with the child that watches them: one service or module, one environment."""

    seats: list[Seat]
    factory: str
    run_directory: Path
    child: Child | None = None
    due: float = 0.0
    """When an answer is overdue; without a child, when the next is started."""
    told: Sights = field(default=())

    def start(self, patience: float) -> None:
        names = ", ".join(seat.name for seat in self.seats)
        watched = tuple(
            Watched(seat.name, seat.driver, seat.options, self.run_directory / f"{seat.name}.lock")
            for seat in self.seats
        )
        environment = self.seats[0].environment
        self.child = Child(f"watch of {names}", self.factory, (watched,), environment=environment)
        self.ask(0.0, patience)

    def ask(self, seconds: float, patience: float) -> None:
        assert self.child is not None
        self.child.call("look", seconds)
        self.due = time.monotonic() + seconds + patience

    def failed(self, error: DriverError) -> Sights:
        """What is told of the seats until a fresh child can tell more."""
        if self.child is not None:
            self.child.kill()
        self.child = None
        self.due = time.monotonic() + _AGAIN
        return (unusable(error),) * len(self.seats)

    def changes(self, sights: Sights) -> Iterator[SeatView]:
        before: Sequence[Sight | None] = self.told or (None,) * len(self.seats)
        self.told = sights
        for seat, old, new in zip(self.seats, before, sights, strict=True):
            if old != new:
                yield seen(seat, str(new.state), new.problem)


def watch(
    configuration: Configuration,
    run_directory: Path,
    ends: Mapping[int, int],
    *,
    patience: float = PATIENCE,
) -> Iterator[SeatView]:
    """Each seat as it is, then each that changed, until one of `ends` (descriptor, poll events) is ready.

    A child that does not answer within `patience` seconds is ended, and tried again.
    """
    groups = _groups(configuration, run_directory)
    try:
        while True:
            for group in groups:
                if group.due <= time.monotonic():
                    yield from _overdue(group, patience)
            poll = select.poll()
            for descriptor, events in ends.items():
                poll.register(descriptor, events)
            answering = {group.child.fileno(): group for group in groups if group.child is not None}
            for descriptor in answering:
                poll.register(descriptor, select.POLLIN)
            ready = [descriptor for descriptor, _ in poll.poll(_milliseconds(groups))]
            if any(descriptor in ends for descriptor in ready):
                return
            for descriptor in ready:
                yield from _answer(answering[descriptor], patience)
    finally:
        for group in groups:
            if group.child is not None:
                group.child.kill()


def _groups(configuration: Configuration, run_directory: Path) -> list[_Group]:
    found: dict[object, _Group] = {}
    for seat in configuration.seats:
        kind: tuple[object, ...] = (seat.driver, seat.name)
        if is_pcsc(seat):
            kind = ("reader", seat.environment.get("PCSCLITE_CSOCK_NAME"))
        elif "module" in seat.options:
            kind = (seat.driver, str(seat.options["module"]), *sorted(seat.environment.items()))
        factory = "station.sights:ReaderSights" if is_pcsc(seat) else "station.sights:DriverSights"
        found.setdefault(kind, _Group([], factory, run_directory)).seats.append(seat)
    return list(found.values())


def _overdue(group: _Group, patience: float) -> Iterator[SeatView]:
    try:
        if group.child is None:
            group.start(patience)
            return
        raise ProcessDied(f"no answer within {patience:g} s, ended", next="see whether its module hangs")
    except DriverError as error:
        yield from group.changes(group.failed(error))


def _answer(group: _Group, patience: float) -> Iterator[SeatView]:
    assert group.child is not None
    try:
        sights: Sights = group.child.receive().result()
        group.ask(_LOOK, patience)
    except DriverError as error:
        sights = group.failed(error)
    yield from group.changes(sights)


def _milliseconds(groups: Sequence[_Group]) -> int | None:
    """Until something is due, None for ever."""
    if not groups:
        return None
    return max(0, int((min(group.due for group in groups) - time.monotonic()) * 1000)) + 1
