"""Scanning several numbers, one after the other."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Button, Input, Label

from batch.model.errors import FaultyValue
from batch.model.scans import plain
from layouts.scans import Kind
from station.tui.dialogs.base import Choice, Dialog, back
from station.tui.words import _, n_

_SHOWN = 6
"""Numbers that stay on the screen, the last ones."""


class ScanMany(Dialog[tuple[str, ...]]):
    """Dismissed with the numbers that were scanned, each once; Enter in an empty field ends it."""

    def __init__(self, title: str, text: str) -> None:
        super().__init__(title, (back(), Choice(_("That is all"), ())))
        self._text = text
        self._scanned: dict[str, None] = {}

    def body(self) -> ComposeResult:
        yield Label(self._text, markup=False)
        yield Input(id="number", compact=True)
        yield Label("", id="scanned", markup=False)

    def on_mount(self) -> None:
        """The field has the focus."""
        self.set_focus(self.query_one(Input))
        self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """One more; a scan of what was scanned before counts once."""
        event.stop()
        typed, event.input.value = event.value.strip(), ""
        if typed:
            try:
                self._scanned[plain(typed, Kind.LETTER, Kind.TOKEN)] = None
            except FaultyValue as error:
                self.app.bell()
                self._show(f"✗ {error.where}: {error.what}")
                return
            self._show()
        elif self._scanned:
            self.query_one("#choice-1", Button).focus()

    def chosen(self, choice: Choice[tuple[str, ...] | None]) -> None:
        self.dismiss(None if choice.value is None else tuple(self._scanned))

    def _show(self, wrong: str = "") -> None:
        count = n_("{number} scanned", "{number} scanned", len(self._scanned))
        last = list(self._scanned)[-_SHOWN:]
        lines = [count, *(f"✓ {one}" for one in last), *([wrong] if wrong else [])]
        self.query_one("#scanned", Label).update("\n".join(lines))
        self.query_one("#choice-1", Button).disabled = not self._scanned
