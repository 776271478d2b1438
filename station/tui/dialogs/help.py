"""What an area is for, and every key that works in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from station.tui.areas import AREAS
from station.tui.dialogs.base import Dialog, back
from station.tui.words import _

if TYPE_CHECKING:
    from station.tui.desk_screen import DeskScreen

_ALWAYS = ("question_mark", "ctrl+p", "ctrl+l", "ctrl+q")
"""Keys that are told here even if the bottom line has no room for them."""


class Help(Dialog[None]):
    """Closed by any way out."""

    BINDINGS = [Binding(way, f"scroll('{way}')", show=False) for way in ("up", "down", "pageup", "pagedown")]

    def __init__(self, screen: DeskScreen) -> None:
        super().__init__(_("Help"), (back(),))
        self._text = _(screen.help)
        shown = {one.binding.action: one.binding for one in reversed(screen.active_bindings.values())}
        told = [one for one in reversed(shown.values()) if one.show or one.key in _ALWAYS]
        self._keys = [one for one in told if one.description]

    def body(self) -> ComposeResult:
        with VerticalScroll(id="help", can_focus=False):
            if self._text:
                yield Static(Text(self._text), classes="help--text")
            with Horizontal(classes="help--keys"):
                yield Static(_table(_rows(self._keys)))
                yield Static(_table([(one.key.upper(), _(one.title)) for one in AREAS]))

    def action_scroll(self, way: str) -> None:
        """Show what is above or below."""
        text = self.query_one("#help", VerticalScroll)
        ways = {
            "up": text.scroll_up,
            "down": text.scroll_down,
            "pageup": text.scroll_page_up,
            "pagedown": text.scroll_page_down,
        }
        ways[way](animate=False)


def _rows(bindings: list[Binding]) -> list[tuple[str, str]]:
    return [(one.key_display or one.key, _(one.description)) for one in bindings]


def _table(rows: list[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for key, what in rows:
        table.add_row(Text(key, style="bold"), Text(what))
    return table
