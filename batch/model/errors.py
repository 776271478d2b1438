"""What can go wrong with an order, as one tree.

BatchError
├── Refused          a rule of issuing forbids it
├── NotFound         no order, item, token or letter of that name
├── Busy             the same work is under way on this home already
├── Transition       a state does not lead where it was asked to go
├── RecordsShut      the records cannot be read or written now; nothing of them is damaged
└── RecordsDamaged   the records contradict themselves, the log or the disk
"""

from __future__ import annotations


class BatchError(Exception):
    """Base: `what` happened, `where` (order, token, row, file), what to do `next`."""

    def __init__(self, what: str, *, where: str | None = None, next: str | None = None) -> None:
        super().__init__(what, where, next)
        self.what, self.where, self.next = what, where, next

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}; {self.next}" if self.next else text


class Refused(BatchError):
    """A rule of issuing forbids it; `what` names the rule."""


class NotFound(BatchError):
    """There is no such order, item, token or letter."""


class Busy(BatchError):
    """The same work is under way on this home already, such as another production."""


class Transition(BatchError):
    """A state does not lead to the one asked for."""


class RecordsShut(BatchError):
    """The records cannot be read or written now: another holds them, the disk is full or does not let us."""


class RecordsDamaged(BatchError):
    """The records contradict themselves, the audit log or the disk."""
