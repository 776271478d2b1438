"""An application whose unexpected end shows nothing of what was typed."""

from __future__ import annotations

from typing import TypeVar

from textual.app import App
from textual.worker import WorkerFailed

Result = TypeVar("Result")


class DiscreetApp(App[Result]):
    """Ends without a word at an error nobody expected; who ran it raises it, and it is told as any is."""

    def _fatal_error(self) -> None:
        """Textual's own shows what is in variables, a pasted PIN among it (R40)."""
        self.bell()
        self._close_messages_no_wait()

    def raise_fault(self) -> None:
        """Raise what ended it, where nobody expected that."""
        error: BaseException | None = self._exception
        if isinstance(error, WorkerFailed):
            error = error.error
        if error is not None:
            raise error
