"""A line for a path, typed or pasted."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

_WHOLE = ("/", "~", "file://", "'/", '"/')


class PathField(Input):
    """What is pasted takes the place of what stands there where it is a whole path."""

    def __init__(self, begun: str, *, id: str) -> None:
        super().__init__(begun, id=id, compact=True, select_on_focus=False)

    def take(self, text: str) -> None:
        """Have this stand there, its end in sight."""
        self.value = text
        self.cursor_position = len(text)

    def on_paste(self, event: events.Paste) -> None:
        """Only its first line is looked at."""
        line = event.text.strip().partition("\n")[0].strip()
        if line.startswith(_WHOLE):
            event.stop()
            event.prevent_default()
            self.take(line)
