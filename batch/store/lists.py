"""Tokens as lists show them, picked out of all by index: one after the other, in pages, or counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from batch.model.orders import Item
from batch.model.states import ItemState, LifeState
from batch.store import id_sets, words
from batch.store.database import Records, moment
from batch.store.id_sets import IdSet, Indexed
from batch.store.items import ITEM_COLUMNS, item_from
from batch.store.paging import FIRST, MOST, UPTO, Count, Page, Place

_PAGE = 500
_FOUND = "station_found"


@dataclass(frozen=True)
class TokensWanted:
    """Which tokens: of an order (its number), of a subscriber (its number or name), in a state of making, in
    a state of life, of a layout, with a serial, with a text in what they were ordered with, with words of
    their group, people or subscriber that begin as those here. None: any.
    """

    order_id: int | None = None
    subscriber: str | None = None
    state: ItemState | None = None
    life: LifeState | None = None
    layout: str | None = None
    serial: str | None = None
    text: str | None = None
    words: str | None = None


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
    found = id_sets.walk(records, sets_of(records, wanted))
    while ids := list(islice(found, _PAGE)):
        yield from load(records, ids)


def page(
    records: Records, wanted: TokensWanted, place: Place = FIRST, limit: int = MOST, *, newest: bool = True
) -> Page[ListedToken]:
    """The page at a place of the tokens that are wanted, by number, the highest first or the lowest."""
    sets = sets_of(records, wanted)
    return id_sets.page(records, sets, lambda ids: load(records, ids), place, limit, newest=newest)


def count(records: Records, wanted: TokensWanted, upto: int = UPTO) -> Count:
    """How many tokens are wanted, counted up to a number."""
    return id_sets.count(records, sets_of(records, wanted), upto)


def load(records: Records, ids: Sequence[int]) -> list[ListedToken]:
    """Tokens by the ids of their items, some hundreds at most, in that order."""
    rows = records.rows(
        f"SELECT o.number, o.organisation, o.subscriber, l.state, l.since, {ITEM_COLUMNS} "
        "FROM items i JOIN orders o ON o.id = i.order_id LEFT JOIN lives l ON l.item_id = i.id "
        f"WHERE i.id IN ({', '.join('?' * len(ids))})",
        ids,
    )
    found = {}
    for number, organisation, subscriber, life, since, *item in rows:
        state = LifeState(life) if life is not None else None
        one = item_from(tuple(item))
        found[one.id] = ListedToken(one, number, organisation, subscriber, state, moment(since))
    return [found[id_] for id_ in ids]


def sets_of(records: Records, wanted: TokensWanted) -> list[IdSet]:
    """The sets of which the items that are wanted are in all."""
    found: list[IdSet] = []
    if wanted.serial is not None:
        found.append(_with("token_serial = ?", wanted.serial))
    if wanted.order_id is not None:
        found.append(of_order(wanted.order_id))
    if wanted.words is not None:
        found += words.beginning_with(records, wanted.words)
    if wanted.subscriber is not None:
        found.append(of_subscriber(records, wanted.subscriber))
    if wanted.life is not None:
        # What a restore took back from being produced has a life on record, and none.
        found.append(Indexed("item_id", "lives", "state = ?", (wanted.life,)))
        found.append(_with("state = ?", ItemState.PRODUCED))
    if wanted.state is not None:
        found.append(_with("state = ?", wanted.state))
    if wanted.layout is not None:
        found.append(_with("layout = ?", wanted.layout))
    if wanted.text is not None:
        records.db.register_function(_holds(wanted.text), name=_FOUND, deterministic=True)
        holds = f"({_FOUND}(fields) OR mailer_number = ? OR token_serial = ?)"
        found.append(_with(holds, wanted.text, wanted.text))
    return found or [_with("TRUE")]


def of_order(order_id: int) -> IdSet:
    """The items of an order."""
    return _with("order_id = ?", order_id)


def of_subscriber(records: Records, name: str) -> IdSet:
    """The items of a subscriber, by its number or by a name under which it ordered."""
    found = records.rows(
        "SELECT organisation FROM orders WHERE organisation = ? "
        "UNION ALL SELECT organisation FROM orders WHERE subscriber = ? COLLATE NOCASE",
        (name, name),
    )
    return words.of_organisations({str(row[0]) for row in found})


def _with(condition: str, *values: str | int) -> Indexed:
    return Indexed("id", "items", condition, values)


def _holds(text: str) -> Callable[[str], bool]:
    """Tells of an item's fields (JSON) whether every word of a text is in them."""
    parts = [words.sought(word) for word in text.split()]

    def holds(fields: str) -> bool:
        values = " ".join(json.loads(fields).values())
        # Most are plain, and taking accents off takes ten times as long.
        there = values.casefold() if values.isascii() else words.sought(values)
        return all(part in there for part in parts)

    return holds
