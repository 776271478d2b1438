"""A line of a form whose keys may come all at once, from a scanner: what follows Enter is the next line's."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.widgets import Input


class LineField(Input):
    """Enter goes to the next field before another key is looked at."""

    def __init__(self, value: str, hint: str, after_last: Callable[[], object], *, id: str) -> None:
        """`after_last` is called when the last field of the form was ended."""
        super().__init__(value, placeholder=hint, id=id, compact=True, select_on_focus=False)
        self._after_last = after_last

    async def _on_key(self, event: events.Key) -> None:
        focused = self.screen.focused
        if focused is not None and focused is not self:
            # It was typed for this field before Enter moved the focus on.
            event.stop()
            event.prevent_default()
            focused.post_message(events.Key(event.key, event.character))
        elif event.key == "enter":
            event.stop()
            event.prevent_default()
            self._go_on()
        else:
            await super()._on_key(event)

    def _go_on(self) -> None:
        fields = list(self.screen.query(LineField))
        following = fields[fields.index(self) + 1 :]
        if following:
            self.screen.set_focus(following[0])
        else:
            self._after_last()
