"""A custody key ends when its letters are printed or void, and opens nothing from then on (R42)."""

from __future__ import annotations

import pytest

from batch.audit.log import log
from batch.model.errors import Refused
from batch.model.events import Event
from batch.model.orders import Order
from batch.model.states import ItemState, LetterState, OrderState
from batch.orders.decisions import receive
from batch.orders.epochs import ending, need_open, take
from batch.store import custody, items, letters, orders
from batch.store.database import Records
from tests.unit.custody_kit import in_stock
from tests.unit.order_kit import draft


@pytest.fixture
def order(records: Records) -> Order:
    """An order of two tokens whose epoch began."""
    received = receive(records, draft(count=2), "ada")
    key = in_stock(b"key")(records)
    with records.transaction():
        for state in (OrderState.ASSESSED, OrderState.APPROVED, OrderState.IN_PRODUCTION):
            orders.set_order_state(records, received, state, decided_by="bob")
            received = orders.order(records, received.number)
        take(records, received, key)
        log(records, Event("test", "bob"))
    return received


def produce(records: Records, order: Order) -> None:
    with records.transaction():
        for item in list(items.items(records, order)):
            items.begin_item(records, item, "seat", "piv", f"serial-{item.id}")
            items.end_item(records, item.id, ItemState.PRODUCED)
            letters.add(records, item.mailer_number, item.id)
        log(records, Event("test", "ada"))


def move(records: Records, order: Order, *states: LetterState, only: int | None = None) -> None:
    with records.transaction():
        for item in list(items.items(records, order))[:only]:
            for state in states:
                letters.set_state(records, item.mailer_number, state, printer="p", operator="carl")
        log(records, Event("test", "carl"))


def test_it_does_not_end_while_a_token_is_open(records: Records, order: Order) -> None:
    with pytest.raises(Refused, match="2 of its tokens are not finished"):
        ending(records, order.number)


def test_it_does_not_end_while_a_letter_is_sealed_or_in_doubt(records: Records, order: Order) -> None:
    produce(records, order)
    with pytest.raises(Refused, match="2 sealed"):
        ending(records, order.number)
    move(records, order, LetterState.PRINTING, only=1)
    with pytest.raises(Refused, match="1 sealed, 1 printing"):
        ending(records, order.number)
    move(records, order, LetterState.UNKNOWN, only=1)
    with pytest.raises(Refused, match="1 sealed, 1 unknown"):
        ending(records, order.number)


def test_it_ends_when_every_letter_is_confirmed_or_void(records: Records, order: Order) -> None:
    produce(records, order)
    move(records, order, LetterState.PRINTING, LetterState.PRINTED, only=1)
    with pytest.raises(Refused, match="1 sealed, 1 printed"):
        ending(records, order.number)
    move(records, order, LetterState.CONFIRMED, only=1)
    with records.transaction():
        last = list(items.items(records, order))[1]
        letters.set_state(records, last.mailer_number, LetterState.VOID, printer="p", operator="carl")
        log(records, Event("test", "carl"))
    assert ending(records, order.number).letters == 1


def test_from_the_officers_signature_on_nothing_is_opened_with_it(records: Records, order: Order) -> None:
    need_open(records, order)
    (key,) = custody.keys(records)
    with records.transaction():
        custody.ending(records, key.name)
        log(records, Event("test", "carl"))
    with pytest.raises(Refused, match="R42"):
        need_open(records, order)
    with records.transaction():
        custody.destroyed(records, key.name)
        log(records, Event("test", "carl"))
    with pytest.raises(Refused, match="R42"):
        need_open(records, order)


def test_a_key_is_taken_once(records: Records, order: Order) -> None:
    other = receive(records, draft("MVV-2"), "ada")
    (key,) = custody.keys(records)
    with pytest.raises(Refused, match="took the key meanwhile"), records.transaction():
        take(records, other, key)
