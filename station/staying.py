"""Staying by a session for as long as the operator's token is in the operators' seat."""

from __future__ import annotations

from collections.abc import Callable

from batch.people import logins
from drivers.errors import DriverError
from station.operators_seat import OperatorsSeat
from station.terminal import Terminal
from station.wiring import Desk

_LOOK = 0.5
"""Seconds that one look at the seat lasts; who tells it to end waits no longer."""


def stay(desk: Desk, seat: OperatorsSeat, over: Callable[[], bool], locked: Callable[[str], None]) -> None:
    """Wait until the token that somebody logged in with leaves the seat, then end this terminal's session.

    Returns without ending it once `over`, or where it ended otherwise. The seat is only looked at, so that
    other commands use the token meanwhile; one that tells nothing any more counts as empty. `locked` is told
    why as soon as the terminal has forgotten the session, which is put on record after that.
    """
    terminal = Terminal(desk.home)
    ours = terminal.kept()
    while ours is not None and not over():
        why = _left(seat)
        kept = terminal.kept()
        if kept is None or kept.key != ours.key:
            return
        if why is not None:
            lock(desk, why, locked)
            return


def lock(desk: Desk, why: str, locked: Callable[[str], None]) -> None:
    """End this terminal's session; `locked` is told why as `stay` says."""
    terminal = Terminal(desk.home)
    kept = terminal.kept()
    terminal.forget()
    locked(why)
    if kept is not None:
        with desk.records() as records:
            logins.log_out(records, kept, terminal.place, why)


def _left(seat: OperatorsSeat) -> str | None:
    """Why the token counts as gone, None while it is there."""
    try:
        gone = seat.wait_for_removal(_LOOK)
    except DriverError:
        return "nothing is heard of the operators' seat any more"
    return "the token left the operators' seat" if gone else None
