"""Processes seen from outside: what they were started as, and whether they have ended."""

from __future__ import annotations

import select
from pathlib import Path


def command_line(pid: int) -> list[str]:
    """The words a process was started with, none where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="surrogateescape").split("\0")
    except OSError:
        return []


def ended(descriptor: int, timeout: float) -> bool:
    """Whether the process of a pidfd ends within so many seconds."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(timeout * 1000))
