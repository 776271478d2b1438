"""Asking before what matters: yes or no, and typing a name before what cannot be undone."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Button, Input, Label

from station.tui.dialogs.base import Choice, Dialog, back
from station.tui.words import _


class Confirm(Dialog[bool]):
    """Whether to do what can be undone; no has the focus."""

    def __init__(self, title: str, text: str, yes: str) -> None:
        super().__init__(title, (back(), Choice(yes, True)))
        self._text = text

    def body(self) -> ComposeResult:
        yield Label(self._text, markup=False)


class TypedConfirmation(Dialog[str]):
    """Dismissed with what was typed once it is `expected`: for what cannot be undone."""

    def __init__(self, title: str, text: str, expected: str, yes: str) -> None:
        super().__init__(title, (back(), Choice(yes, expected, grave=True)))
        self._text, self._expected = text, expected

    def body(self) -> ComposeResult:
        yield Label(self._text, markup=False)
        wanted = _("Type {name} to go on; this cannot be undone.")
        yield Label(wanted.format(name=self._expected), markup=False)
        yield Input(id="typed")

    def on_mount(self) -> None:
        """What cannot be undone cannot be chosen before it is typed."""
        self.query_one("#choice-1", Button).disabled = True
        self.set_focus(self.query_one(Input))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Compare what stands there; a code that was meant for elsewhere is not to be read (R40)."""
        typed = event.value.strip()
        self.query_one("#choice-1", Button).disabled = typed != self._expected
        event.input.password = not self._expected.casefold().startswith(typed.casefold())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the button; it is pressed by itself."""
        button = self.query_one("#choice-1", Button)
        if not button.disabled:
            button.focus()
