"""Tokens as lists show them, picked out of all by index and read in pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from batch.model.orders import Item
from batch.model.states import ItemState, LifeState
from batch.store.database import Records, moment
from batch.store.items import ITEM_COLUMNS, item_from
from batch.store.registry import sought

_PAGE = 500
_FOUND = "station_found"


@dataclass(frozen=True)
class TokensWanted:
    """Which tokens: of an order (its number), of a subscriber (its number or name), in a state of making, in
    a state of life, of a layout, with a serial, with a text in what they were ordered with. None: any.
    """

    order_id: int | None = None
    subscriber: str | None = None
    state: ItemState | None = None
    life: LifeState | None = None
    layout: str | None = None
    serial: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class ListedToken:
    """An item with its order's number and subscriber, and where its token is, `since` when."""

    item: Item
    order: str
    organisation: str
    subscriber: str
    life: LifeState | None
    since: datetime | None


def tokens(records: Records, wanted: TokensWanted) -> Iterator[ListedToken]:
    """The tokens that are wanted, in the order of their numbers."""
    if wanted.text is not None:
        records.db.register_function(_holds(wanted.text), name=_FOUND, deterministic=True)
    # The numbers first, once: a page at a time would sort all that an index finds for every page.
    numbers = [row[0] for row in records.rows(*numbers_query(wanted))]
    for at in range(0, len(numbers), _PAGE):
        page = numbers[at : at + _PAGE]
        rows = records.rows(
            f"SELECT o.number, o.organisation, o.subscriber, l.state, l.since, {ITEM_COLUMNS} "
            "FROM items i JOIN orders o ON o.id = i.order_id LEFT JOIN lives l ON l.item_id = i.id "
            f"WHERE i.id IN ({', '.join('?' * len(page))}) ORDER BY i.id",
            page,
        )
        for number, organisation, subscriber, life, since, *item in rows:
            state = LifeState(life) if life is not None else None
            yield ListedToken(item_from(tuple(item)), number, organisation, subscriber, state, moment(since))


def numbers_query(wanted: TokensWanted) -> tuple[str, list[Any]]:
    """The query for the ids of the tokens that are wanted, and what it takes."""
    conditions, parameters = _conditions(wanted)
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT i.id FROM items i {where} ORDER BY i.id", parameters


def _conditions(wanted: TokensWanted) -> tuple[list[str], list[Any]]:
    found: list[tuple[str, list[Any]]] = []
    if wanted.order_id is not None:
        found.append(("i.order_id = ?", [wanted.order_id]))
    if wanted.subscriber is not None:
        found.append((OF_SUBSCRIBER, [wanted.subscriber, wanted.subscriber]))
    if wanted.state is not None:
        found.append(("i.state = ?", [wanted.state]))
    if wanted.life is not None:
        at = "i.id IN (SELECT item_id FROM lives WHERE state = ?) AND +i.state = ?"
        # What a restore took back from being produced has a life on record, and none.
        found.append((at, [wanted.life, ItemState.PRODUCED]))
    if wanted.layout is not None:
        found.append(("i.layout = ?", [wanted.layout]))
    if wanted.serial is not None:
        found.append(("i.token_serial = ?", [wanted.serial]))
    if wanted.text is not None:
        number = f"({_FOUND}(i.fields) OR i.mailer_number = ? OR i.token_serial = ?)"
        found.append((number, [wanted.text, wanted.text]))
    return [condition for condition, _ in found], [one for _, values in found for one in values]


OF_SUBSCRIBER = (
    "i.order_id IN (SELECT id FROM orders WHERE organisation = ? OR subscriber = ? COLLATE NOCASE)"
)
"""Items `i` of a subscriber, by its number or its name; takes the word twice."""


def _holds(text: str) -> Callable[[str], bool]:
    """Tells of an item's fields (JSON) whether every word of a text is in them."""
    words = [sought(word) for word in text.split()]

    def holds(fields: str) -> bool:
        values = " ".join(json.loads(fields).values())
        # Most are plain, and taking accents off takes ten times as long.
        there = values.casefold() if values.isascii() else sought(values)
        return all(word in there for word in words)

    return holds
