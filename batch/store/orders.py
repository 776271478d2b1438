"""Orders in the records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from batch.model.errors import NotFound
from batch.model.orders import Item, Order
from batch.model.states import ItemState, OrderState, move
from batch.store import assessments, restores, words
from batch.store.database import Records, moment, stamp

_ORDER = (
    "id, number, reference, subscriber, organisation, state, source, sha256, imported_by, imported_at, "
    "decided_by, decided_at, reason"
)


def add_order(
    records: Records,
    *,
    reference: str,
    subscriber: str,
    organisation: str,
    source: str,
    sha256: str,
    operator: str,
) -> Order:
    """A received order under the next number of its year, such as `2026-0001`."""
    at = stamp()
    number = next_number(records)
    records.insert(
        "INSERT INTO orders (number, reference, subscriber, organisation, state, source, sha256, "
        "imported_by, imported_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            reference,
            subscriber,
            organisation,
            OrderState.RECEIVED,
            source,
            sha256,
            operator,
            at,
        ),
    )
    return order(records, number)


def next_number(records: Records) -> str:
    """The number of the next order of this year, such as `2026-0001`."""
    year = stamp()[:4]
    row = records.row(
        "SELECT max(coalesce(max(CAST(substr(number, 6) AS INTEGER)), 0), ?) FROM orders WHERE number LIKE ?",
        (restores.floor(records, f"order {year}"), f"{year}-%"),
    )
    return f"{year}-{(row[0] if row else 0) + 1:04d}"


_WHOLE_ORDER = ("number", "reference", "subscriber", "organisation", "source", "sha256", "imported_by")


_WHOLE_ITEM = ("id", "mailer_number", "layout", "subject_key", "fields")


def whole(records: Records, order: Order) -> dict[str, object]:
    """A received order with its items, as plain values from which `take_back` makes it again."""
    items = records.rows(
        f"SELECT {', '.join(_WHOLE_ITEM)}, hex(salt), renews FROM items WHERE order_id = ? ORDER BY id",
        (order.id,),
    )
    plain: dict[str, object] = {name: getattr(order, name) for name in _WHOLE_ORDER}
    return {
        **plain,
        "imported_at": stamp(order.imported_at),
        "signature": assessments.whole_signature(records, order.id),
        "items": [list(item) for item in items],
    }


def whole_item(records: Records, item: Item) -> dict[str, object]:
    """A planned replacement as plain values, with the id of what it `replaces`."""
    row = records.row(f"SELECT {', '.join(_WHOLE_ITEM)}, replaces FROM items WHERE id = ?", (item.id,))
    assert row is not None, "ids of items come from the records"
    return dict(zip((*_WHOLE_ITEM, "replaces"), row, strict=True))


def take_back(records: Records, kept: Mapping[str, Any]) -> Order:
    """Make an order of `whole` again, received and with planned items under their own numbers."""
    columns = (*_WHOLE_ORDER, "imported_at")
    id_ = records.insert(
        f"INSERT INTO orders ({', '.join(columns)}, state) VALUES ({', '.join('?' * len(columns))}, ?)",
        (*(kept[name] for name in columns), OrderState.RECEIVED),
    )
    if signature := kept.get("signature"):
        assessments.add_signature(records, id_, assessments.signature_of(signature))
    for item in kept["items"]:
        facts = item[: len(_WHOLE_ITEM)]
        salt, renews = [*item[len(_WHOLE_ITEM) :], None, None][:2]
        records.insert(
            f"INSERT INTO items (order_id, {', '.join(_WHOLE_ITEM)}, state, salt, renews) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (id_, *facts, ItemState.PLANNED, bytes.fromhex(salt) if salt else None, renews),
        )
        words.put(records, facts[0], json.loads(facts[-1]), kept["subscriber"], kept["organisation"])
    return order_of(records, id_)


def last_numbers(records: Records) -> tuple[int, Mapping[str, int]]:
    """The highest mailer number, and the highest order number of each year."""
    row = records.row("SELECT coalesce(max(id), 0) FROM items")
    years = records.rows(
        "SELECT substr(number, 1, 4), max(CAST(substr(number, 6) AS INTEGER)) FROM orders GROUP BY 1"
    )
    return (int(row[0]) if row else 0), {str(year): int(last) for year, last in years}


def order(records: Records, number: str) -> Order:
    """The order of a number, or of a subscriber's reference where just one has it; raises `NotFound`."""
    found = records.rows(f"SELECT {_ORDER} FROM orders WHERE number = ?", (number,))
    found = found or records.rows(f"SELECT {_ORDER} FROM orders WHERE reference = ?", (number,))
    if len(found) != 1:
        what = "no order of that number" if not found else "several orders have that reference"
        raise NotFound(what, where=number, next="see `station order list`")
    return _order(found[0])


def orders(records: Records, *states: OrderState, subscriber: str | None = None) -> list[Order]:
    """All orders, those in the given states, or those of a subscriber's name or number, oldest first."""
    conditions, parameters = ["TRUE"], list[str]()
    if states:
        conditions.append(f"state IN ({', '.join('?' * len(states))})")
        parameters += states
    if subscriber is not None:
        conditions.append("(organisation = ? OR subscriber = ? COLLATE NOCASE)")
        parameters += [subscriber, subscriber]
    where = " AND ".join(conditions)
    rows = records.rows(f"SELECT {_ORDER} FROM orders WHERE {where} ORDER BY id", parameters)
    return [_order(row) for row in rows]


def order_of(records: Records, order_id: int) -> Order:
    """The order of an id."""
    row = records.row(f"SELECT {_ORDER} FROM orders WHERE id = ?", (order_id,))
    assert row is not None, "items refer to orders that are there"
    return _order(row)


def orders_of(records: Records, ids: Sequence[int]) -> list[Order]:
    """The orders of some ids, in that order."""
    rows = records.rows(f"SELECT {_ORDER} FROM orders WHERE id IN ({', '.join('?' * len(ids))})", ids)
    found = {row[0]: _order(row) for row in rows}
    return [found[id_] for id_ in ids]


def set_order_state(
    records: Records,
    order: Order,
    to: OrderState,
    *,
    decided_by: str | None = None,
    reason: str | None = None,
) -> None:
    """Move an order; `decided_by` marks the decision and its time. Raises `Transition`."""
    move(order.state, to, where=f"order {order.number}")
    records.write(
        "UPDATE orders SET state = ?, decided_by = coalesce(?, decided_by), "
        "decided_at = CASE WHEN ? IS NULL THEN decided_at ELSE ? END, reason = coalesce(?, reason) "
        "WHERE id = ?",
        (to, decided_by, decided_by, stamp(), reason, order.id),
    )


def order_of_reference(records: Records, organisation: str, reference: str) -> str | None:
    """The number of the order an organisation gave under a reference, rejected ones not, None where never."""
    row = records.row(
        "SELECT number FROM orders WHERE organisation = ? AND reference = ? AND state <> ?",
        (organisation, reference, OrderState.REJECTED),
    )
    return str(row[0]) if row else None


def _order(row: tuple[Any, ...]) -> Order:
    (id_, number, reference, subscriber, organisation, state, source, sha256, by, at, *decision) = row
    decided_by, decided_at, reason = decision
    imported = moment(at)
    assert imported is not None
    return Order(
        id_,
        number,
        reference,
        subscriber,
        organisation,
        OrderState(state),
        source,
        sha256,
        by,
        imported,
        decided_by,
        moment(decided_at),
        reason,
    )
