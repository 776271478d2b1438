"""Closing an order: only where every token, parcel, letter and form of it is accounted for (R14)."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from batch.audit.log import log
from batch.model.errors import Refused
from batch.model.events import Event
from batch.model.orders import Order
from batch.model.states import FormState, ItemState, LetterState, LifeState, OrderState, ParcelState
from batch.store import items, letters, lives, orders, settling
from batch.store.database import Records
from batch.store.settling import Some


class Settled(enum.Enum):
    """Whether a state lets an order be closed. UNLESS_HOLDING: once no certificate of the token holds."""

    YES = enum.auto()
    UNLESS_HOLDING = enum.auto()
    NO = enum.auto()


@dataclass(frozen=True)
class Rule:
    """Whether a state is settled, why, and the command that brings it further."""

    settled: Settled
    because: str
    command: str = ""


_State = TypeVar("_State", bound=enum.StrEnum)

_REVOKE = "station token revoke NUMBER --reason keyCompromise"
_READY = "station letter list --order ORDER --ready"
_DESTROY = "station token destroy NUMBER --witness NAME --reason WHY"

ITEMS: Mapping[ItemState, Rule] = {
    ItemState.PLANNED: Rule(Settled.NO, "planned, and not begun", "station produce ORDER"),
    ItemState.IN_PRODUCTION: Rule(Settled.NO, "begun, and not finished", "station produce ORDER"),
    ItemState.QUARANTINED: Rule(Settled.NO, "in quarantine", "station quarantine list --order ORDER"),
    ItemState.PRODUCED: Rule(Settled.YES, "finished; where it is, is asked next"),
    ItemState.SPOILED: Rule(Settled.YES, "given up before a witness, and counted"),
    ItemState.CANCELLED: Rule(Settled.YES, "never begun, and counted"),
}
"""Tokens to be made."""

LIVES: Mapping[LifeState, Rule] = {
    LifeState.AT_DESK: Rule(
        Settled.NO, "finished, and still at the desk", "station token list --order ORDER --state at-desk"
    ),
    LifeState.DISPATCHED: Rule(
        Settled.NO, "sent, and not acknowledged", "station acknowledge list --order ORDER"
    ),
    LifeState.ACKNOWLEDGED: Rule(Settled.YES, "who it was sent to said that they have it"),
    LifeState.HANDED_OVER: Rule(Settled.YES, "its holder took it and signed for it"),
    LifeState.ACTIVE: Rule(Settled.YES, "its holder uses it"),
    LifeState.LOST: Rule(Settled.UNLESS_HOLDING, "lost, with certificates that hold", _REVOKE),
    LifeState.DAMAGED: Rule(
        Settled.UNLESS_HOLDING,
        "damaged, with certificates that hold",
        _REVOKE,
    ),
    LifeState.RETURNED: Rule(Settled.NO, "at the desk again, not blank", _DESTROY),
    LifeState.DESTROYED: Rule(Settled.YES, "destroyed before a witness, its keys with it"),
}
"""Finished tokens."""

LETTERS: Mapping[LetterState, Rule] = {
    LetterState.SEALED: Rule(Settled.NO, "not printed", "station letter print ORDER"),
    LetterState.PRINTING: Rule(Settled.NO, "at the printer", "station letter print ORDER"),
    LetterState.UNKNOWN: Rule(Settled.NO, "perhaps printed: nobody has said", "station letter settle NUMBER"),
    LetterState.PRINTED: Rule(
        Settled.NO,
        "printed, and not confirmed by who has it in hand",
        "station letter confirm --order ORDER",
    ),
    LetterState.CONFIRMED: Rule(Settled.NO, "still at the desk", _READY),
    LetterState.SENT: Rule(Settled.YES, "it left"),
    LetterState.RETURNED: Rule(
        Settled.NO, "came back, and is at the desk", "station letter list --order ORDER --ready"
    ),
    LetterState.LOST: Rule(Settled.UNLESS_HOLDING, "lost, and its token's certificates hold (R13)", _REVOKE),
    LetterState.VOID: Rule(Settled.YES, "never printed, or its form is accounted for"),
}
"""PIN letters; one whose token ended is void, or its form is destroyed."""

FORMS: Mapping[FormState, Rule] = {
    FormState.IN_STOCK: Rule(Settled.YES, "of no letter"),
    FormState.PRINTED: Rule(Settled.YES, "as its letter is"),
    FormState.MAILED: Rule(Settled.YES, "it left with its letter"),
    FormState.RETURNED: Rule(Settled.YES, "as its letter is"),
    FormState.SPOILED: Rule(
        Settled.NO, "spoiled, and not destroyed: codes may stand on it", "station letter forms destroy FORM"
    ),
    FormState.DESTROYED: Rule(Settled.YES, "destroyed before a witness"),
    FormState.MISSING: Rule(
        Settled.UNLESS_HOLDING, "missing, and its token's certificates hold (R13)", _REVOKE
    ),
}
"""Numbered forms on which letters of the order were printed (R14)."""

PARCELS: Mapping[ParcelState, Rule] = {
    ParcelState.PACKING: Rule(Settled.NO, "being packed", "station dispatch close NUMBER"),
    ParcelState.CLOSED: Rule(Settled.NO, "packed, and not sent", "station dispatch send NUMBER"),
    ParcelState.SENT: Rule(Settled.YES, "it left; its tokens are acknowledged each"),
    ParcelState.CANCELLED: Rule(Settled.YES, "nothing is in it"),
}
"""Parcels."""


@dataclass(frozen=True)
class Obstacle:
    """What keeps an order open: how many of `what`, the first numbers, why, and the command that mends it."""

    what: str
    count: int
    first: tuple[str, ...]
    why: str
    command: str

    @property
    def told(self) -> str:
        """How many of what, such as `2 tokens (000001, 000002)`."""
        more = ", …" if self.count > len(self.first) else ""
        what = self.what if self.count == 1 else f"{self.what}s"
        return f"{self.count} {what} ({', '.join(self.first)}{more})"


class NotSettled(Refused):
    """An order of which something is open; `obstacles` tells all of it."""

    def __init__(self, order: Order, obstacles: tuple[Obstacle, ...]) -> None:
        told = "; ".join(f"{one.told} {one.why}" for one in obstacles)
        super().__init__(f"it is not settled: {told}", where=order.number, next=obstacles[0].command)
        self.obstacles = obstacles


def obstacles(records: Records, order: Order, on: date) -> Iterator[Obstacle]:
    """All that keeps an order from being closed on a day, in the order in which it is best mended."""
    yield from _of_tokens(records, order, on)
    for parcel in _open(PARCELS):
        yield from _told(order, "parcel", PARCELS[parcel], settling.parcels_in(records, order, parcel))
    waiting = settling.acknowledgements_waiting(records, order)
    wait = Rule(Settled.NO, "an acknowledgement waits for a person", "station acknowledge list --order ORDER")
    yield from _told(order, "token", wait, waiting)
    # Counted first: of most states there is none.
    for letter in _open(LETTERS, letters.counts(records, order.id)):
        rule = LETTERS[letter]
        letters_ = settling.letters_in(records, order, letter, holding_on=_holding(rule, on))
        yield from _told(order, "letter", rule, letters_)
    for form in _open(FORMS, settling.forms(records, order)):
        rule = FORMS[form]
        forms = settling.forms_in(records, order, form, holding_on=_holding(rule, on))
        yield from _told(order, "form", rule, forms)
    pending = Rule(Settled.NO, "the CA has not answered that they are revoked", "station ca crl")
    yield from _told(order, "token", pending, settling.revocations_waiting(records, order))


def _of_tokens(records: Records, order: Order, on: date) -> Iterator[Obstacle]:
    for item in _open(ITEMS, items.counts(records, order)):
        yield from _told(order, "token", ITEMS[item], settling.items_in(records, order, item))
    whole = items.balance(records, order)
    if not whole.holds:
        why = f"the balance does not hold: {whole}"
        yield Obstacle("order", 1, (order.number,), why, "station audit verify")
    for life in _open(LIVES, lives.counts(records, order.id)):
        rule = LIVES[life]
        found = settling.lives_in(records, order, life, holding_on=_holding(rule, on))
        yield from _told(order, "token", rule, found)


def _open(table: Mapping[_State, Rule], counts: Mapping[_State, int] | None = None) -> list[_State]:
    """The states that are not settled, of those only in which something is."""
    return [
        state
        for state, rule in table.items()
        if rule.settled is not Settled.YES and (counts is None or counts.get(state))
    ]


def _holding(rule: Rule, on: date) -> date | None:
    return on if rule.settled is Settled.UNLESS_HOLDING else None


def close(records: Records, number: str, operator: str, on: date) -> Order:
    """Close an order on a day; the log tells its balances.

    Raises `NotSettled` naming all that is open, `Transition` where the order is not produced.
    """
    with records.transaction():
        order = orders.order(records, number)
        if order.state is OrderState.PRODUCED and (found := tuple(obstacles(records, order, on))):
            raise NotSettled(order, found)
        orders.set_order_state(records, order, OrderState.CLOSED)
        detail = {"balance": str(items.balance(records, order)), **counted(records, order)}
        log(records, Event("order.closed", operator, order=order.number, detail=detail))
    return orders.order(records, order.number)


def counted(records: Records, order: Order) -> dict[str, dict[str, int]]:
    """Finished tokens, letters and forms of an order by their states, those of none left out."""
    return {
        "tokens": {str(state): count for state, count in lives.counts(records, order.id).items() if count},
        "letters": {str(state): count for state, count in letters.counts(records, order.id).items() if count},
        "forms": {str(state): count for state, count in settling.forms(records, order).items()},
    }


def _told(order: Order, what: str, rule: Rule, found: Some) -> Iterator[Obstacle]:
    if found:
        command = rule.command.replace("ORDER", order.number)
        for word in ("NUMBER", "FORM"):
            command = command.replace(word, found.first[0])
        yield Obstacle(what, found.count, found.first, rule.because, command)
