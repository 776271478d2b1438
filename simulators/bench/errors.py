"""What can go wrong on the simulated bench, as one error."""

from __future__ import annotations


class BenchError(Exception):
    """The bench cannot do what was asked: `what` happened, `where` (seat or path), what to do `next`."""

    def __init__(self, what: str, *, where: str | None = None, next: str | None = None) -> None:
        super().__init__(what, where, next)
        self.what, self.where, self.next = what, where, next

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}; {self.next}" if self.next else text
