"""A screen on which one token is chosen: what its acts know of it."""

from __future__ import annotations

from abc import abstractmethod

from station.tui.desk_screen import DeskScreen
from station.tui.screens.token_details import TokenDetails


class ChosenToken(DeskScreen):
    """A list of tokens with the cursor on one."""

    @property
    @abstractmethod
    def number(self) -> str | None:
        """The number of the token the cursor is on."""

    @property
    @abstractmethod
    def details(self) -> TokenDetails | None:
        """All that is on record of it, as it was read last."""
