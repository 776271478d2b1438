"""What the records know when a new order is read."""

from __future__ import annotations

from batch.orders.draft import Issued
from batch.store import items, orders
from batch.store.database import Records


class RecordedOrders:
    """The `Known` of intake, from the records."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def issued(self, subject_key: str) -> Issued | None:
        found = [Issued(*row) for row in items.subject_orders(self._records, subject_key)]
        return max(found, key=lambda issued: issued.valid, default=None)

    def ordered(self, organisation: str, reference: str) -> str | None:
        return orders.order_of_reference(self._records, organisation, reference)
