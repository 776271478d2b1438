"""Does what may be refused, and only so."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

E = TypeVar("E", bound=Exception)


def refusal(kind: type[E], act: Callable[[], object]) -> E | None:
    """What `act` was refused with, None where it went well; every other error goes through."""
    try:
        act()
    except kind as refused:
        return refused
    return None
