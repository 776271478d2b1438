"""What only one process at a time may do on a home."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from batch.model.errors import Busy

_LOOK = 0.05
"""Seconds between two looks at a lock that is waited for."""


@contextmanager
def only_one(path: Path, doing: str, *, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock `path` while `doing` something; the system frees it however this process ends.

    Raises `Busy` naming the process that holds it, having waited so many seconds for it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not taken(descriptor, wait):
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            raise Busy(
                f"another {doing} (process {holder}) runs on this home",
                where=str(path.parents[1]),
                next="wait for it, or stop it with Ctrl-C where it runs; every other command works beside it",
            )
        with suppress(OSError):  # a courtesy to who comes second; a full disk does not take the lock away
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def taken(descriptor: int, wait: float) -> bool:
    """Whether an open file's lock could be taken, having waited so many seconds for it at most."""
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # The system tells nobody that a lock is free but who waits for it without end.
            if time.monotonic() >= deadline:
                return False
            time.sleep(_LOOK)
        else:
            return True
