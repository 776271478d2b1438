"""What the machine must bring: Python, clock, disk, memory that is not written to disk."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from station.checks.model import Check, fail, ok, warn

_OLDEST_PYTHON = (3, 11)
_ROOM_SCARCE = 1 << 30
_ROOM_NEEDED = 100 << 20
_TIME_ERROR = 5
_TIMEX_SIZE = 512


def machine_checks(home: Path) -> Iterator[Check]:
    """Python, swap (R40), room on the disk of `home`, and the clock."""
    yield python()
    yield swap()
    yield room(home)
    yield clock(_trail(home))


def python() -> Check:
    """The version of Python."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _OLDEST_PYTHON:
        return fail("python", found, "install Python 3.11 or later and run `make setup`")
    return ok("python", found)


def swap(swaps: Path = Path("/proc/swaps"), devices: Path = Path("/sys/block")) -> Check:
    """Codes must not reach a disk through swap (R40): none, in memory, or encrypted."""
    try:
        lines = swaps.read_text().splitlines()[1:]
    except OSError:
        return warn("swap", "cannot be told on this system", "turn swap off, or encrypt it")
    bare = [name for name in (line.split()[0] for line in lines) if not _is_safe(name, devices)]
    if bare:
        return warn(
            "swap",
            f"not encrypted: {', '.join(bare)}; codes in memory may be written there",
            "turn it off with `swapoff -a` and in /etc/fstab, or encrypt it with dm-crypt",
        )
    return ok("swap", "encrypted or in memory" if lines else "off")


def _is_safe(name: str, devices: Path) -> bool:
    kind = Path(os.path.realpath(name)).name
    try:
        encrypted = (devices / kind / "dm" / "uuid").read_text().startswith("CRYPT-")
    except OSError:
        encrypted = False
    return encrypted or kind.startswith("zram")


def room(home: Path) -> Check:
    """Room for the records on the disk that holds the home."""
    free = shutil.disk_usage(_nearest(home)).free
    found = f"{free / (1 << 30):.1f} GiB free"
    if free < _ROOM_NEEDED:
        return fail("disk", found, "make room: a log entry that cannot be written stops all work")
    if free < _ROOM_SCARCE:
        return warn("disk", found, "make room soon")
    return ok("disk", found)


def clock(trail: float, now: float | None = None) -> Check:
    """The clock is not behind `trail`, the last moment known to have passed, and somebody keeps it (R37)."""
    now = time.time() if now is None else now
    found = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if now < trail:
        last = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(trail))
        return fail(
            "clock",
            f"{found}, but something was written at {last}",
            "set it; log and certificates need it",
        )
    if _is_kept() is False:
        return warn("clock", f"{found}, kept by no time service", "run `timedatectl set-ntp true`, or chrony")
    return ok("clock", found)


def _is_kept() -> bool | None:
    """Whether the kernel says that the clock is synchronised, None where it does not tell (adjtimex(2))."""
    try:
        answer = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_SIZE))
    except (AttributeError, OSError):
        return None
    return None if answer < 0 else bool(answer != _TIME_ERROR)


def _trail(home: Path) -> float:
    """The latest time at which this program or the records were written."""
    return max(one.stat().st_mtime for one in [Path(__file__), *home.glob("station.db*")])


def _nearest(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
