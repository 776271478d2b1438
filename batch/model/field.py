"""What was done with a finished token outside the desk, as the records hold it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from batch.model.states import LifeState


class FieldAct(enum.StrEnum):
    """What is done with a token in the field; but UNBLOCKED each takes it to the state of that name."""

    HANDED_OVER = "handed-over"
    ACTIVATED = "activated"
    UNBLOCKED = "unblocked"
    LOST = "lost"
    DAMAGED = "damaged"
    RETURNED = "returned"
    DESTROYED = "destroyed"


STATES: Mapping[FieldAct, LifeState] = {
    FieldAct.HANDED_OVER: LifeState.HANDED_OVER,
    FieldAct.ACTIVATED: LifeState.ACTIVE,
    FieldAct.LOST: LifeState.LOST,
    FieldAct.DAMAGED: LifeState.DAMAGED,
    FieldAct.RETURNED: LifeState.RETURNED,
    FieldAct.DESTROYED: LifeState.DESTROYED,
}
"""Where each act takes a token; an unblocked one stays where it is."""

LIFE_EVENTS: Mapping[str, LifeState] = {
    "token.dispatched": LifeState.DISPATCHED,
    "token.acknowledged": LifeState.ACKNOWLEDGED,
    **{f"token.{act}": state for act, state in STATES.items()},
}
"""Every event of the log after which a token is somewhere else, and where."""

TAKEN_BACK = "token.taken-back"
"""The event of a restore that puts a token where an event after the backup (`event`) tells it went."""

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
