"""A field for a PIN: what is typed is shown as dots only, and leaves as a `Secret`."""

from __future__ import annotations

from textual import events
from textual.binding import Binding
from textual.message import Message
from textual.widget import Widget

from drivers.secret import Secret
from station.tui.words import N_

_LONGEST = 255


class SecretField(Widget, can_focus=True):
    """Keeps bytes that it can wipe, never a string that the screen could show."""

    DEFAULT_CSS = """
    SecretField { height: 3; border: tall $border-blurred; padding: 0 1; background: $surface; }
    SecretField:focus { border: tall $border; }
    """

    BINDINGS = [
        Binding("enter", "submit", N_("Enter"), show=False),
        Binding("backspace", "erase", N_("Erase"), show=False),
        Binding("ctrl+u", "wipe", N_("Erase all"), show=False),
    ]

    class Submitted(Message):
        """What was typed, once."""

        def __init__(self, secret: Secret) -> None:
            super().__init__()
            self.secret = secret

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._typed = bytearray()
        self._characters: list[int] = []

    def render(self) -> str:
        return "•" * len(self._characters) + ("▏" if self.has_focus else "")

    def on_key(self, event: events.Key) -> None:
        """Take a character, before anything else may."""
        if event.character is not None and event.is_printable:
            event.stop()
            event.prevent_default()
            self._take(event.character)

    def on_paste(self, event: events.Paste) -> None:
        """Take what a password manager or a scanner pastes, its first line."""
        event.stop()
        for character in event.text.partition("\n")[0].rstrip("\r"):
            self._take(character)

    def action_submit(self) -> None:
        """Hand it over and forget it; nothing typed is nothing handed over."""
        if self._typed:
            secret = Secret(bytes(self._typed))
            self.action_wipe()
            self.post_message(self.Submitted(secret))

    def action_erase(self) -> None:
        """Take the last character back."""
        if self._characters:
            size = self._characters.pop()
            end = len(self._typed)
            self._typed[end - size : end] = bytes(size)
            del self._typed[end - size :]
            self.refresh()

    def action_wipe(self) -> None:
        """Forget what was typed."""
        self._typed[:] = bytes(len(self._typed))
        self._typed.clear()
        self._characters.clear()
        self.refresh()

    def _take(self, character: str) -> None:
        encoded = character.encode()
        if len(self._typed) + len(encoded) <= _LONGEST and character.isprintable():
            self._typed += encoded
            self._characters.append(len(encoded))
            self.refresh()
