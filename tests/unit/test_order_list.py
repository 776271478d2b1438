"""The list of orders counts what became of their tokens as the reconciliation does."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from batch.audit.log import log
from batch.model.events import Event
from batch.model.states import ItemState
from batch.orders.decisions import receive
from batch.store import items, order_list
from batch.store.database import Records
from batch.store.order_list import OrdersWanted
from tests.unit.order_kit import draft


def test_a_replacement_is_not_ordered_once_more(tmp_path: Path) -> None:
    with closing(Records.create(tmp_path / "station.db")) as records:
        order = receive(records, draft(), "ada")
        first, second, _third = items.items(records, order)
        with records.transaction():
            for one in (first, second):
                items.begin_item(records, one, "lane-1", "piv", None)
                items.end_item(records, one.id, ItemState.QUARANTINED, "broken")
                items.end_item(records, one.id, ItemState.SPOILED)
            log(records, Event("test", "ada", order=order.number))
            fields = dict(first.fields)
            items.add_item(
                records,
                order,
                layout=first.layout,
                subject_key=first.subject_key,
                fields=fields,
                replaces=first.id,
            )
        (listed,) = order_list.page(records, OrdersWanted()).rows
        whole = items.balance(records, order)
        assert (listed.ordered, listed.spoiled, listed.left, listed.replaced) == (3, 2, 2, 1)
        assert (listed.ordered, listed.spoiled, listed.left) == (whole.ordered, whole.spoiled, whole.open)
