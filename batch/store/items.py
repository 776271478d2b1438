"""Items, each one token to be made, in the records."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from batch.model.errors import NotFound
from batch.model.orders import Balance, Item, Order
from batch.model.scans import plain
from batch.model.states import ITEM, OPEN, ItemState, OrderState, move
from batch.store import restores, tries, words
from batch.store.database import Records, moment, stamp
from layouts.scans import Kind

_ITEM = (
    "id, order_id, mailer_number, layout, subject_key, fields, state, seat, token_driver, token_serial, "
    "reason, began_at, ended_at, replaces, token_free, salt, forgotten, renews"
)
ITEM_COLUMNS = ", ".join(f"i.{name}" for name in _ITEM.split(", "))
"""What `item_from` takes, of items `i` in a query of several tables."""


def add_item(
    records: Records,
    order: Order,
    *,
    layout: str,
    subject_key: str,
    fields: Mapping[str, str],
    replaces: int | None = None,
    salt: bytes | None = None,
    renews: int | None = None,
) -> str:
    """A planned item under the next mailer number, which is returned; the number joins its `fields`.

    `replaces` is the id of the spoiled item it is for, `renews` that of the finished one in whose place it
    comes; `salt` is drawn where none is given.
    """
    id_ = next_id(records)
    mailer_number = f"{id_:06d}"
    whole = {**fields, "number": mailer_number}
    records.insert(
        "INSERT INTO items (id, order_id, mailer_number, layout, subject_key, fields, state, replaces, "
        "salt, renews) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            id_,
            order.id,
            mailer_number,
            layout,
            subject_key,
            json.dumps(whole, ensure_ascii=False, sort_keys=True),
            ItemState.PLANNED,
            replaces,
            salt or new_salt(),
            renews,
        ),
    )
    words.put(records, id_, whole, order.subscriber, order.organisation)
    return mailer_number


def next_id(records: Records) -> int:
    """The id of the next item, which is its mailer number."""
    row = records.row(
        "SELECT max(coalesce(max(id), 0), ?) + 1 FROM items", (restores.floor(records, "mailer"),)
    )
    return int(row[0]) if row else 1


def new_salt() -> bytes:
    """What keeps the words of an item from being guessed by their digest."""
    return secrets.token_bytes(16)


def subject_orders(records: Records, subject_key: str) -> list[tuple[str, str, bool]]:
    """Orders in which a subject was ordered: number, organisation, and whether a token of it still counts.

    Rejected ones left their subjects free.
    """
    rows = records.rows(
        "SELECT o.number, o.organisation, i.state NOT IN (?, ?) FROM items i "
        "JOIN orders o ON o.id = i.order_id WHERE i.subject_key = ? AND o.state <> ? ORDER BY i.id",
        (ItemState.CANCELLED, ItemState.SPOILED, subject_key, OrderState.REJECTED),
    )
    return [(str(number), str(organisation), bool(valid)) for number, organisation, valid in rows]


def counted_for(records: Records, organisation: str) -> int:
    """How many tokens of a subscriber's orders are under way or produced; spoiled ones are not."""
    states = (*OPEN, ItemState.PRODUCED)
    row = records.row(
        "SELECT count(*) FROM items i JOIN orders o ON o.id = i.order_id "
        f"WHERE o.organisation = ? AND o.state <> ? AND i.state IN ({', '.join('?' * len(states))})",
        (organisation, OrderState.REJECTED, *states),
    )
    return int(row[0]) if row else 0


def item(records: Records, name: str) -> Item:
    """The item of a mailer number or token serial, the last of a token that was reset.

    Raises `NotFound`, and `FaultyValue` for a scan of something else.
    """
    name = plain(name, Kind.LETTER, Kind.TOKEN)
    row = records.row(
        f"SELECT {_ITEM} FROM items WHERE mailer_number = ? OR token_serial = ? "
        "ORDER BY mailer_number = ? DESC, token_free, id DESC LIMIT 1",
        (name, name, name),
    )
    if row is None:
        raise NotFound("no token of that number or serial", where=name, next="see `station token list`")
    return item_from(row)


def item_of(records: Records, item_id: int) -> Item:
    """The item of an id."""
    row = records.row(f"SELECT {_ITEM} FROM items WHERE id = ?", (item_id,))
    assert row is not None, "ids of items come from the records"
    return item_from(row)


def items(records: Records, order: Order | None = None, *states: ItemState) -> Iterator[Item]:
    """Items of an order or of all, in the given states or any, in the order of their numbers."""
    conditions, parameters = [], list[Any]()
    if order is not None:
        conditions.append("order_id = ?")
        parameters.append(order.id)
    if states:
        conditions.append(f"state IN ({', '.join('?' * len(states))})")
        parameters.extend(states)
    where = f"AND {' AND '.join(conditions)}" if conditions else ""
    last = 0
    while page := records.rows(
        f"SELECT {_ITEM} FROM items WHERE id > ? {where} ORDER BY id LIMIT 1000", (last, *parameters)
    ):
        yield from (item_from(row) for row in page)
        last = page[-1][0]


def layouts_of(records: Records, order: Order) -> list[str]:
    """The token layouts an order's items are made with."""
    rows = records.rows("SELECT DISTINCT layout FROM items WHERE order_id = ? ORDER BY layout", (order.id,))
    return [str(row[0]) for row in rows]


def layouts(records: Records) -> list[str]:
    """The token layouts that any item is made with."""
    return [str(row[0]) for row in records.rows("SELECT DISTINCT layout FROM items ORDER BY layout")]


def next_planned(
    records: Records, order: Order, layouts: Sequence[str], besides: Collection[int] = ()
) -> Item | None:
    """The first planned item of an order with one of the given layouts, `besides` those of these ids."""
    if not layouts:
        return None
    row = records.row(
        f"SELECT {_ITEM} FROM items WHERE order_id = ? AND state = ? "
        f"AND layout IN ({', '.join('?' * len(layouts))}) "
        f"AND id NOT IN ({', '.join('?' * len(besides))}) ORDER BY id LIMIT 1",
        (order.id, ItemState.PLANNED, *layouts, *besides),
    )
    return item_from(row) if row else None


def item_of_token(records: Records, driver: str, serial: str) -> Item | None:
    """The item a token is bound to, None where it is bound to none, or to those before its reset only."""
    row = records.row(
        f"SELECT {_ITEM} FROM items WHERE token_driver = ? AND token_serial = ? AND token_free = 0",
        (driver, serial),
    )
    return item_from(row) if row else None


def owner_of_certificate(records: Records, certificate: bytes) -> Item | None:
    """The item on whose record a certificate (DER) is, None where it is on none."""
    row = records.row(
        "SELECT item_id FROM keys WHERE certificate = ? "
        "UNION SELECT item_id FROM former_keys WHERE certificate = ?",
        (certificate, certificate),
    )
    return item_of(records, row[0]) if row else None


def item_of_serial(records: Records, driver: str, serial: str | None) -> Item | None:
    """The item a token of that serial is bound to, by this driver or else by another, None where by none."""
    if serial is None:
        return None
    row = records.row(
        f"SELECT {_ITEM} FROM items WHERE token_serial = ? AND token_free = 0 ORDER BY token_driver <> ?, id",
        (serial, driver),
    )
    return item_from(row) if row else None


def begin_item(records: Records, item: Item, seat: str, driver: str, serial: str | None) -> None:
    """Take an item into production on a seat and bind the token as far as it is known (R41).

    Its `began_at` is the beginning, now where it has none.
    """
    move(item.state, ItemState.IN_PRODUCTION, where=f"item {item.mailer_number}")
    records.write(
        "UPDATE items SET state = ?, seat = ?, token_driver = ?, token_serial = ?, began_at = ? WHERE id = ?",
        (ItemState.IN_PRODUCTION, seat, driver, serial, stamp(item.began_at), item.id),
    )


def bind_token(records: Records, item_id: int, seat: str, serial: str | None) -> None:
    """Bind a token's serial and the seat to an item in production; a bound serial never changes."""
    records.write(
        "UPDATE items SET seat = ?, token_serial = coalesce(token_serial, ?) WHERE id = ?",
        (seat, serial, item_id),
    )


def bind_lost(records: Records, item: Item, seat: str | None, driver: str, serial: str | None) -> None:
    """Bind the token an item was begun with to it, where no other item has it; its records are lost."""
    owner = item_of_token(records, driver, serial) if serial else None
    records.write(
        "UPDATE items SET seat = coalesce(seat, ?), token_driver = coalesce(token_driver, ?), "
        "token_serial = coalesce(token_serial, ?) WHERE id = ?",
        (seat, driver, serial if owner is None else None, item.id),
    )


def end_item(records: Records, item_id: int, to: ItemState, reason: str | None = None) -> None:
    """End an item's production; raises `Transition`."""
    item = item_of(records, item_id)
    move(item.state, to, where=f"item {item.mailer_number}")
    records.write(
        "UPDATE items SET state = ?, reason = ?, ended_at = ? WHERE id = ?", (to, reason, stamp(), item_id)
    )


def take_up(records: Records, item_id: int) -> None:
    """Take an item out of quarantine, back into production; raises `Transition`."""
    item = item_of(records, item_id)
    move(item.state, ItemState.IN_PRODUCTION, where=f"item {item.mailer_number}")
    records.write(
        "UPDATE items SET state = ?, reason = NULL, ended_at = NULL WHERE id = ?",
        (ItemState.IN_PRODUCTION, item_id),
    )


def free_token(records: Records, item_id: int) -> None:
    """The token of a spoiled item was reset and read blank: another item may be bound to it."""
    records.write("UPDATE items SET token_free = 1 WHERE id = ?", (item_id,))
    freed = item_of(records, item_id)
    tries.forget(records, freed.token_driver or "", freed.token_serial or "")


def replacement(records: Records, item_id: int) -> Item | None:
    """The item that replaces a spoiled one, None where none does."""
    row = records.row(f"SELECT {_ITEM} FROM items WHERE replaces = ?", (item_id,))
    return item_from(row) if row else None


def balance(records: Records, order: Order) -> Balance:
    """The items of an order, reconciled."""
    found = counts(records, order)
    row = records.row(
        "SELECT count(*) FILTER (WHERE replaces IS NULL), count(replaces) FROM items WHERE order_id = ?",
        (order.id,),
    )
    ordered, replaced = row or (0, 0)
    return Balance(
        ordered=int(ordered),
        produced=found[ItemState.PRODUCED],
        spoiled=found[ItemState.SPOILED],
        replaced=int(replaced),
        cancelled=found[ItemState.CANCELLED],
        open=sum(found[state] for state in OPEN),
    )


def counts(records: Records, order: Order) -> dict[ItemState, int]:
    """How many items of an order are in each state."""
    found = dict(
        records.rows("SELECT state, count(*) FROM items WHERE order_id = ? GROUP BY state", (order.id,))
    )
    return {state: int(found.get(state, 0)) for state in ITEM}


def item_from(row: tuple[Any, ...]) -> Item:
    """The item of a row of `ITEM_COLUMNS`."""
    (id_, order_id, number, layout, subject, fields, state, seat, driver, serial, reason, *rest) = row
    began, ended, replaces, token_free, salt, forgotten, renews = rest
    return Item(
        id_,
        order_id,
        number,
        layout,
        subject,
        json.loads(fields),
        ItemState(state),
        seat,
        driver,
        serial,
        reason,
        moment(began),
        moment(ended),
        replaces,
        bool(token_free),
        salt,
        forgotten,
        renews,
    )
