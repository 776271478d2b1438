"""Tokens found by the beginning of whatever somebody has at hand, in pages: while it is typed.

A text is tried as a token's number, the serial of a token, that of a certificate (hexadecimal), the number or
reference of an order, and as words. What is found in several of these ways is told once for each.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from batch.store import id_sets, words
from batch.store.database import Records
from batch.store.id_sets import IdSet, Indexed, any_of
from batch.store.lists import ListedToken, load
from batch.store.paging import (
    FIRST,
    MOST,
    UPTO,
    Count,
    Cursor,
    Fetch,
    Found,
    Listing,
    Page,
    Place,
    page_of,
)

_DIGITS = range(6, 10)
"""How many digits mailer numbers have: six, and more once there are a million."""

_SERIAL, _ORDER = 4, 3
"""From so many characters on a text may be the beginning of a serial, or of what an order is called by."""


class By(enum.StrEnum):
    """What a token was found by."""

    NUMBER = "number"
    SERIAL = "serial"
    CERTIFICATE = "certificate"
    ORDER = "order"
    WORDS = "words"


@dataclass(frozen=True)
class Hit:
    """A token, and what it was found by."""

    by: By
    token: ListedToken


def page(records: Records, text: str, place: Place = FIRST, limit: int = MOST) -> Page[Hit]:
    """The page at a place of the tokens a text finds: by number first, by words last, each newest first.

    Cursors hold for the same text only. An empty text finds nothing.
    """
    found = page_of(_chained(_ways(records, text.strip())), place, limit)
    ids = sorted({id_ for _, id_ in found.rows})
    tokens = dict(zip(ids, load(records, ids), strict=True)) if ids else {}
    hits = tuple(Hit(by, tokens[id_]) for by, id_ in found.rows)
    return Page(hits, found.cursors, found.has_before, found.has_after)


def count(records: Records, text: str, upto: int = UPTO) -> Count:
    """How many rows the pages have in all, counted up to a number."""
    found = len(_chained(_ways(records, text.strip()))(False, None, False, upto + 1))
    return Count(min(found, upto), found > upto)


_Ways = Sequence[tuple[By, Fetch[int]]]


def _ways(records: Records, text: str) -> _Ways:
    found: list[tuple[By, Fetch[int]]] = []
    if numbers := _numbers(text):
        found.append((By.NUMBER, _of_sets(records, [numbers])))
    found += [(by, _of_query(records, listing, part)) for by, listing, part in _by_index(text)]
    if sets := words.beginning_with(records, text):
        found.append((By.WORDS, _of_sets(records, sets)))
    return found


def _chained(ways: _Ways) -> Fetch[tuple[By, int]]:
    def fetch(backwards: bool, start: Cursor | None, inclusive: bool, most: int) -> Found[tuple[By, int]]:
        found: Found[tuple[By, int]] = []
        order = range(len(ways))
        for at in reversed(order) if backwards else order:
            begun = None
            if start is not None:
                if (at > int(start[0])) if backwards else (at < int(start[0])):
                    continue
                begun = start[1:] if at == start[0] else None
            by, one = ways[at]
            rows = one(backwards, begun, inclusive, most - len(found))
            found += [((at, *cursor), (by, id_)) for cursor, id_ in rows]
            if len(found) >= most:
                break
        return found

    return fetch


def _of_sets(records: Records, sets: Sequence[IdSet]) -> Fetch[int]:
    def fetch(backwards: bool, start: Cursor | None, inclusive: bool, most: int) -> Found[int]:
        return [((id_,), id_) for id_ in id_sets.ids(records, sets, not backwards, start, inclusive, most)]

    return fetch


def _of_query(records: Records, listing: Listing[int], beginning: str) -> Fetch[int]:
    def fetch(backwards: bool, start: Cursor | None, inclusive: bool, most: int) -> Found[int]:
        between = (beginning, beginning + words.HIGHEST)
        return listing.fetch(records, [], backwards, start, inclusive, most, between)

    return fetch


def _numbers(text: str) -> IdSet | None:
    if not (text.isascii() and text.isdigit()):
        return None
    ranges = [(int(text), int(text) + 1)] if len(text) < _DIGITS[0] and text[0] != "0" else []
    for digits in _DIGITS:
        if len(text) <= digits and (digits == _DIGITS[0] or text[0] != "0"):
            more = 10 ** (digits - len(text))
            ranges.append((int(text) * more, (int(text) + 1) * more))
    return any_of([Indexed("id", "items", least=one[0], beyond=one[1]) for one in ranges]) if ranges else None


def _by_index(text: str) -> Iterator[tuple[By, Listing[int], str]]:
    if len(text) >= _SERIAL:
        for serial in dict.fromkeys((text, text.lower(), text.upper())):
            yield By.SERIAL, _SERIALS, serial
        # A certificate is quoted with colons as well, and with the zero that makes its octets whole.
        serial = text.lower().replace(":", "").replace(" ", "").lstrip("0")
        if len(serial) >= _SERIAL - 1 and set(serial) <= set("0123456789abcdef"):
            yield By.CERTIFICATE, _CERTIFICATES, serial
            yield By.CERTIFICATE, _FORMER_CERTIFICATES, serial
    if len(text) >= _ORDER:
        yield By.ORDER, _ORDERS, text
        yield By.ORDER, _REFERENCES, text


def _listing(tables: str, *key: str, id_: str) -> Listing[int]:
    return Listing(id_, tables, key, lambda row: int(row[0]), newest=True)


_SERIALS = _listing("items", "token_serial", "id", id_="id")
_CERTIFICATES = _listing("keys", "serial", "item_id", "name", id_="item_id")
_FORMER_CERTIFICATES = _listing("former_keys", "serial", "item_id", "name", "renewal_id", id_="item_id")
_OF_ORDERS = "orders o CROSS JOIN items i ON i.order_id = o.id"
_ORDERS = _listing(_OF_ORDERS, "o.number", "i.id", id_="i.id")
_REFERENCES = _listing(_OF_ORDERS, "o.reference COLLATE NOCASE", "o.id", "i.id", id_="i.id")
