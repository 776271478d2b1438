"""The table of armed faults that the native parts read and count in (`faults.h`)."""

from __future__ import annotations

import enum
import mmap
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from simulators.bench.errors import BenchError

_MAGIC = 0x31544C5541464E53
_FAULTS = 32
_HEADER = struct.Struct("=QQQQ112s256s")
_FAULT = struct.Struct("=QQQdQII40s88s")
_ARMED, _EXCHANGES, _REFUSED = 1, 2, 3
"""Places of the counters among the 64-bit words at the beginning."""


class When(enum.IntEnum):
    """When a fault strikes; DURING leaves a key pair half made."""

    BEFORE = 0
    DURING = 1
    AFTER = 2


class Action(enum.IntEnum):
    """What a fault does."""

    FAIL = 0
    HANG = 1
    SLOW = 2
    CRASH = 3
    PULL = 4
    SWAP = 5
    FULL = 6
    BACK = 7
    KILL = 8


EVER = 0
"""As `times`: from the n-th exchange on, until disarmed."""


@dataclass(frozen=True)
class Entry:
    """One fault: strikes from exchange `on` (1 is the next) for `times`, counting those named `of` only.

    `code` is what the call answers (CKR), `other` the name of the token that takes the place of this one.
    """

    action: Action
    on: int = 1
    times: int = 1
    of: str = ""
    when: When = When.BEFORE
    code: int = 0
    seconds: float = 0.0
    other: str = ""


class Table:
    """One table in a file, shared with whatever processes have it mapped."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _HEADER.size + _FAULTS * _FAULT.size)
        # One store of 64 bits each, as the other side has it.
        self._words = memoryview(self._map).cast("Q")

    @classmethod
    def create(cls, path: Path, told: Path, spared: Path) -> Table:
        """An empty table at `path`; `told` is the socket that hears of every strike.

        Files below `spared` are none of the station's: they are no exchanges with its disk.
        """
        fresh = path.with_suffix(".new")
        header = _HEADER.pack(_MAGIC, 0, 0, 0, os.fsencode(told), os.fsencode(spared) + b"/")
        fresh.write_bytes(header + bytes(_FAULTS * _FAULT.size))
        os.replace(fresh, path)
        return cls(path)

    def arm(self, entry: Entry) -> int:
        """Arm a fault beside those armed already; its place."""
        place: int = self._words[_ARMED]
        if place == _FAULTS:
            raise BenchError(f"at most {_FAULTS} faults at one place", next="disarm those that are over")
        start = _HEADER.size + place * _FAULT.size
        self._map[start : start + _FAULT.size] = _FAULT.pack(
            0,
            entry.on,
            entry.times,
            entry.seconds,
            entry.code,
            entry.action,
            entry.when,
            entry.of.encode(),
            entry.other.encode(),
        )
        # Last: a process that maps the table sees a fault whole or not at all.
        self._words[_ARMED] = place + 1
        return place

    def disarm(self) -> None:
        """Take all faults away, and count from the beginning again."""
        for word in (_ARMED, _EXCHANGES, _REFUSED):
            self._words[word] = 0

    def fired(self, place: int) -> int:
        """How often a fault struck; at most once where it goes on for ever."""
        met, on, times, *_ = _FAULT.unpack_from(self._map, _HEADER.size + place * _FAULT.size)
        return int(max(0, min(met - on + 1, times or 1)))

    @property
    def exchanges(self) -> int:
        """What was counted since the last `disarm`."""
        return int(self._words[_EXCHANGES])

    @property
    def refused(self) -> int:
        """Codes that the token found wrong since the last `disarm`."""
        return int(self._words[_REFUSED])
