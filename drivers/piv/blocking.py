"""Blocking PIN and PUK on purpose, as a reset wants it (rules, PIV table); nothing else spends last tries."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from drivers.errors import AuthenticationFailed, Blocked, DeviceFailed
from drivers.piv.applet import Applet
from drivers.piv.ids import Ref
from drivers.secret import Secret

_MOST_TRIES = 255 + 8
"""A counter has one byte; a few more, should a wrong code ever be the right one."""


def block(applet: Applet) -> None:
    """Spend all tries of PIN and PUK; raises `DeviceFailed` where the card does not block."""
    _spend("PIN", applet.verify, applet.where)
    _spend("PUK", lambda wrong: applet.change(Ref.PUK, wrong, wrong), applet.where)


def _spend(name: str, attempt: Callable[[Secret], None], where: str) -> None:
    for _ in range(_MOST_TRIES):
        try:
            attempt(Secret.text(f"{secrets.randbelow(10**8):08d}"))
        except Blocked:
            return
        except AuthenticationFailed:
            continue
    raise DeviceFailed(f"the {name} does not block", where=where, next="destroy the token")
