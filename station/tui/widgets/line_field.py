"""A line of a form: Enter goes to the next."""

from __future__ import annotations

from collections.abc import Callable

from textual.widgets import Input


class LineField(Input):
    """Enter goes to the next field, and from the last where the form says."""

    def __init__(self, value: str, hint: str, after_last: Callable[[], object], *, id: str) -> None:
        """`after_last` is called when the last field of the form was ended."""
        super().__init__(value, placeholder=hint, id=id, compact=True, select_on_focus=False)
        self._after_last = after_last

    async def action_submit(self) -> None:
        """Go to the next field."""
        fields = list(self.screen.query(LineField))
        following = fields[fields.index(self) + 1 :]
        if following:
            self.screen.set_focus(following[0])
        else:
            self._after_last()
