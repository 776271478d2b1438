"""A line of text, and a number typed or scanned."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.widgets import Input, Label

from station.tui.dialogs.base import Choice, Dialog, back
from station.tui.words import _


class AskLine(Dialog[str]):
    """Dismissed with a line that is not empty; a scanner's Enter ends it as a person's does."""

    def __init__(self, title: str, label: str, begun: str = "", *, hint: str = "") -> None:
        super().__init__(title, (back(), Choice(_("OK"), "")))
        self._label, self._begun, self._hint = label, begun, hint

    def body(self) -> ComposeResult:
        yield Label(self._label, markup=False)
        yield Input(self._begun, placeholder=self._hint, id="line", select_on_focus=False)

    def on_mount(self) -> None:
        """The field has the focus, its cursor behind what stands there."""
        field = self.query_one(Input)
        self.set_focus(field)
        field.cursor_position = len(self._begun)

    def on_key(self, event: events.Key) -> None:
        """What a scanner typed before the field had the focus stands in it all the same."""
        field = self.query_one(Input)
        if self.focused is field:
            return
        if event.key == "enter" and self.focused is None:
            event.stop()
            self._take()
        elif event.character is not None and event.is_printable:
            event.stop()
            field.insert_text_at_cursor(event.character)

    def chosen(self, choice: Choice[str | None]) -> None:
        if choice.value is None:
            self.dismiss(None)
        else:
            self._take()

    def on_input_submitted(self) -> None:
        """Enter takes it."""
        self._take()

    def _take(self) -> None:
        typed = self.query_one(Input).value.strip()
        if typed:
            self.dismiss(typed)
