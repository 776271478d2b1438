"""How an item ends."""

from __future__ import annotations

from batch.audit.log import log
from batch.model.events import Event
from batch.model.orders import Item
from batch.model.states import ItemState
from batch.store import codes, letters, orders
from batch.store.database import Records


def end_produced(records: Records, item: Item, event: Event) -> None:
    """Its resume key is destroyed: the item counts as produced and its letter may be printed (R41)."""
    codes.forget_resume(records, item.id)
    orders.end_item(records, item.id, ItemState.PRODUCED)
    letters.add(records, item.mailer_number, item.id)
    log(records, event)
