"""Leaving the screen: what is to become of what runs."""

from __future__ import annotations

import enum
from collections.abc import Sequence

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
    """Staying has the focus. A production may go on without a screen; every other act ends with it."""

    def __init__(self, *, producing: bool, acts: Sequence[str] = ()) -> None:
        """`acts` are the titles of what is under way beside it."""
        stay = Choice(_("Stay"), LeavingChoice.STAY)
        if producing:
            go_on = Choice(_("Leave, lanes go on"), LeavingChoice.LEAVE)
            stop = Choice(_("Stop them and leave"), LeavingChoice.STOP_AND_LEAVE)
            super().__init__(_("Leave the screen?"), (stay, go_on, stop))
        else:
            super().__init__(_("Leave the screen?"), (stay, Choice(_("Leave"), LeavingChoice.LEAVE)))
        self._producing, self._acts = producing, tuple(acts)

    def body(self) -> ComposeResult:
        if self._producing:
            text = _(
                "Tokens are being made. They may go on without a screen, which finds them when it opens "
                "again; or every lane ends the step it is in, and the same order goes on from there later."
            )
            yield Label(text, markup=False)
        for act in self._acts:
            yield Label(_("! Under way, and stopped by leaving: {act}").format(act=act), markup=False)
