"""What can go wrong with an order, as one tree.

BatchError
├── Refused          a rule of issuing forbids it
├── NotTrusted       a statement or a register that is not signed by whom it should be
├── NotFound         no order, item, token or letter of that name
├── Busy             the same work is under way on this home already
├── Transition       a state does not lead where it was asked to go
├── RecordsShut      the records cannot be read or written now; nothing of them is damaged
├── NotLogged        the log does not take an event, so what it tells is not done (R37)
├── FaultyNote       a checkpoint or a verifier key that cannot be read
├── FaultyValue      a value or file given for the registry that is none
└── RecordsDamaged   the records contradict themselves, the log or the disk
"""

from __future__ import annotations

from drivers.errors import ToldError


class BatchError(ToldError):
    """Base of all errors of orders; `where` is an order, a token, a row or a file."""


class Refused(BatchError):
    """A rule of issuing forbids it; `what` names the rule."""


class NotTrusted(BatchError):
    """A statement, a signature or the register of operators does not hold; what relies on it is not done."""


class NotFound(BatchError):
    """There is no such order, item, token or letter."""


class Busy(BatchError):
    """The same work is under way on this home already, such as another production."""


class Transition(BatchError):
    """A state does not lead to the one asked for."""


class RecordsShut(BatchError):
    """The records cannot be read or written now: another holds them, the disk is full or does not let us."""


class NotLogged(BatchError):
    """The log does not take an event; nothing of what the event tells is on record, and the work stops."""


class FaultyNote(BatchError):
    """A signed checkpoint or a verifier key that cannot be read."""


class FaultyValue(BatchError):
    """A value or a file given for the registry is none; `where` is what it was given for."""


class RecordsDamaged(BatchError):
    """The records contradict themselves, the audit log or the disk."""
