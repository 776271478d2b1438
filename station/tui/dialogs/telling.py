"""Telling what a command found, until it was read."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.widgets import Label

from station.tui.dialogs.base import Choice, Dialog
from station.tui.words import _


class Tell(Dialog[None]):
    """Lines, each with the sign of its state, and nothing to choose."""

    def __init__(self, title: str, lines: Sequence[str]) -> None:
        super().__init__(title, (Choice(_("Close"), None),))
        self._lines = tuple(lines)

    def body(self) -> ComposeResult:
        yield Label("\n".join(self._lines), markup=False, id="told")
