"""The one next step at a simulated desk, from an empty one to a closed order, by what is on record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from batch.model.states import ItemState, LetterState, LifeState, OrderState
from batch.store import items, letters, lives, orders, registry
from batch.store.database import Records
from station.tui.words import _

_OPEN = tuple(state for state in OrderState if state not in (OrderState.CLOSED, OrderState.REJECTED))


@dataclass(frozen=True)
class OnRecord:
    """What matters of the records: is anybody registered, and how far the oldest order is that is not ended.

    `waiting` are tokens at the desk, `sent` those not yet acknowledged.
    """

    registered: bool = False
    order: str | None = None
    state: OrderState | None = None
    unfinished: int = 0
    waiting: int = 0
    sent: int = 0
    letters: Mapping[LetterState, int] = field(default_factory=dict)

    def letters_in(self, *states: LetterState) -> int:
        """How many letters are in any of these states."""
        return sum(self.letters.get(state, 0) for state in states)


@dataclass(frozen=True)
class Practice:
    """A simulated desk to practise at: PINs of people and key tokens, no secrets there, and sample files.

    `bench` is its bench where it was started for this screen, with which it ends.
    """

    pins: Mapping[str, str]
    order: Path
    registry: Path
    bench: Path | None = None


def on_record(records: Records) -> OnRecord:
    """Read it."""
    registered = next(registry.subscribers(records), None) is not None
    # What was begun is finished first; only then is the newest one the end of it.
    found = orders.orders(records, *_OPEN)[:1] or orders.orders(records)[-1:]
    if not found:
        return OnRecord(registered)
    order = found[0]
    moved = lives.counts(records, order.id)
    made = items.counts(records, order)
    return OnRecord(
        registered,
        order.number,
        order.state,
        sum(made.get(state, 0) for state in (ItemState.PLANNED, ItemState.IN_PRODUCTION)),
        moved.get(LifeState.AT_DESK, 0),
        moved.get(LifeState.DISPATCHED, 0),
        letters.counts(records, order.id),
    )


def step(found: OnRecord, desk: Practice, operator: str | None, *, producing: bool = False) -> str:
    """The next step, with who takes it and the keys; the first thing is always who is logged in."""
    who, what = _next(found, desk, producing=producing)
    if who is None:
        return what
    pin = desk.pins.get(who, "")
    if who == operator:
        told = _("{what} · PIN of {name}: {pin}")
        return told.format(what=what, name=who, pin=pin)
    if operator is not None:
        return _("That is for {name} to do: ^l locks, then log in as {name}.").format(name=who)
    return _("Log in as {name}: choose the name, Enter, PIN {pin}.").format(name=who, pin=pin)


def _next(found: OnRecord, desk: Practice, *, producing: bool) -> tuple[str | None, str]:
    number = found.order or ""
    if producing:
        return None, _("Tokens are being made: F2 shows the lanes, and what they want of your hands.")
    if not found.registered:
        told = _("F9 opens the registry, i imports: type {file}").format(file=desk.registry)
        return "olga", told
    match found.state:
        case None:
            return "olga", _("F3 opens the orders, i imports: type {file}").format(file=desk.order)
        case OrderState.RECEIVED | OrderState.INCOMPLETE:
            return "olga", _("F3, a assesses order {number}.").format(number=number)
        case OrderState.ASSESSED:
            return "bert", _("F3, y approves order {number}: never who brought it in.").format(number=number)
        case OrderState.CLOSED | OrderState.REJECTED:
            return None, _("That is all of it. F10 shows what was written down; ^g hides this line.")
        case OrderState.APPROVED | OrderState.IN_PRODUCTION:
            if found.unfinished:
                told = _("F2, s starts order {number}; PIN of bench {bench}, of ca {ca}.")
                pins = {key: desk.pins.get(key, "") for key in ("bench", "ca")}
                return "olga", told.format(number=number, **pins)
        case _:
            pass
    return _after_production(found, desk, number)


def _after_production(found: OnRecord, desk: Practice, number: str) -> tuple[str | None, str]:
    if found.waiting:
        told = _("F5: n packs order {number}, k reads each token once more, c closes, s sends.")
        return "dirk", told.format(number=number)
    if found.sent:
        return "olga", _("F5: a takes in that a parcel came, as its manager writes.")
    if found.letters_in(LetterState.SEALED):
        told = _("F4: p prints the letters of {number}, with carla, whose PIN is {pin}.")
        return "pim", told.format(number=number, pin=desk.pins.get("carla", ""))
    if found.letters_in(LetterState.PRINTING, LetterState.PRINTED, LetterState.UNKNOWN):
        return "pim", _("F4: c confirms the form of each letter, from F0001 on.")
    if found.letters_in(LetterState.CONFIRMED):
        return "pim", _("F4: m sends the letters, by another way than the tokens.")
    return "olga", _("F3, c closes order {number}, once all of it reconciles.").format(number=number)
