"""A seat, and the reader or slot behind it, held by one lane's process alone; both end with the process."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO

from batch.production.lock import taken
from drivers.errors import DeviceFailed

_SEAT_WAIT = 40.0
"""Seconds to wait for a lane of a desk that was killed; it ends itself sooner (`drivers.process`)."""

_PLACE_WAIT = 2.0
"""The same for its reader or slot: that lane holds both, so that nobody is waited for but another seat."""


def take_seat(seat: str, lock: Path) -> IO[bytes]:
    """Hold a seat for this process alone, also against a lane whose desk was killed."""
    problem = DeviceFailed(
        "another process works at this seat",
        where=seat,
        next="let it end, or end it where it hangs, then run this again",
    )
    return _take(lock, _SEAT_WAIT, problem)


def take_place(seat: str, place: str, directory: Path) -> IO[bytes]:
    """Hold the reader or slot behind a seat, which another seat may name as well."""
    problem = DeviceFailed(
        "another seat has the same reader or slot",
        where=seat,
        next="give each seat of station.toml a place of its own; `station lanes` shows them",
    )
    name = hashlib.sha256(place.encode()).hexdigest()[:16]
    return _take(directory / f"place-{name}.lock", _PLACE_WAIT, problem)


def _take(lock: Path, seconds: float, problem: DeviceFailed) -> IO[bytes]:
    file = lock.open("wb")
    if not taken(file.fileno(), seconds):
        file.close()
        raise problem
    return file
