"""Choosing one of several."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from textual.app import ComposeResult
from textual.widgets import Label, OptionList, SelectionList
from textual.widgets.option_list import Option
from textual.widgets.selection_list import Selection

from station.tui.dialogs.base import Choice, Dialog, Value, back
from station.tui.words import _


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
        self.set_focus(self.query_one("#options", OptionList))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """It was chosen."""
        event.stop()
        self.dismiss(self._options[event.option_index][1])


class ChooseSome(Dialog[tuple[str, ...]]):
    """Dismissed with the values of those that were marked, at least one."""

    def __init__(
        self, title: str, options: Sequence[tuple[str, str]], yes: str, marked: Collection[str] = ()
    ) -> None:
        """`options` are labels with their values; those of `marked` are so from the beginning."""
        super().__init__(title, (back(), Choice(yes, ())))
        self._options = [Selection(label, value, value in marked) for label, value in options]

    def body(self) -> ComposeResult:
        yield Label(_("Space marks; Tab goes to the buttons."), markup=False)
        yield SelectionList[str](*self._options, id="some")

    def on_mount(self) -> None:
        """The list has the focus."""
        self.set_focus(self.query_one("#some", SelectionList))

    def chosen(self, choice: Choice[tuple[str, ...] | None]) -> None:
        if choice.value is None:
            self.dismiss(None)
        elif marked := self.query_one("#some", SelectionList).selected:
            self.dismiss(tuple(marked))
