"""Parcels and what is in them, in the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from batch.model.dispatch import Packed, Parcel
from batch.model.errors import NotFound
from batch.model.orders import Order
from batch.model.states import ItemState, LifeState, ParcelState, move
from batch.store import numbering
from batch.store.database import Records, moment, stamp

LETTER = "P"
_PARCEL = (
    "id, number, order_id, state, made_by, made_at, closed_by, closed_at, sent_by, sent_at, courier, "
    "reference, reason"
)
_PACKED = "parcel_id, item_id, added_by, added_at, read_by, read_at, seat, quoted"
_OPEN = (ParcelState.PACKING, ParcelState.CLOSED)
_UNPACKED = (
    "NOT EXISTS (SELECT 1 FROM parcel_tokens t JOIN parcels p ON p.id = t.parcel_id "
    "WHERE t.item_id = i.id AND p.state IN (?, ?))"
)
"""Whether an item `i` lies in no parcel, in the words of SQL; takes the states of open ones."""


def add(records: Records, order: Order, by: str) -> Parcel:
    """A new parcel for tokens of an order, empty."""
    id_, number = numbering.next_id(records, LETTER, "parcels")
    records.insert(
        "INSERT INTO parcels (id, number, order_id, state, made_by, made_at) VALUES (?, ?, ?, ?, ?, ?)",
        (id_, number, order.id, ParcelState.PACKING, by, stamp()),
    )
    return parcel(records, number)


def parcel(records: Records, number: str) -> Parcel:
    """The parcel of a number; raises `NotFound`."""
    row = records.row(f"SELECT {_PARCEL} FROM parcels WHERE number = ?", (number,))
    if row is None:
        raise NotFound("no parcel of that number", where=number, next="see `station dispatch list`")
    return _parcel(row)


def parcel_of(records: Records, parcel_id: int) -> Parcel:
    """The parcel of an id."""
    row = records.row(f"SELECT {_PARCEL} FROM parcels WHERE id = ?", (parcel_id,))
    assert row is not None, "ids of parcels come from the records"
    return _parcel(row)


def parcels(records: Records, order: Order | None = None, *states: ParcelState) -> list[Parcel]:
    """Parcels of an order or of all, in the given states or any, oldest first."""
    conditions, parameters = ["1"], list[Any]()
    if order is not None:
        conditions.append("order_id = ?")
        parameters.append(order.id)
    if states:
        conditions.append(f"state IN ({', '.join('?' * len(states))})")
        parameters.extend(states)
    where = " AND ".join(conditions)
    rows = records.rows(f"SELECT {_PARCEL} FROM parcels WHERE {where} ORDER BY id", parameters)
    return [_parcel(row) for row in rows]


def parcels_of(records: Records, ids: Sequence[int]) -> list[Parcel]:
    """The parcels of some ids, in that order."""
    rows = records.rows(f"SELECT {_PARCEL} FROM parcels WHERE id IN ({', '.join('?' * len(ids))})", ids)
    found = {row[0]: _parcel(row) for row in rows}
    return [found[id_] for id_ in ids]


def packed(records: Records, parcel: Parcel) -> list[Packed]:
    """The tokens in a parcel by their numbers."""
    rows = records.rows(
        f"SELECT {_PACKED} FROM parcel_tokens WHERE parcel_id = ? ORDER BY item_id", (parcel.id,)
    )
    return [_packed(row) for row in rows]


def first_in(records: Records, parcel: Parcel) -> int | None:
    """The id of the item whose token has the lowest number in a parcel, None where it is empty."""
    row = records.row("SELECT min(item_id) FROM parcel_tokens WHERE parcel_id = ?", (parcel.id,))
    return row[0] if row else None


def open_of_item(records: Records, item_id: int) -> Parcel | None:
    """The parcel a token lies in that has not gone yet, None where it lies in none."""
    return _of_item(records, item_id, *_OPEN)


def sent_of_item(records: Records, item_id: int) -> Parcel | None:
    """The parcel a token went with last, None where it never went."""
    return _of_item(records, item_id, ParcelState.SENT)


def packed_in(records: Records, parcel: Parcel, item_id: int) -> Packed | None:
    """A token as it is in a parcel, None where it is not in it."""
    row = records.row(
        f"SELECT {_PACKED} FROM parcel_tokens WHERE parcel_id = ? AND item_id = ?", (parcel.id, item_id)
    )
    return _packed(row) if row else None


def handled_by(records: Records, item_id: int) -> list[str]:
    """Who ever had a token in hand to dispatch it: read it for a parcel, closed or sent one with it (R1)."""
    rows = records.rows("SELECT name FROM token_handlers WHERE item_id = ? ORDER BY name", (item_id,))
    return [str(row[0]) for row in rows]


def handlers(records: Records) -> set[tuple[str, str]]:
    """Tokens by number, and everybody who ever had them in hand to dispatch them, in small letters."""
    rows = records.rows(
        "SELECT i.mailer_number, h.name FROM token_handlers h JOIN items i ON i.id = h.item_id"
    )
    return {(str(number), str(name).casefold()) for number, name in rows}


def handle(records: Records, item_id: int, name: str) -> None:
    """Somebody has a token in hand; that stays so, whatever becomes of the parcel."""
    records.write("INSERT OR IGNORE INTO token_handlers VALUES (?, ?)", (item_id, name))


def on_their_way(records: Records) -> list[tuple[int, int]]:
    """Every token that was dispatched and not acknowledged: the ids of its item and of its parcel."""
    rows = records.rows(
        "SELECT t.item_id, max(p.id) FROM lives l JOIN parcel_tokens t ON t.item_id = l.item_id "
        "JOIN parcels p ON p.id = t.parcel_id AND p.state = ? JOIN items i ON i.id = l.item_id "
        "WHERE l.state = ? AND i.state = ? GROUP BY t.item_id ORDER BY 2, 1",
        (ParcelState.SENT, LifeState.DISPATCHED, ItemState.PRODUCED),
    )
    return [(int(item_id), int(parcel_id)) for item_id, parcel_id in rows]


def unpacked(records: Records) -> list[tuple[int, int]]:
    """The ids of finished tokens that lie at the desk and in no parcel, with those of their orders."""
    rows = records.rows(
        "SELECT i.id, i.order_id FROM lives l CROSS JOIN items i ON i.id = l.item_id "
        f"WHERE l.state = ? AND i.state = ? AND {_UNPACKED} ORDER BY i.id",
        (LifeState.AT_DESK, ItemState.PRODUCED, *_OPEN),
    )
    return [(int(item_id), int(order_id)) for item_id, order_id in rows]


@dataclass(frozen=True)
class Unpacked:
    """How many tokens of an order and a layout lie at the desk and in no parcel, the first `since` when.

    `manager` is the number of the person they are for; None where their order names nobody.
    """

    order_id: int
    layout: str
    manager: str | None
    count: int
    since: datetime


def count_unpacked(records: Records) -> list[Unpacked]:
    """The same tokens counted, but those whose certificates were to be revoked or whose manager ended."""
    rows = records.rows(
        "SELECT i.order_id, i.layout, p.number, count(*), min(l.since) "
        "FROM lives l CROSS JOIN items i ON i.id = l.item_id CROSS JOIN orders o ON o.id = i.order_id "
        "LEFT JOIN persons p ON p.organisation = o.organisation AND p.state <> 'ended' "
        "AND p.email = json_extract(i.fields, '$.manager_email') "
        "WHERE l.state = ? AND i.state = ? "
        "AND (p.number IS NOT NULL OR coalesce(json_extract(i.fields, '$.manager_email'), '') = '') "
        f"AND {_UNPACKED} AND NOT EXISTS (SELECT 1 FROM revocations r JOIN keys k ON k.item_id = r.item_id "
        "AND k.certificate = r.certificate WHERE r.item_id = i.id) "
        "GROUP BY i.order_id, i.layout, p.number ORDER BY i.order_id",
        (LifeState.AT_DESK, ItemState.PRODUCED, *_OPEN),
    )
    found: list[Unpacked] = []
    for order_id, layout, manager, count, since in rows:
        at = moment(since)
        assert at is not None, "the column is never null"
        found.append(Unpacked(order_id, layout, manager, count, at))
    return found


_LYING = (
    "WHERE l.state = ? AND i.state = ? "
    "AND NOT EXISTS (SELECT 1 FROM parcel_tokens t JOIN parcels p ON p.id = t.parcel_id "
    "WHERE t.item_id = i.id AND p.state IN (?, ?))"
)
_AT_DESK = (LifeState.AT_DESK, ItemState.PRODUCED, *_OPEN)


def lying(records: Records) -> list[tuple[int, int]]:
    """Ids of orders with finished tokens at the desk that lie in no parcel, and how many, oldest first."""
    rows = records.rows(
        "SELECT i.order_id, count(*) FROM lives l CROSS JOIN items i ON i.id = l.item_id "
        f"{_LYING} GROUP BY i.order_id ORDER BY 1",
        _AT_DESK,
    )
    return [(int(order_id), int(count)) for order_id, count in rows]


def lying_of(records: Records, order_id: int, most: int) -> list[int]:
    """Ids of an order's finished tokens that lie at the desk and in no parcel, `most` of them."""
    rows = records.rows(
        "SELECT i.id FROM items i CROSS JOIN lives l ON l.item_id = i.id "
        f"{_LYING} AND i.order_id = ? ORDER BY 1 LIMIT ?",
        (*_AT_DESK, order_id, most),
    )
    return [int(row[0]) for row in rows]


def put_in(records: Records, parcel: Parcel, item_id: int, by: str) -> None:
    """A token is put into a parcel, not read yet."""
    records.write(
        "INSERT INTO parcel_tokens (parcel_id, item_id, added_by, added_at) VALUES (?, ?, ?, ?)",
        (parcel.id, item_id, by, stamp()),
    )


def take_out(records: Records, parcel: Parcel, item_id: int) -> None:
    """A token is taken out of a parcel again."""
    records.write("DELETE FROM parcel_tokens WHERE parcel_id = ? AND item_id = ?", (parcel.id, item_id))


def set_read(records: Records, parcel: Parcel, item_id: int, by: str | None, seat: str | None) -> None:
    """A token of a parcel was read and found right, or with None: what was read counts no more."""
    records.write(
        "UPDATE parcel_tokens SET read_by = ?, read_at = ?, seat = ? WHERE parcel_id = ? AND item_id = ?",
        (by, stamp() if by else None, seat, parcel.id, item_id),
    )


def set_quoted(records: Records, parcel: Parcel, item_id: int, quoted: str | None) -> None:
    """The number by which a token of a closed parcel is acknowledged."""
    records.write(
        "UPDATE parcel_tokens SET quoted = ? WHERE parcel_id = ? AND item_id = ?",
        (quoted, parcel.id, item_id),
    )


def set_state(
    records: Records,
    parcel: Parcel,
    to: ParcelState,
    by: str,
    *,
    at: datetime | None = None,
    courier: str | None = None,
    reference: str | None = None,
    reason: str | None = None,
) -> Parcel:
    """Move a parcel, with who did it; raises `Transition`."""
    move(parcel.state, to, where=f"parcel {parcel.number}")
    records.write("UPDATE parcels SET state = ? WHERE id = ?", (to, parcel.id))
    if to is ParcelState.PACKING:
        records.write("UPDATE parcels SET closed_by = NULL, closed_at = NULL WHERE id = ?", (parcel.id,))
    elif to is ParcelState.CLOSED:
        records.write(
            "UPDATE parcels SET closed_by = ?, closed_at = ? WHERE id = ?", (by, stamp(at), parcel.id)
        )
    elif to is ParcelState.SENT:
        records.write(
            "UPDATE parcels SET sent_by = ?, sent_at = ?, courier = ?, reference = ? WHERE id = ?",
            (by, stamp(at), courier, reference, parcel.id),
        )
    if reason is not None:
        records.write("UPDATE parcels SET reason = ? WHERE id = ?", (reason, parcel.id))
    return parcel_of(records, parcel.id)


def whole(records: Records, parcel: Parcel) -> dict[str, object]:
    """A sent parcel as plain values, from which `take_back` makes it again."""
    row = records.row(f"SELECT {_PARCEL} FROM parcels WHERE id = ?", (parcel.id,))
    assert row is not None, "ids of parcels come from the records"
    tokens = records.rows(f"SELECT {_PACKED} FROM parcel_tokens WHERE parcel_id = ?", (parcel.id,))
    return {**dict(zip(_PARCEL.split(", "), row, strict=True)), "tokens": [list(one) for one in tokens]}


def take_back(records: Records, kept: Mapping[str, Any]) -> None:
    """Put a sent parcel of `whole` on record again, in the place of what it was before."""
    columns = _PARCEL.split(", ")
    records.write(
        f"INSERT INTO parcels ({_PARCEL}) VALUES ({', '.join('?' * len(columns))}) "
        f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in columns[1:])}",
        [kept[name] for name in columns],
    )
    records.write("DELETE FROM parcel_tokens WHERE parcel_id = ?", (kept["id"],))
    for token in kept["tokens"]:
        records.write(f"INSERT INTO parcel_tokens ({_PACKED}) VALUES ({', '.join('?' * len(token))})", token)
        one = _packed(tuple(token))
        for name in filter(None, (one.read_by, kept["closed_by"], kept["sent_by"])):
            handle(records, one.item_id, name)


def _of_item(records: Records, item_id: int, *states: ParcelState) -> Parcel | None:
    row = records.row(
        f"SELECT {_PARCEL} FROM parcels WHERE id = (SELECT max(p.id) FROM parcels p "
        "JOIN parcel_tokens t ON t.parcel_id = p.id "
        f"WHERE t.item_id = ? AND p.state IN ({', '.join('?' * len(states))}))",
        (item_id, *states),
    )
    return _parcel(row) if row else None


def _parcel(row: tuple[Any, ...]) -> Parcel:
    id_, number, order_id, state, made_by, made_at, closed_by, closed_at, sent_by, sent_at, *rest = row
    made = moment(made_at)
    assert made is not None, "the column is never null"
    return Parcel(
        id_,
        number,
        order_id,
        ParcelState(state),
        made_by,
        made,
        closed_by,
        moment(closed_at),
        sent_by,
        moment(sent_at),
        *rest,
    )


def _packed(row: tuple[Any, ...]) -> Packed:
    parcel_id, item_id, added_by, added_at, read_by, read_at, seat, quoted = row
    added = moment(added_at)
    assert added is not None, "the column is never null"
    return Packed(parcel_id, item_id, added_by, added, read_by, moment(read_at), seat, quoted)
