"""A form of some lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Label

from station.tui.dialogs.base import Choice, Dialog, back


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
                yield Input(
                    one.value,
                    placeholder=one.hint,
                    id=f"field-{one.name}",
                    compact=True,
                    select_on_focus=False,
                )

    def on_mount(self) -> None:
        """The first field has the focus."""
        self.set_focus(self.query(Input).first())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """To the next field, or to the button behind the last."""
        event.stop()
        inputs = list(self.query(Input))
        place = inputs.index(event.input)
        if place + 1 < len(inputs):
            inputs[place + 1].focus()
        else:
            self.query_one("#choice-1").focus()

    def chosen(self, choice: Choice[Mapping[str, str] | None]) -> None:
        if choice.value is None:
            self.dismiss(None)
            return
        typed = {one.name: self._typed(one.name) for one in self._fields}
        lacking = [one.name for one in self._fields if one.needed and not typed[one.name]]
        if lacking:
            self.query_one(f"#field-{lacking[0]}", Input).focus()
        else:
            self.dismiss(typed)

    def _typed(self, name: str) -> str:
        return self.query_one(f"#field-{name}", Input).value.strip()
