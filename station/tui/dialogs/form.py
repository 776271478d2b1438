"""A form of some lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Label

from station.tui.dialogs.base import Choice, Dialog, back
from station.tui.widgets.line_field import LineField


@dataclass(frozen=True)
class Field:
    """A line of a form: its name, what is asked, what stands there, how it is written, whether it must be."""

    name: str
    label: str
    value: str = ""
    hint: str = ""
    needed: bool = False


class Form(Dialog[Mapping[str, str]]):
    """Dismissed with what stands in every field, by name; Enter goes to the next one."""

    def __init__(self, title: str, fields: Sequence[Field], yes: str, text: str = "") -> None:
        super().__init__(title, (back(), Choice(yes, {})))
        self._fields, self._text = tuple(fields), text

    def body(self) -> ComposeResult:
        if self._text:
            yield Label(self._text, markup=False)
        for one in self._fields:
            with Horizontal(classes="form--line"):
                yield Label(one.label, classes="form--label", markup=False)
                yield LineField(one.value, one.hint, self._to_button, id=f"field-{one.name}")

    def on_mount(self) -> None:
        """The first field has the focus."""
        self.set_focus(self.query(LineField).first())

    def _to_button(self) -> None:
        self.set_focus(self.query_one("#choice-1"))

    def chosen(self, choice: Choice[Mapping[str, str] | None]) -> None:
        if choice.value is None:
            self.dismiss(None)
            return
        typed = {one.name: self._typed(one.name) for one in self._fields}
        lacking = [one.name for one in self._fields if one.needed and not typed[one.name]]
        if lacking:
            self.query_one(f"#field-{lacking[0]}", LineField).focus()
        else:
            self.dismiss(typed)

    def _typed(self, name: str) -> str:
        return self.query_one(f"#field-{name}", LineField).value.strip()
