"""What is in seats, watched in child processes that load what drivers need; nothing is taken from a lane.

The classes here run in the child; the desk gets plain values back.
"""

from __future__ import annotations

import enum
import fcntl
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivers.errors import DriverError

_TURN = 0.5
"""Seconds between two looks where a driver does not tell of changes."""


class State(enum.StrEnum):
    """What is in a seat: IN_USE where a lane or a command works there and would be disturbed by a look."""

    OCCUPIED = "token"
    EMPTY = "empty"
    IN_USE = "in-use"
    UNUSABLE = "unusable"


@dataclass(frozen=True)
class Sight:
    """What is in a seat; `problem` says why it is unusable."""

    state: State
    problem: str | None = None


Sights = tuple[Sight, ...]


@dataclass(frozen=True)
class Watched:
    """A seat that is watched: its driver with options, and the lock that whoever works there holds."""

    name: str
    driver: str
    options: Mapping[str, Any]
    lock: Path


class ReaderSights:
    """Seats that are readers of the PC/SC service of this environment."""

    def __init__(self, seats: Sequence[Watched]) -> None:
        from drivers.pcsc.watching import ReaderWatch, wanted

        self._watch = ReaderWatch([wanted(seat.name, seat.options) for seat in seats])
        self._told: Sights | None = None

    def look(self, seconds: float) -> Sights:
        """What is in each seat, once it is another than was told before, or after so many seconds."""
        self._told = _changed(self._told, seconds, self._see, self._watch.wait)
        return self._told

    def close(self) -> None:
        """Release the service."""
        self._watch.close()

    def _see(self) -> Sights:
        return tuple(
            unusable(found) if isinstance(found, DriverError) else _in(found) for found in self._watch.look()
        )


class DriverSights:
    """Seats whose drivers are asked again and again; all of them by the same module, where they have one."""

    def __init__(self, seats: Sequence[Watched]) -> None:
        self._seats = [(seat.lock, _driver(seat)) for seat in seats]
        self._told: Sights | None = None

    def look(self, seconds: float) -> Sights:
        """What is in each seat, once it is another than was told before, or after so many seconds."""
        pause = threading.Event()
        self._told = _changed(self._told, seconds, self._see, lambda left: pause.wait(min(left, _TURN)))
        return self._told

    def close(self) -> None:
        """Release the modules."""
        for _, driver in self._seats:
            if not isinstance(driver, DriverError):
                driver.close()

    def _see(self) -> Sights:
        return tuple(_asked(lock, driver) for lock, driver in self._seats)


def unusable(error: DriverError) -> Sight:
    """The sight of a seat that cannot be looked at."""
    return Sight(State.UNUSABLE, f"{error.what}; {error.next}" if error.next else error.what)


def _changed(
    told: Sights | None, seconds: float, see: Callable[[], Sights], wait: Callable[[float], object]
) -> Sights:
    deadline = time.monotonic() + seconds
    while (sights := see()) == told and (left := deadline - time.monotonic()) > 0:
        wait(left)
    return sights


def _driver(seat: Watched) -> Any:
    from drivers.registry import find

    try:
        return find("station.tokens", seat.driver)(seat.name, seat.options)
    except DriverError as error:
        return error


def _asked(lock: Path, driver: Any) -> Sight:
    if isinstance(driver, DriverError):
        return unusable(driver)
    if _held(lock):
        return Sight(State.IN_USE)
    answers = iter((False,))
    try:
        # Ports wait until cancelled: the first look may be taken, a second may not.
        return _in(driver.await_token(lambda: next(answers, True)))
    except DriverError as error:
        return unusable(error)


def _in(token: bool) -> Sight:
    return Sight(State.OCCUPIED if token else State.EMPTY)


def _held(lock: Path) -> bool:
    """Whether a process works at a seat; whoever begins at this instant tries again."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
