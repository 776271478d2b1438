"""What hands do at a simulated desk, where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from station.tui.app import StationApp

_SEAT = "--seat"


async def put_in(station: StationApp, seat: str, token: str) -> None:
    """Put a finished token into a seat, in the place of the one before; at a real desk somebody did."""
    if station.practice is not None:
        # Where it cannot be put in, the command that reads the seat tells what it finds there.
        await station.run_act("bench", "insert", seat, "--envelope", token)


def seat_of(arguments: Sequence[str]) -> str | None:
    """The seat a command is about."""
    return arguments[arguments.index(_SEAT) + 1] if _SEAT in arguments else None
