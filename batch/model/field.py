"""What was done with a finished token outside the desk, as the records hold it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class FieldAct(enum.StrEnum):
    """What is done with a token in the field; but UNBLOCKED each takes it to the state of that name."""

    HANDED_OVER = "handed-over"
    ACTIVATED = "activated"
    UNBLOCKED = "unblocked"
    LOST = "lost"
    DAMAGED = "damaged"
    RETURNED = "returned"
    DESTROYED = "destroyed"


HOLDER = "holder"
"""Who a personal token is handed over to; the item has the name."""


@dataclass(frozen=True)
class Done:
    """One act: by whom, with or before whom (`other`), and why.

    Of a hand-over: `recipient` is `HOLDER` or the number of a registered manager, `consents` are those
    given (R6), `signed` is the SHA-256 of the signed paper.
    """

    item_id: int
    act: FieldAct
    at: datetime
    operator: str
    other: str | None = None
    why: str | None = None
    recipient: str | None = None
    consents: tuple[str, ...] = ()
    signed: str | None = None
