"""Choosing the seat in which a token is to be found."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from station.tui.dialogs.choosing import Choose
from station.tui.state_words import seat_kind
from station.tui.words import _

if TYPE_CHECKING:
    from station.tui.desk_screen import DeskScreen


async def seat_for(screen: DeskScreen, text: str, drivers: Collection[str] = ()) -> str | None:
    """The name of the seat somebody chose, of one of `drivers` if any; None where they did not, or there is
    none.
    """
    every = await screen.read(
        lambda desk, _records: [(one.name, one.driver) for one in desk.configuration.seats]
    )
    seats = [(name, driver) for name, driver in every if not drivers or driver in drivers]
    if not seats:
        screen.notify(
            _("This station has no seat; next: station lanes bind"), title=_("No seat"), severity="warning"
        )
        return None
    options = [(f"{name} ({seat_kind(driver)})", name) for name, driver in seats]
    return await screen.app.push_screen_wait(Choose(_("Which seat?"), options, text))
