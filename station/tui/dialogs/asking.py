"""A line of text; a number typed or scanned."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.widgets import Input, Label

from drivers.errors import ToldError
from station.tui.dialogs.base import Choice, Dialog, back
from station.tui.known_numbers import begins_known
from station.tui.words import _


class AskLine(Dialog[str]):
    """Dismissed with a line that is not empty; a scanner's Enter ends it as a person's does."""

    hidden: ClassVar[bool] = False
    """Whether what is typed is hidden at first."""

    def __init__(self, title: str, label: str, begun: str = "", *, hint: str = "") -> None:
        super().__init__(title, (back(), Choice(_("OK"), "")))
        self._label, self._begun, self._hint = label, begun, hint

    def body(self) -> ComposeResult:
        yield Label(self._label, markup=False)
        yield Input(
            self._begun,
            placeholder=self._hint,
            id="line",
            select_on_focus=False,
            password=self.hidden,
        )

    def on_mount(self) -> None:
        """The field has the focus, its cursor behind what stands there."""
        field = self.query_one(Input)
        self.set_focus(field)
        field.cursor_position = len(self._begun)

    def on_key(self, event: events.Key) -> None:
        """What a scanner types stands in the field, wherever the focus is."""
        field = self.query_one(Input)
        if self.focused is not field and event.character is not None and event.is_printable:
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


class AskNumber(AskLine):
    """A number typed or scanned; digits like which nothing on record begins may be a PIN, and stay hidden."""

    hidden = True

    def body(self) -> ComposeResult:
        yield from super().body()
        yield Label("", id="unknown", markup=False)

    @on(Input.Changed, "#line")
    @work(exclusive=True, group="known", exit_on_error=False)
    async def look(self, event: Input.Changed) -> None:
        """Hide what may be a PIN, or show what is none."""
        typed = event.value.strip()
        try:
            shown = await self.station.reader.read(lambda _desk, records: begins_known(records, typed))
        except ToldError:
            shown = False
        event.input.password = not shown
        self.query_one("#unknown", Label).update(
            "" if shown else _("Nothing on record begins like that; it is not shown.")
        )
