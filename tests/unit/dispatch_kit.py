"""Finished tokens for a certificate manager with an address, packed and sent without a reader."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from batch.audit.log import log
from batch.life.dispatch import parcels as rules
from batch.model.dispatch import Parcel
from batch.model.events import Event
from batch.model.orders import Order
from batch.model.states import OrderState
from batch.orders.decisions import receive
from batch.orders.draft import DraftRow, OrderDraft
from batch.people import registry
from batch.store import items, orders, parcels
from batch.store.database import Records
from layouts.fields import Kind
from layouts.library import Library
from tests.unit.finished_kit import make
from tests.unit.order_kit import FIELDS, approved
from tests.unit.registry_kit import EMAIL, ORGANISATION

LIBRARY = Library()
LAYOUT_OF = LIBRARY.token
ADDRESS: Mapping[str, str] = {
    "address_1": "Dienst Voorbeelden",
    "address_2": "Verzonnenlaan 12",
    "address_3": "9999 XX Nergenshuizen",
}
MONDAY = date(2027, 3, 1)
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


def ready(
    records: Records,
    count: int = 3,
    reference: str = "MVV-1",
    *,
    layout: str = "group-usb:p-256",
    **fields: str,
) -> Order:
    """An order whose tokens are finished and lie at the desk; its manager is registered."""
    kind = Kind.PERSON if layout.startswith("personal") else Kind.GROUP
    row = {**FIELDS, **ADDRESS, **fields}
    if kind is Kind.PERSON:
        del row["group"]
    rows = (DraftRow(2, layout, kind, count, row, f"group:{reference}"),)
    draft = OrderDraft("order.csv", reference, "Ministerie", "90001234", "NL", "00" * 32, rows)
    order = receive(records, draft, "ada")
    approved(records, order.number)
    with records.transaction():
        orders.set_order_state(records, orders.order(records, order.number), OrderState.IN_PRODUCTION)
        log(records, Event("production.begun", "carl", order=order.number))
    for item in list(items.items(records, order)):
        make(records, order, item)
    with records.transaction():
        email = row["manager_email"]
        registry.registered(records, organisation=ORGANISATION, email=email, operator="carl")
        orders.set_order_state(records, orders.order(records, order.number), OrderState.PRODUCED)
        log(records, Event("order.produced", "carl", order=order.number))
    return orders.order(records, order.number)


def packed(records: Records, order: Order, *tokens: str, by: str = "dirk") -> Parcel:
    """A parcel with some tokens of an order, or all of them, read."""
    parcel = rules.begin(records, order.number, by)
    wanted = tokens or tuple(item.mailer_number for item in items.items(records, order))
    rules.add(records, parcel.number, wanted, LAYOUT_OF, by, MONDAY)
    read(records, parcel, *wanted, by=by)
    return parcel


def read(records: Records, parcel: Parcel, *tokens: str, by: str = "dirk") -> None:
    """Tokens were read in a parcel and found right."""
    with records.transaction():
        for token in tokens:
            parcels.set_read(records, parcel, items.item(records, token).id, by, "usb-1")
            parcels.handle(records, items.item(records, token).id, by)
            log(records, Event("parcel.token-read", by, item=token, detail={"parcel": parcel.number}))


def sent(records: Records, order: Order, *tokens: str, at: datetime = NOON, by: str = "dirk") -> Parcel:
    """A parcel with some tokens of an order, or all of them, that went."""
    parcel = packed(records, order, *tokens, by=by)
    rules.close(records, parcel.number, LAYOUT_OF, by, MONDAY)
    return rules.send(records, parcel.number, LAYOUT_OF, by, courier="PostNL", reference="3SABC", at=at)


def quoted(records: Records, token: str) -> str:
    """The number that acknowledges a token, as it stands in the letter that went with it."""
    item = items.item(records, token)
    parcel = parcels.sent_of_item(records, item.id)
    assert parcel is not None, "it was sent"
    inside = parcels.packed_in(records, parcel, item.id)
    assert inside is not None
    assert inside.quoted is not None
    return inside.quoted


MANAGER = EMAIL
