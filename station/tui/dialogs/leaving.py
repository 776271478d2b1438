"""Leaving the screen: what is to become of what runs."""

from __future__ import annotations

import enum

from textual.app import ComposeResult
from textual.widgets import Label

from station.tui.dialogs.base import Choice, Dialog
from station.tui.words import _


class LeavingChoice(enum.Enum):
    """What whoever leaves chose."""

    STAY = enum.auto()
    LEAVE = enum.auto()
    STOP_AND_LEAVE = enum.auto()


class Leaving(Dialog[LeavingChoice]):
    """Staying has the focus. A production may go on without a screen."""

    def __init__(self, *, producing: bool) -> None:
        stay = Choice(_("Stay"), LeavingChoice.STAY)
        if producing:
            go_on = Choice(_("Leave, the lanes go on"), LeavingChoice.LEAVE)
            stop = Choice(_("Stop the lanes and leave"), LeavingChoice.STOP_AND_LEAVE)
            super().__init__(_("Leave the screen?"), (stay, go_on, stop))
        else:
            super().__init__(_("Leave the screen?"), (stay, Choice(_("Leave"), LeavingChoice.LEAVE)))
        self._producing = producing

    def body(self) -> ComposeResult:
        if self._producing:
            text = _(
                "Tokens are being made. They may go on without a screen; it finds them when it opens again."
            )
            yield Label(text, markup=False)
