"""Orders of finished tokens on record, with certificates and letters, as a production leaves them."""

from __future__ import annotations

import json

from batch.audit.contents import fingerprints
from batch.audit.log import log
from batch.model.events import Event
from batch.model.orders import Item, Order
from batch.model.states import ItemState, LetterState, LifeState, OrderState, StepState
from batch.orders.decisions import receive
from batch.store import items, journal, letters, lives, orders
from batch.store.database import Records
from tests.unit.certificate_kit import certificate, public_key
from tests.unit.order_kit import approved, draft

EVIDENCE = json.dumps(
    {
        "kind": "attributes",
        "chain": [],
        "attributes": {
            "CKA_LOCAL": True,
            "CKA_ALWAYS_SENSITIVE": True,
            "CKA_NEVER_EXTRACTABLE": True,
        },
    }
)


def finished(
    records: Records, count: int = 3, reference: str = "MVV-1", *, group: str = "Zeehavens"
) -> Order:
    """An order, approved by bob and produced by carl: every token with one certificate and its letter."""
    order = receive(records, draft(reference, count, group=group), "ada")
    approved(records, order.number)
    with records.transaction():
        orders.set_order_state(records, orders.order(records, order.number), OrderState.IN_PRODUCTION)
        log(records, Event("production.begun", "carl", order=order.number))
    for item in list(items.items(records, order)):
        make(records, order, item)
    with records.transaction():
        orders.set_order_state(records, orders.order(records, order.number), OrderState.PRODUCED)
        log(records, Event("order.produced", "carl", order=order.number))
    return orders.order(records, order.number)


def make(records: Records, order: Order, item: Item) -> None:
    """One token, as its lane makes it."""
    serial = f"{item.id * 37:08x}"
    with records.transaction():
        items.begin_item(records, item, "lane-1", "pkcs11", serial)
        for step in ("seal", "verify", "release"):
            journal.intend(records, item.id, step)
            journal.settle(records, item.id, step, StepState.DONE)
        journal.add_key(records, item.id, "authentication", "01")
        journal.set_generated(records, item.id, "authentication", public_key(), EVIDENCE)
        journal.set_certificate(records, item.id, "authentication", certificate(serial=1000 + item.id))
        items.end_item(records, item.id, ItemState.PRODUCED)
        lives.begin(records, item.id)
        letters.add(records, item.mailer_number, item.id)
        made = fingerprints(journal.keys(records, item.id))
        for event, detail in (
            ("item.begun", None),
            ("step.done", {"step": "seal"}),
            ("item.produced", {"certificates": made}),
        ):
            about = Event(event, "carl", order.number, item.mailer_number, "lane-1", serial, detail)
            log(records, about)


def moved(records: Records, number: str, *states: LifeState, by: str = "dirk") -> None:
    """Move a token on its way."""
    item = items.item(records, number)
    with records.transaction():
        for state in states:
            lives.set_state(records, item.id, state)
            event = f"token.{state}"
            order = orders.order_of(records, item.order_id).number
            log(records, Event(event, by, order=order, item=number, token=item.token_serial))


def lettered(records: Records, number: str, *states: LetterState, by: str = "paula") -> None:
    """Move a letter on its way."""
    item = items.item(records, number)
    with records.transaction():
        for state in states:
            letters.set_state(records, number, state, printer="laser", operator=by)
            order = orders.order_of(records, item.order_id).number
            log(records, Event(f"letter.{state}", by, order=order, item=number))


SENT = (LetterState.PRINTING, LetterState.PRINTED, LetterState.CONFIRMED, LetterState.SENT)
"""What a letter goes through until it left."""

THERE = (LifeState.DISPATCHED, LifeState.ACKNOWLEDGED)
"""What a token goes through until somebody said that they have it."""


def delivered(records: Records, order: Order) -> None:
    """Every token of an order is acknowledged and its letter sent."""
    for item in list(items.items(records, order, ItemState.PRODUCED)):
        moved(records, item.mailer_number, *THERE)
        lettered(records, item.mailer_number, *SENT)
