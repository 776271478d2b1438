"""A list with what is known of the row under the cursor: Enter goes there, Escape comes back."""

from __future__ import annotations

from textual.containers import Vertical
from textual.widget import Widget

_OPEN = "-open"


class Split(Vertical):
    """Of its two children the first is the list, the second the details, which take all room once opened."""

    def __init__(self, list_: Widget, details: Widget, *, id: str | None = None) -> None:
        super().__init__(list_, details, id=id, classes="split")
        self._list, self._details = list_, details

    @property
    def opened(self) -> bool:
        """Whether the details have the focus."""
        return self.has_class(_OPEN)

    def open(self) -> None:
        """Go to the details."""
        self.add_class(_OPEN)
        self._details.focus()

    def close(self, back: Widget) -> None:
        """Go back to the list, to a widget of it."""
        self.remove_class(_OPEN)
        back.focus()
