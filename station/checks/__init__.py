"""`station doctor`: what a desk needs, checked one by one, each with the way to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from station.checks.desk import desk_checks
from station.checks.machine import machine_checks
from station.checks.model import Check, State

__all__ = ["Check", "State", "examine"]


def examine(home: Path) -> Iterator[Check]:
    """All checks of this machine and of the home at `home`, told one by one as they are made."""
    yield from machine_checks(home)
    yield from desk_checks(home)
