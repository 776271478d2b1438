"""What persons' data the records hold, since when it is over, and overwriting it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from batch.model.orders import Item, Order
from batch.model.states import RenewalState
from batch.store import acknowledgements, orders, renewals, words
from batch.store.database import Records, moment

WORDS = (
    "manager",
    "manager_email",
    "address_1",
    "address_2",
    "address_3",
    "address_4",
    "given_name",
    "surname",
    "person_number",
    "email",
)
"""Fields of items that tell of a person, or may."""


def forget_item(records: Records, item: Item, commitment: str) -> None:
    """Overwrite a person's words in an item; of them stays the digest that the log tells, without its salt.

    Its certificates and CSRs name the subject too; a settled request to revoke one may hold a copy.
    """
    fields = {name: "" if name in WORDS else value for name, value in item.fields.items()}
    key = item.subject_key if item.subject_key.startswith("group:") else f"forgotten:{item.mailer_number}"
    records.write(
        "UPDATE items SET fields = ?, subject_key = ?, salt = NULL, forgotten = ? WHERE id = ?",
        (json.dumps(fields, ensure_ascii=False, sort_keys=True), key, commitment, item.id),
    )
    order = orders.order_of(records, item.order_id)
    words.replace(records, item.id, item.fields, fields, order.subscriber, order.organisation)
    acknowledgements.forget(records, item.id)
    renewals.forget(records, (item.id,))
    records.write(
        "UPDATE keys SET csr = NULL, certificate = NULL, serial = NULL WHERE item_id = ?", (item.id,)
    )
    records.write(
        "UPDATE revocations SET certificate = NULL WHERE item_id = ? AND settled_at IS NOT NULL", (item.id,)
    )


def is_forgotten(records: Records, order: Order) -> bool:
    """Whether the words of an order's items were forgotten."""
    sql = "SELECT 1 FROM items WHERE order_id = ? AND forgotten IS NOT NULL LIMIT 1"
    return records.row(sql, (order.id,)) is not None


def last_certificate_end(records: Records, order: Order) -> datetime | None:
    """When the last certificate on the tokens of an order ends, None where there is none."""
    row = records.row(
        "SELECT max(k.not_after) FROM items i JOIN keys k ON k.item_id = i.id "
        "WHERE i.order_id = ? AND k.certificate IS NOT NULL",
        (order.id,),
    )
    return moment(row[0]) if row else None


def certified_after(records: Records, order: Order, day: date) -> bool:
    """Whether a certificate on a token of an order ends after a day."""
    row = records.row(
        "SELECT 1 FROM items i CROSS JOIN keys k ON k.item_id = i.id "
        "WHERE i.order_id = ? AND k.certificate IS NOT NULL AND k.not_after >= ? LIMIT 1",
        (order.id, (day + timedelta(days=1)).isoformat()),
    )
    return row is not None


def other_certificates(records: Records, order: Order) -> Iterator[bytes]:
    """Every certificate (DER) that was to be revoked of the items of an order."""
    of_order = "item_id IN (SELECT id FROM items WHERE order_id = ?) AND certificate IS NOT NULL"
    for row in records.rows(f"SELECT certificate FROM revocations WHERE {of_order}", (order.id,)):
        yield bytes(row[0])


def unsettled(records: Records, order: Order) -> bool:
    """Whether the CA has yet to be asked to revoke something of an order."""
    of_order = "item_id IN (SELECT id FROM items WHERE order_id = ?) AND settled_at IS NULL"
    return records.row(f"SELECT 1 FROM revocations WHERE {of_order} LIMIT 1", (order.id,)) is not None


def orders_naming(records: Records, organisation: str, email: str) -> list[int]:
    """Ids of the orders of a subscriber that name a manager by e-mail address, or of whose tokens a renewal
    does; forgotten ones left out.
    """
    rows = records.rows(
        "SELECT DISTINCT o.id FROM orders o JOIN items i ON i.order_id = o.id LEFT JOIN renewals r "
        "ON r.item_id = i.id AND r.state != ? WHERE o.organisation = ? AND ? COLLATE NOCASE "
        "IN (json_extract(i.fields, '$.manager_email'), json_extract(r.changes, '$.manager_email'))",
        (RenewalState.CANCELLED, organisation, email),
    )
    return [int(row[0]) for row in rows]


def renewal_under_way(records: Records, order: Order) -> bool:
    """Whether a token of an order is being renewed."""
    sql = (
        "SELECT 1 FROM renewals r JOIN items i ON i.id = r.item_id "
        "WHERE i.order_id = ? AND r.ended_at IS NULL LIMIT 1"
    )
    return records.row(sql, (order.id,)) is not None


def last_ended(records: Records, order: Order) -> str | None:
    """When the last item of an order ended (ISO 8601), None where none did."""
    row = records.row("SELECT max(ended_at) FROM items WHERE order_id = ?", (order.id,))
    return str(row[0]) if row and row[0] else None
