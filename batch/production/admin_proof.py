"""Proving that a token's admin credential can be had again: it is shown once to the token, and to nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from batch.audit.log import log
from batch.model.codes import Binding, DerivedAdmin, SealedCodes
from batch.model.errors import Refused
from batch.model.events import Event
from batch.model.orders import Item
from batch.model.states import StepState
from batch.orders.epochs import need_open
from batch.people.acting import Actor
from batch.people.ceremonies import Room, open_for
from batch.people.custody_room import RECOVERING
from batch.production.assignment import LaneFacts, Stepped
from batch.production.budget import Budget
from batch.production.plan import Kind, Step
from batch.production.reset import Held, held, need_own
from batch.production.seats import Seat
from batch.store import codes, items, journal, orders
from batch.store.database import Records
from drivers.errors import AuthenticationFailed, Unsupported
from drivers.process import Child
from drivers.tokens import Code

_ANSWER = 120.0

Keys = Callable[[Item, SealedCodes], AbstractContextManager[Room]]
"""The process that has an admin credential: custody's, or that of the diversification keys."""


@dataclass(frozen=True)
class Proof:
    """Whether a token took its admin credential, and the diversification key it is from, None for custody."""

    number: str
    serial: str
    diversified_from: str | None
    accepted: bool


def sealed_of(records: Records, item: Item) -> SealedCodes:
    """The codes under seal of an item; raises `Refused` where its token never got an admin credential."""
    sealed = codes.sealed(records, item.id)
    if sealed is None or item.token_serial is None or item.token_free:
        raise Refused(
            "no token holds an admin credential of its own",
            where=f"token {item.mailer_number}",
            next=f"`station token show {item.mailer_number}` tells what it is",
        )
    return sealed


def prove(records: Records, number: str, seat: Seat, run_directory: Path, keys: Keys, operator: str) -> Proof:
    """Show the admin credential of the token `number` once to the one in a seat, its intent on record first.

    Raises `WrongToken`, `Refused` or `RetryBudget` before any try is made, and what keys and driver raise.
    """
    item = items.item(records, number)
    sealed = sealed_of(records, item)
    assert item.token_serial is not None, "sealed_of was asked"
    with keys(item, sealed) as opened, held(seat, run_directory) as found:
        need_own(item, seat, found)
        facts = found.lane.ask("describe", timeout=_ANSWER)
        assert isinstance(facts, LaneFacts)
        need_set(records, item, facts)
        for_lane = recover(records, item, sealed, opened, found.lane, facts)
        return _shown(records, item, sealed, seat, found, for_lane, operator)


def open_to_recover(records: Records, item: Item, room: Room, officers: Sequence[Actor]) -> None:
    """Officers open custody together for the admin credential of one token, and for nothing else."""
    order = orders.order_of(records, item.order_id)
    need_open(records, order)
    about = {"token": item.mailer_number}
    open_for(records, room, officers, RECOVERING, about, order=order.number)


def recover(
    records: Records, item: Item, sealed: SealedCodes, keys: Room, lane: Child, facts: LaneFacts
) -> bytes:
    """An item's admin credential, out of custody or derived, wrapped to a lane that gave its key."""
    binding, lane_key = Binding(item.id, item.mailer_number), lane.ask("lane_key", timeout=_ANSWER)
    if sealed.diversified_from is None:
        epoch = codes.epoch(records, item.order_id)
        assert epoch is not None, "codes are sealed to their order's epoch"
        for_lane = keys.ask("admin", epoch.key_name, binding, sealed, lane_key, timeout=_ANSWER)
        assert isinstance(for_lane, bytes)
        return for_lane
    derived = keys.ask(
        "derive",
        sealed.diversified_from,
        binding,
        item.token_driver,
        facts.rules.admin,
        lane_key,
        timeout=_ANSWER,
    )
    assert isinstance(derived, DerivedAdmin)
    return derived.for_lane


def need_set(records: Records, item: Item, facts: LaneFacts) -> None:
    """Raise `Unsupported` where an item's admin credential was not set here."""
    by_initialise = Code.ADMIN in facts.rules.by_initialise
    step = Step(Kind.INITIALISE if by_initialise else Kind.SET_ADMIN).name
    if journal.steps(records, item.id).get(step) is not StepState.DONE:
        raise Unsupported(
            "its admin credential was not set here, or it is not known whether it was",
            where=f"token {item.mailer_number}",
            next=f"`station token show {item.mailer_number}` tells the steps that were done",
        )


def _shown(
    records: Records,
    item: Item,
    sealed: SealedCodes,
    seat: Seat,
    found: Held,
    for_lane: bytes,
    operator: str,
) -> Proof:
    assert item.token_serial is not None
    budget = Budget(records, seat.driver, item, item.token_serial)
    order = orders.order_of(records, item.order_id).number
    origin = {"diversified_from": sealed.diversified_from} if sealed.diversified_from else {"custody": True}

    def tell(name: str, detail: dict[str, object]) -> None:
        event = Event(
            name,
            operator,
            order=order,
            item=item.mailer_number,
            seat=seat.name,
            token=item.token_serial,
            detail=detail,
        )
        log(records, event)

    with records.transaction():
        budget.looked_at(found.state)
        left = budget.left()
        tell("token.admin-recovering", {**origin, "booked": budget.book_one(Code.ADMIN)})
    binding = Binding(item.id, item.mailer_number)
    stepped = found.lane.ask("prove_admin", binding, for_lane, left, timeout=_ANSWER)
    assert isinstance(stepped, Stepped)
    refusal = isinstance(stepped.error, AuthenticationFailed)
    accepted = stepped.error is None
    with records.transaction():
        budget.settle(stepped.shown)
        unclear = {} if accepted or refusal else {"reason": str(stepped.error)}
        tell("token.admin-recovered", {**origin, "accepted": None if unclear else accepted, **unclear})
    if unclear:
        stepped.result()
    return Proof(item.mailer_number, item.token_serial, sealed.diversified_from, accepted)
