"""Several lines of text, asked for one below the other; a scanner's Enter goes on to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.widgets import Input, Label

from station.tui.dialogs.base import Choice, Dialog, back
from station.tui.words import _


@dataclass(frozen=True)
class Field:
    """One line: `name` is its key in the answer, `begun` what stands there at first."""

    name: str
    label: str
    begun: str = ""
    optional: bool = False


class AskFields(Dialog[Mapping[str, str]]):
    """Dismissed with what was typed by name, once every field that must be filled is."""

    def __init__(self, title: str, fields: Sequence[Field], *, text: str = "", yes: str = "") -> None:
        super().__init__(title, (back(), Choice(yes or _("OK"), {})))
        self._fields, self._text = tuple(fields), text

    def body(self) -> ComposeResult:
        if self._text:
            yield Label(self._text, markup=False)
        for one in self._fields:
            label = _("{field} (may be left out)").format(field=one.label) if one.optional else one.label
            yield Label(label, markup=False, classes="field--label")
            yield Input(one.begun, id=f"field-{one.name}", select_on_focus=False, compact=True)

    def on_mount(self) -> None:
        """The first that is empty has the focus."""
        self._to_next(0)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go on to the next that must be filled, or take all."""
        event.stop()
        place = next(at for at, one in enumerate(self._fields) if event.input.id == f"field-{one.name}")
        if event.value.strip() or self._fields[place].optional:
            self._to_next(place + 1)

    def chosen(self, choice: Choice[Mapping[str, str] | None]) -> None:
        if choice.value is None:
            self.dismiss(None)
        else:
            self._take()

    def _to_next(self, place: int) -> None:
        if place < len(self._fields):
            field = self.query_one(f"#field-{self._fields[place].name}", Input)
            field.focus()
            field.cursor_position = len(field.value)
        else:
            self._take()

    def _take(self) -> None:
        typed = {one.name: self.query_one(f"#field-{one.name}", Input).value.strip() for one in self._fields}
        lacking = [at for at, one in enumerate(self._fields) if not one.optional and not typed[one.name]]
        if lacking:
            self._to_next(lacking[0])
        else:
            self.dismiss(typed)
