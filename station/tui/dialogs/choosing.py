"""Choosing one of several."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from station.tui.dialogs.base import Dialog, Value, back


class Choose(Dialog[Value]):
    """Dismissed with the value of the option that was chosen."""

    def __init__(self, title: str, options: Sequence[tuple[str, Value]], text: str = "") -> None:
        """`options` are labels with their values."""
        super().__init__(title, (back(),))
        self._options, self._text = tuple(options), text

    def body(self) -> ComposeResult:
        if self._text:
            yield Label(self._text, markup=False)
        yield OptionList(
            *(Option(label, id=f"option-{place}") for place, (label, _value) in enumerate(self._options)),
            id="options",
            markup=False,
        )

    def on_mount(self) -> None:
        """The first has the cursor."""
        self.query_one("#options", OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """It was chosen."""
        event.stop()
        self.dismiss(self._options[event.option_index][1])
