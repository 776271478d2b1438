"""States of orders, items, letters, renewals and people, and the one table of transitions each may take.

Whatever the tables do not allow is refused with `Transition`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, TypeVar

from batch.model.errors import Transition


class OrderState(enum.StrEnum):
    """An order's way through the desk. INCOMPLETE: its assessment refuses it as it stands."""

    RECEIVED = "received"
    INCOMPLETE = "incomplete"
    ASSESSED = "assessed"
    APPROVED = "approved"
    REJECTED = "rejected"
    IN_PRODUCTION = "in-production"
    PRODUCED = "produced"
    CLOSED = "closed"


class ItemState(enum.StrEnum):
    """One token to be made. IN_PRODUCTION covers everything between its first step and read-back.

    QUARANTINED waits for a person to choose a way out; SPOILED was reset, destroyed or lost, and is counted.
    PRODUCED is final but for a restore that finds that it was undone after the backup.
    """

    PLANNED = "planned"
    IN_PRODUCTION = "in-production"
    PRODUCED = "produced"
    QUARANTINED = "quarantined"
    SPOILED = "spoiled"
    CANCELLED = "cancelled"


class LetterState(enum.StrEnum):
    """One PIN letter. UNKNOWN: the intent to print is on record, what the printer did is not (R12).

    PRINTED: the printer took all of it. CONFIRMED: somebody has its form in hand, whole and sealed. RETURNED:
    it came back, sealed still. LOST: its form cannot be found, so nobody prints it again (R13). VOID: it was
    never printed and never will be, or its form is spoiled or destroyed.
    """

    SEALED = "sealed"
    PRINTING = "printing"
    PRINTED = "printed"
    UNKNOWN = "unknown"
    CONFIRMED = "confirmed"
    SENT = "sent"
    RETURNED = "returned"
    LOST = "lost"
    VOID = "void"


class FormState(enum.StrEnum):
    """One numbered form of a printer's stock. MISSING: it should be there, and cannot be found."""

    IN_STOCK = "in-stock"
    PRINTED = "printed"
    MAILED = "mailed"
    RETURNED = "returned"
    SPOILED = "spoiled"
    DESTROYED = "destroyed"
    MISSING = "missing"


class LifeState(enum.StrEnum):
    """Where a finished token is, from read-back to its end; whether its certificates hold is told elsewhere.

    ACKNOWLEDGED: who it was sent to has it and said so. HANDED_OVER: its holder has it. ACTIVE: its holder
    changed the PIN and uses it. RETURNED: it is at the desk again, not blank.
    """

    AT_DESK = "at-desk"
    DISPATCHED = "dispatched"
    ACKNOWLEDGED = "acknowledged"
    HANDED_OVER = "handed-over"
    ACTIVE = "active"
    LOST = "lost"
    DAMAGED = "damaged"
    RETURNED = "returned"
    DESTROYED = "destroyed"


class RenewalState(enum.StrEnum):
    """One renewal of a finished token. BEGUN: it waits for what it needs; PAUSED: somebody said for what.

    APPROVED: it may be carried out on the token itself. MAKING: keys are being made on it. ORDERED: a new
    token is ordered in its place. DONE: the new certificates are in use.
    """

    BEGUN = "begun"
    PAUSED = "paused"
    APPROVED = "approved"
    MAKING = "making"
    ORDERED = "ordered"
    DONE = "done"
    CANCELLED = "cancelled"


class ParcelState(enum.StrEnum):
    """What goes to one addressee. CLOSED: all tokens in it were read once more, its papers can be made."""

    PACKING = "packing"
    CLOSED = "closed"
    SENT = "sent"
    CANCELLED = "cancelled"


class LoanState(enum.StrEnum):
    """A reader or USB stick that is lent; what was lost may turn up."""

    LENT = "lent"
    RETURNED = "returned"
    LOST = "lost"


class AcknowledgementState(enum.StrEnum):
    """Somebody said that a token came. WAITING: a person decides whether to believe it (R3)."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class StepState(enum.StrEnum):
    """One step of one item in the journal. UNKNOWN waits for the probe's word, WAITING for the CA's."""

    INTENT = "intent"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    WAITING = "waiting"


class SubscriberState(enum.StrEnum):
    """Whether a subscriber may order."""

    ACTIVE = "active"
    CLOSED = "closed"


class PersonState(enum.StrEnum):
    """How well a person of a subscriber is known; managers become registered with their first token."""

    NAMED = "named"
    IDENTIFIED = "identified"
    REGISTERED = "registered"
    ENDED = "ended"


State = TypeVar(
    "State",
    OrderState,
    ItemState,
    LetterState,
    FormState,
    LifeState,
    RenewalState,
    ParcelState,
    LoanState,
    AcknowledgementState,
    StepState,
    SubscriberState,
    PersonState,
)

ORDER: Mapping[OrderState, frozenset[OrderState]] = {
    OrderState.RECEIVED: frozenset({OrderState.INCOMPLETE, OrderState.ASSESSED, OrderState.REJECTED}),
    OrderState.INCOMPLETE: frozenset({OrderState.ASSESSED, OrderState.REJECTED}),
    OrderState.ASSESSED: frozenset({OrderState.INCOMPLETE, OrderState.APPROVED, OrderState.REJECTED}),
    OrderState.APPROVED: frozenset({OrderState.IN_PRODUCTION}),
    OrderState.REJECTED: frozenset(),
    OrderState.IN_PRODUCTION: frozenset({OrderState.PRODUCED}),
    OrderState.PRODUCED: frozenset({OrderState.IN_PRODUCTION, OrderState.CLOSED}),
    OrderState.CLOSED: frozenset({OrderState.IN_PRODUCTION}),
}
"""A restore may find that a token of a closed order was spoiled, and so open it again."""

UNDECIDED = (OrderState.RECEIVED, OrderState.INCOMPLETE, OrderState.ASSESSED)
"""States of orders that nobody has approved or rejected."""

ITEM: Mapping[ItemState, frozenset[ItemState]] = {
    ItemState.PLANNED: frozenset({ItemState.IN_PRODUCTION, ItemState.QUARANTINED, ItemState.CANCELLED}),
    ItemState.IN_PRODUCTION: frozenset({ItemState.PRODUCED, ItemState.QUARANTINED}),
    ItemState.PRODUCED: frozenset({ItemState.QUARANTINED}),
    ItemState.QUARANTINED: frozenset({ItemState.IN_PRODUCTION, ItemState.SPOILED}),
    ItemState.SPOILED: frozenset(),
    ItemState.CANCELLED: frozenset(),
}

OPEN = (ItemState.PLANNED, ItemState.IN_PRODUCTION, ItemState.QUARANTINED)
"""States of items that keep their order open."""

LETTER: Mapping[LetterState, frozenset[LetterState]] = {
    LetterState.SEALED: frozenset({LetterState.PRINTING, LetterState.UNKNOWN, LetterState.VOID}),
    LetterState.PRINTING: frozenset({LetterState.PRINTED, LetterState.SEALED, LetterState.UNKNOWN}),
    LetterState.PRINTED: frozenset({LetterState.CONFIRMED, LetterState.LOST, LetterState.VOID}),
    LetterState.UNKNOWN: frozenset({LetterState.PRINTED, LetterState.LOST, LetterState.VOID}),
    LetterState.CONFIRMED: frozenset({LetterState.SENT, LetterState.LOST, LetterState.VOID}),
    LetterState.SENT: frozenset({LetterState.RETURNED, LetterState.LOST}),
    LetterState.RETURNED: frozenset({LetterState.SENT, LetterState.LOST, LetterState.VOID}),
    # Found after all, and destroyed.
    LetterState.LOST: frozenset({LetterState.VOID}),
    # Sealed again by a reprint, which two officers signed for (R13).
    LetterState.VOID: frozenset({LetterState.SEALED}),
}

PRINTED_LETTERS = (
    LetterState.PRINTED,
    LetterState.CONFIRMED,
    LetterState.SENT,
    LetterState.RETURNED,
    LetterState.LOST,
)
"""States of letters that have a form."""

OPEN_LETTERS = (LetterState.SEALED, LetterState.PRINTING, LetterState.PRINTED, LetterState.UNKNOWN)
"""States of letters that are not printed and found whole, nor void or lost: their codes may be wanted yet."""

FORM: Mapping[FormState, frozenset[FormState]] = {
    FormState.IN_STOCK: frozenset({FormState.PRINTED, FormState.SPOILED, FormState.MISSING}),
    FormState.PRINTED: frozenset(
        {FormState.MAILED, FormState.SPOILED, FormState.DESTROYED, FormState.MISSING}
    ),
    FormState.MAILED: frozenset({FormState.RETURNED, FormState.MISSING}),
    FormState.RETURNED: frozenset({FormState.MAILED, FormState.DESTROYED, FormState.MISSING}),
    FormState.SPOILED: frozenset({FormState.DESTROYED, FormState.MISSING}),
    FormState.DESTROYED: frozenset(),
    FormState.MISSING: frozenset({FormState.SPOILED, FormState.DESTROYED}),
}
"""A form never goes back into stock."""

LIFE: Mapping[LifeState, frozenset[LifeState]] = {
    LifeState.AT_DESK: frozenset(
        {
            LifeState.DISPATCHED,
            LifeState.HANDED_OVER,
            LifeState.LOST,
            LifeState.DAMAGED,
            LifeState.DESTROYED,
        }
    ),
    LifeState.DISPATCHED: frozenset({LifeState.ACKNOWLEDGED, LifeState.LOST, LifeState.RETURNED}),
    LifeState.ACKNOWLEDGED: frozenset(
        {
            LifeState.HANDED_OVER,
            LifeState.ACTIVE,
            LifeState.LOST,
            LifeState.DAMAGED,
            LifeState.RETURNED,
            LifeState.DESTROYED,
        }
    ),
    LifeState.HANDED_OVER: frozenset(
        {
            LifeState.ACTIVE,
            LifeState.LOST,
            LifeState.DAMAGED,
            LifeState.RETURNED,
            LifeState.DESTROYED,
        }
    ),
    LifeState.ACTIVE: frozenset({LifeState.LOST, LifeState.DAMAGED, LifeState.RETURNED, LifeState.DESTROYED}),
    LifeState.LOST: frozenset({LifeState.RETURNED}),
    LifeState.DAMAGED: frozenset({LifeState.RETURNED, LifeState.DESTROYED}),
    LifeState.RETURNED: frozenset(
        {LifeState.DISPATCHED, LifeState.HANDED_OVER, LifeState.LOST, LifeState.DAMAGED, LifeState.DESTROYED}
    ),
    LifeState.DESTROYED: frozenset(),
}
"""A token that came back may be sent again; whether it may still be used is for its certificates to say."""

RENEWAL: Mapping[RenewalState, frozenset[RenewalState]] = {
    RenewalState.BEGUN: frozenset(
        {RenewalState.PAUSED, RenewalState.APPROVED, RenewalState.ORDERED, RenewalState.CANCELLED}
    ),
    RenewalState.PAUSED: frozenset({RenewalState.BEGUN, RenewalState.APPROVED, RenewalState.CANCELLED}),
    RenewalState.APPROVED: frozenset(
        {RenewalState.PAUSED, RenewalState.MAKING, RenewalState.ORDERED, RenewalState.CANCELLED}
    ),
    RenewalState.MAKING: frozenset({RenewalState.DONE, RenewalState.CANCELLED}),
    RenewalState.ORDERED: frozenset({RenewalState.DONE, RenewalState.CANCELLED}),
    RenewalState.DONE: frozenset(),
    RenewalState.CANCELLED: frozenset(),
}

PARCEL: Mapping[ParcelState, frozenset[ParcelState]] = {
    ParcelState.PACKING: frozenset({ParcelState.CLOSED, ParcelState.CANCELLED}),
    ParcelState.CLOSED: frozenset({ParcelState.SENT, ParcelState.PACKING, ParcelState.CANCELLED}),
    ParcelState.SENT: frozenset(),
    ParcelState.CANCELLED: frozenset(),
}

LOAN: Mapping[LoanState, frozenset[LoanState]] = {
    LoanState.LENT: frozenset({LoanState.RETURNED, LoanState.LOST}),
    LoanState.RETURNED: frozenset(),
    LoanState.LOST: frozenset({LoanState.RETURNED}),
}

ACKNOWLEDGEMENT: Mapping[AcknowledgementState, frozenset[AcknowledgementState]] = {
    AcknowledgementState.WAITING: frozenset({AcknowledgementState.ACCEPTED, AcknowledgementState.REJECTED}),
    AcknowledgementState.ACCEPTED: frozenset(),
    AcknowledgementState.REJECTED: frozenset(),
}

STEP: Mapping[StepState, frozenset[StepState]] = {
    StepState.INTENT: frozenset({StepState.DONE, StepState.FAILED, StepState.UNKNOWN, StepState.WAITING}),
    StepState.WAITING: frozenset({StepState.INTENT, StepState.UNKNOWN}),
    StepState.UNKNOWN: frozenset({StepState.INTENT, StepState.DONE, StepState.FAILED}),
    StepState.FAILED: frozenset({StepState.INTENT}),
    StepState.DONE: frozenset({StepState.UNKNOWN}),
}

SUBSCRIBER: Mapping[SubscriberState, frozenset[SubscriberState]] = {
    SubscriberState.ACTIVE: frozenset({SubscriberState.CLOSED}),
    SubscriberState.CLOSED: frozenset({SubscriberState.ACTIVE}),
}

PERSON: Mapping[PersonState, frozenset[PersonState]] = {
    PersonState.NAMED: frozenset({PersonState.IDENTIFIED, PersonState.ENDED}),
    PersonState.IDENTIFIED: frozenset({PersonState.REGISTERED, PersonState.ENDED}),
    PersonState.REGISTERED: frozenset({PersonState.ENDED}),
    PersonState.ENDED: frozenset(),
}

_TABLES: Mapping[type[enum.StrEnum], Mapping[Any, frozenset[Any]]] = {
    OrderState: ORDER,
    ItemState: ITEM,
    LetterState: LETTER,
    FormState: FORM,
    LifeState: LIFE,
    RenewalState: RENEWAL,
    ParcelState: PARCEL,
    LoanState: LOAN,
    AcknowledgementState: ACKNOWLEDGEMENT,
    StepState: STEP,
    SubscriberState: SUBSCRIBER,
    PersonState: PERSON,
}
"""By type, because states of different tables may share their word."""


def move(now: State, to: State, *, where: str) -> State:
    """`to`, where the table allows it from `now`; raises `Transition` naming what is allowed instead."""
    allowed: frozenset[State] = _TABLES[type(now)][now]
    if to not in allowed:
        ways = ", ".join(sorted(str(state) for state in allowed)) or "nothing; it is final"
        raise Transition(
            f"{now} does not lead to {to}", where=where, next=f"from {now} it can become: {ways}"
        )
    return to
