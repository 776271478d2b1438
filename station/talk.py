"""Talking to a person who may be gone: a closed terminal or a broken pipe stops no work."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

_TALK = 2


def open_closed() -> None:
    """Give each standard stream that is closed the null device, or the next file opened gets its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(descriptor, True)
            setattr(sys, name, open(descriptor, mode, encoding="utf-8"))  # noqa: SIM115


def say(text: str) -> None:
    """Say a line on standard error, past Python's buffers, so that a signal handler may."""
    try:
        os.write(_TALK, f"{text}\n".encode())
    except OSError:
        fall_silent()


def fall_silent() -> None:
    """Nobody listens any more: what is said from now on goes to the null device."""
    with suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, _TALK)
        os.close(null)
