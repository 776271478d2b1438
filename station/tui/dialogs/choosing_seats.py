"""Choosing the seat in which a token is to be found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from station.tui.dialogs.choosing import Choose
from station.tui.words import _

if TYPE_CHECKING:
    from station.tui.desk_screen import DeskScreen


async def seat_for(screen: DeskScreen, text: str) -> str | None:
    """The name of the seat somebody chose; None where they did not, or where there is none."""
    seats = await screen.read(
        lambda desk, _records: [(one.name, one.driver) for one in desk.configuration.seats]
    )
    if not seats:
        screen.notify(
            _("This station has no seat; next: station lanes bind"), title=_("No seat"), severity="warning"
        )
        return None
    options = [(f"{name} ({driver})", name) for name, driver in seats]
    return await screen.app.push_screen_wait(Choose(_("Which seat?"), options, text))
