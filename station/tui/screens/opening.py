"""What stands until the records have answered for the first time: what is waited for, and the way out."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import Label

from station.tui.widgets.large_text import LargeText
from station.tui.words import _


class OpeningScreen(Screen[None]):
    """The first screen; it needs neither records nor anybody who is logged in."""

    awaited = reactive("", recompose=True)
    """What is waited for."""

    def compose(self) -> ComposeResult:
        yield LargeText(_("one moment"), id="login-title")
        with Vertical(classes="panel", id="login"):
            yield Label(self.awaited, markup=False)
            yield Label(_("^q leaves."), markup=False)
