"""How an item ends, and with the last one its order."""

from __future__ import annotations

from dataclasses import replace

from batch.audit.contents import fingerprints
from batch.audit.log import log
from batch.model.events import Event
from batch.model.orders import Item, Order
from batch.model.states import ItemState, OrderState
from batch.people import registry
from batch.store import codes, items, journal, letters, lives, orders
from batch.store.database import Records


def end_produced(records: Records, item: Item, event: Event) -> None:
    """Its resume key is destroyed: the item counts as produced and its letter may be printed (R41).

    With the first, an identified manager is registered.
    """
    codes.forget_resume(records, item.id)
    items.end_item(records, item.id, ItemState.PRODUCED)
    letters.add(records, item.mailer_number, item.id)
    lives.begin(records, item.id)
    organisation = orders.order_of(records, item.order_id).organisation
    email = item.fields.get("manager_email", "")
    registry.registered(records, organisation=organisation, email=email, operator=event.operator)
    told = {**(event.detail or {}), "certificates": fingerprints(journal.keys(records, item.id))}
    log(records, replace(event, detail=told))


def follow(records: Records, order: Order, operator: str) -> Order:
    """Let an order follow its items: produced when none is open, in production again when one is (R14).

    Called inside a transaction.
    """
    order = orders.order_of(records, order.id)
    open_items = items.balance(records, order).open
    if not open_items and order.state is OrderState.IN_PRODUCTION:
        orders.set_order_state(records, order, OrderState.PRODUCED)
        log(records, Event("order.produced", operator, order=order.number))
    elif open_items and order.state in (OrderState.PRODUCED, OrderState.CLOSED):
        orders.set_order_state(records, order, OrderState.IN_PRODUCTION)
        log(records, Event("order.reopened", operator, order=order.number, detail={"open": open_items}))
    return orders.order_of(records, order.id)
