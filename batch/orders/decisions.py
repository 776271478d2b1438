"""Taking an order in, and deciding on it."""

from __future__ import annotations

from collections.abc import Callable

from batch.audit.contents import Asked
from batch.audit.log import log
from batch.model.errors import Transition
from batch.model.events import Event
from batch.model.orders import Order
from batch.model.states import ORDER, OrderState
from batch.orders.draft import OrderDraft, organisation
from batch.people.separation import Act, apart
from batch.store import codes, items, orders, restores
from batch.store.database import Records

OpenEpoch = Callable[[str], bytes]
"""Makes the custody key of that name, or finds it, and returns its SPKI (DER)."""


def receive(records: Records, draft: OrderDraft, operator: str) -> Order:
    """Take a faultless draft in: the order, and an item with its mailer number for every token.

    Raises `Refused` after a restore, until it is known which numbers were given.
    """
    with records.transaction():
        restores.refuse_open(records)
        order = orders.add_order(
            records,
            reference=draft.reference,
            subscriber=draft.subscriber,
            organisation=organisation(draft.country, draft.subscriber_number),
            source=draft.source,
            sha256=draft.sha256,
            operator=operator,
        )
        for row in draft.rows:
            for _ in range(row.count):
                items.add_item(
                    records, order, layout=row.layout, subject_key=row.subject_key, fields=row.fields
                )
        detail = {
            "source": draft.source,
            "sha256": draft.sha256,
            "tokens": draft.count,
            "committed": Asked(items.items(records, order)).committed(order.id),
        }
        log(
            records,
            Event(
                "order.received",
                operator,
                order=order.number,
                detail=detail,
                kept=orders.whole(records, order),
            ),
        )
    return order


def approve(records: Records, number: str, operator: str, open_epoch: OpenEpoch) -> Order:
    """A second person approves an order, and its custody epoch opens (R35, R42).

    Raises `Refused` for the person who brought it in, `Transition` where it was decided on already.
    """
    order = _undecided(records, number, OrderState.APPROVED)
    apart(Act.APPROVE, operator, where=order.number, before={Act.RECEIVE: (order.imported_by,)})
    key_name = f"custody-{order.number}"
    public_key = open_epoch(key_name)
    with records.transaction():
        order = _undecided(records, order.number, OrderState.APPROVED)
        orders.set_order_state(records, order, OrderState.APPROVED, decided_by=operator)
        codes.add_epoch(records, order.id, key_name, public_key)
        log(records, Event("order.approved", operator, order=order.number, detail={"epoch": key_name}))
    return orders.order(records, order.number)


def reject(records: Records, number: str, operator: str, reason: str) -> Order:
    """Reject an order with the reason; its subjects may be ordered again."""
    with records.transaction():
        order = _undecided(records, number, OrderState.REJECTED)
        orders.set_order_state(records, order, OrderState.REJECTED, decided_by=operator, reason=reason)
        log(records, Event("order.rejected", operator, order=order.number, detail={"reason": reason}))
    return orders.order(records, order.number)


def _undecided(records: Records, number: str, to: OrderState) -> Order:
    order = orders.order(records, number)
    if to not in ORDER[order.state]:
        by = f" by {order.decided_by}" if order.decided_by else ""
        raise Transition(
            f"the order is {order.state}{by}", where=order.number, next="see `station order show`"
        )
    return order
