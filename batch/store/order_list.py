"""Orders as lists show them, with what became of their tokens, in pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batch.model.orders import Order
from batch.model.states import OPEN, ItemState, OrderState
from batch.store import id_sets, orders
from batch.store.database import Records
from batch.store.id_sets import IdSet, Indexed, Listed, any_of
from batch.store.paging import FIRST, MOST, UPTO, Count, Page, Place
from batch.store.words import HIGHEST

_MATCHES = 10_000
"""Orders that a text is looked up for."""


@dataclass(frozen=True)
class OrdersWanted:
    """Which orders: in any of some states, of a subscriber (its number or name), with a number, reference
    or subscriber's name that begins as a text. None: any.
    """

    states: tuple[OrderState, ...] = ()
    subscriber: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class ListedOrder:
    """An order, and how many of its items are in each state that any is in; `replaced` counts spoiled items
    that have a replacement among them.
    """

    order: Order
    items: Mapping[ItemState, int]
    replaced: int = 0

    @property
    def ordered(self) -> int:
        """Items that were asked for."""
        return sum(self.items.values()) - self.replaced

    @property
    def produced(self) -> int:
        """Items that are finished tokens."""
        return self.items.get(ItemState.PRODUCED, 0)

    @property
    def spoiled(self) -> int:
        """Items that were spoiled, replaced or not."""
        return self.items.get(ItemState.SPOILED, 0)

    @property
    def left(self) -> int:
        """Items that are planned, in production or in quarantine."""
        return sum(self.items.get(state, 0) for state in OPEN)


def page(
    records: Records, wanted: OrdersWanted, place: Place = FIRST, limit: int = MOST, *, newest: bool = True
) -> Page[ListedOrder]:
    """The page at a place of the orders that are wanted, the newest first or the oldest."""
    sets = sets_of(records, wanted)
    return id_sets.page(records, sets, lambda ids: _load(records, ids), place, limit, newest=newest)


def count(records: Records, wanted: OrdersWanted, upto: int = UPTO) -> Count:
    """How many orders are wanted, counted up to a number."""
    return id_sets.count(records, sets_of(records, wanted), upto)


def sets_of(records: Records, wanted: OrdersWanted) -> list[IdSet]:
    """The sets of which the orders that are wanted are in all."""
    found: list[IdSet] = []
    if wanted.text is not None:
        found.append(_beginning(records, wanted.text.strip()))
    if wanted.subscriber is not None:
        name = wanted.subscriber
        of = (_with("organisation = ?", name), _with("subscriber = ? COLLATE NOCASE", name))
        found.append(any_of(of))
    if wanted.states:
        found.append(any_of([_with("state = ?", state) for state in wanted.states]))
    return found or [_with("TRUE")]


def _with(condition: str, *values: str) -> Indexed:
    return Indexed("id", "orders", condition, values)


def _beginning(records: Records, text: str) -> IdSet:
    found: set[int] = set()
    for column in ("number", "reference COLLATE NOCASE", "subscriber COLLATE NOCASE"):
        rows = records.rows(
            f"SELECT id FROM orders WHERE {column} >= ? AND {column} < ? LIMIT {_MATCHES}",
            (text, text + HIGHEST),
        )
        found.update(row[0] for row in rows)
    return Listed(tuple(sorted(found)))


def _load(records: Records, ids: Sequence[int]) -> list[ListedOrder]:
    marks = ", ".join("?" * len(ids))
    counts: dict[int, dict[ItemState, int]] = defaultdict(dict)
    for id_, state, number in records.rows(
        f"SELECT order_id, state, count(*) FROM items WHERE order_id IN ({marks}) GROUP BY order_id, state",
        ids,
    ):
        counts[id_][ItemState(state)] = number
    replaced = dict(
        records.rows(
            f"SELECT i.order_id, count(*) FROM items i WHERE i.order_id IN ({marks}) AND i.state = ? "
            "AND EXISTS (SELECT 1 FROM items r WHERE r.replaces = i.id) GROUP BY i.order_id",
            (*ids, ItemState.SPOILED),
        )
    )
    return [
        ListedOrder(order, counts[order.id], int(replaced.get(order.id, 0)))
        for order in orders.orders_of(records, ids)
    ]
