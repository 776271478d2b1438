"""The desk's time: read from the clock when a command begins, then counted on.

Setting the clock meanwhile moves nothing that is under way: steps end after they began, and a certificate is
valid from the moment its token was begun.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


def _counted() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


_BEGUN, _FROM = datetime.now(UTC), _counted()


def now() -> datetime:
    """This moment in UTC."""
    return _BEGUN + timedelta(seconds=_counted() - _FROM)


def moved() -> timedelta:
    """How far the clock was set since this process read it; negative where it was put back."""
    return datetime.now(UTC) - now()
