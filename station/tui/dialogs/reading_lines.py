"""Something of several lines to be read, before it is gone on with or gone back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Label, Static

from station.tui.dialogs.base import Choice, Dialog, back
from station.tui.words import _


@dataclass(frozen=True)
class Line:
    """One point: its sign, what it says, and what to do about it."""

    sign: str
    what: str
    next: str = ""


class ReadLines(Dialog[bool]):
    """Dismissed with True where `yes` was chosen; without one there is only a way back."""

    def __init__(self, title: str, text: str, lines: Sequence[Line], yes: str = "") -> None:
        super().__init__(title, (back(), Choice(yes, True)) if yes else (back(),))
        self._text, self._lines = text, tuple(lines)

    def body(self) -> ComposeResult:
        if self._text:
            yield Label(self._text, markup=False)
        table = Table.grid(padding=(0, 1))
        for line in self._lines:
            table.add_row(Text(line.sign, "bold"), Text(line.what))
            if line.next:
                table.add_row("", Text(_("Next: {what}").format(what=line.next), "italic"))
        with VerticalScroll(id="lines", can_focus=True):
            yield Static(table)

    def on_mount(self) -> None:
        """The way back has the focus."""
        self.add_class("broad")
        self.set_focus(self.query_one("#choice-0"))
