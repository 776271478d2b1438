"""Pages of long lists: windows that go on from a row, whatever came or went meanwhile."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from batch.store.database import Records

T = TypeVar("T")
Cursor = tuple[int | str, ...]
"""Where a row stands in its list: what the list is ordered by."""

MOST = 200
"""Rows of a page."""

UPTO = 1000
"""How far rows are counted."""


class Way(enum.StrEnum):
    """Which page of a list. FROM begins with the row of a cursor itself, to see the same rows again."""

    FIRST = "first"
    LAST = "last"
    AFTER = "after"
    BEFORE = "before"
    FROM = "from"


@dataclass(frozen=True)
class Place:
    """Where a page of a list is: its beginning or end, or beside a row."""

    way: Way
    cursor: Cursor | None = None


FIRST, LAST = Place(Way.FIRST), Place(Way.LAST)


def after(cursor: Cursor) -> Place:
    """The page behind a row."""
    return Place(Way.AFTER, cursor)


def before(cursor: Cursor) -> Place:
    """The page that ends before a row."""
    return Place(Way.BEFORE, cursor)


def beginning(cursor: Cursor) -> Place:
    """The page that begins with a row, or with the next where it is gone."""
    return Place(Way.FROM, cursor)


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a list in its order, the cursor of each, and whether there are rows before and after."""

    rows: tuple[T, ...]
    cursors: tuple[Cursor, ...]
    has_before: bool
    has_after: bool


@dataclass(frozen=True)
class Count:
    """How many rows there are; with `more`, at least so many."""

    number: int
    more: bool


Between = tuple[int | str | None, int | str | None]
"""The least and the highest value of a column, None for any."""

Found = list[tuple[Cursor, T]]
Fetch = Callable[[bool, Cursor | None, bool, int], Found[T]]
"""Takes whether to go backwards, from which row on, whether that row counts, and how many rows at most."""


def page_of(fetch: Fetch[T], place: Place, limit: int) -> Page[T]:
    """The page of at most `limit` (1 to 200) rows at a place."""
    if not 0 < limit <= MOST:
        raise ValueError(f"a page has 1 to {MOST} rows")
    backwards = place.way in (Way.LAST, Way.BEFORE)
    found = fetch(backwards, place.cursor, place.way is Way.FROM, limit + 1)
    further, found = len(found) > limit, found[:limit]
    behind = False
    if place.cursor is not None:
        edge = found[0][0] if found else place.cursor
        behind = bool(fetch(not backwards, edge, not found, 1))
    if backwards:
        found.reverse()
        further, behind = behind, further
    return Page(tuple(row for _, row in found), tuple(at for at, _ in found), behind, further)


Condition = tuple[str, Sequence[Any]]
"""A condition in SQL, and what it takes."""


@dataclass(frozen=True)
class Listing(Generic[T]):
    """A list that one query tells: its columns, tables, what it is ordered by, and a row made of columns.

    The columns of `key` name a row for good. `newest`: the highest come first.
    """

    columns: str
    tables: str
    key: tuple[str, ...]
    make: Callable[[tuple[Any, ...]], T]
    newest: bool = False

    def page(
        self, records: Records, where: Sequence[Condition] = (), place: Place = FIRST, limit: int = MOST
    ) -> Page[T]:
        """The page at a place of those rows for which all conditions hold."""

        def fetch(backwards: bool, start: Cursor | None, inclusive: bool, most: int) -> Found[T]:
            return self.fetch(records, where, backwards, start, inclusive, most)

        return page_of(fetch, place, limit)

    def fetch(
        self,
        records: Records,
        where: Sequence[Condition],
        backwards: bool,
        start: Cursor | None,
        inclusive: bool,
        most: int,
        between: Between = (None, None),
    ) -> Found[T]:
        """Rows from one on, as `Fetch` says; those with the first column of the key `between` two values."""
        query, parameters = self.query(where, backwards, start, inclusive, most, between)
        width = len(self.key)
        return [(row[:width], self.make(row[width:])) for row in records.rows(query, parameters)]

    def query(
        self,
        where: Sequence[Condition],
        backwards: bool,
        start: Cursor | None,
        inclusive: bool,
        most: int,
        between: Between = (None, None),
    ) -> tuple[str, list[Any]]:
        """The query for rows from one on, as `fetch` says, and what it takes."""
        falling = backwards is not self.newest
        least, highest = between
        if start is not None:
            # It takes the place of a bound: with both SQLite may read from the wrong one on.
            least, highest = (least, start[0]) if falling else (start[0], highest)
        bounds = [(f"{self.key[0]} >= ?", least), (f"{self.key[0]} <= ?", highest)]
        where = [*where, *((bound, (value,)) for bound, value in bounds if value is not None)]
        if start is not None:
            beyond = f"{'<' if falling else '>'}{'=' if inclusive else ''}"
            marks = ", ".join("?" * len(self.key))
            where = [*where, (f"({', '.join(self.key)}) {beyond} ({marks})", start)]
        order = ", ".join(f"{name} DESC" if falling else name for name in self.key)
        query = (
            f"SELECT {', '.join(self.key)}, {self.columns} FROM {self.tables} {_where(where)} "
            f"ORDER BY {order} LIMIT ?"
        )
        return query, [*(one for _, values in where for one in values), most]

    def count(self, records: Records, where: Sequence[Condition] = (), upto: int = UPTO) -> Count:
        """How many rows there are, counted up to a number."""
        query = f"SELECT 1 FROM {self.tables} {_where(where)} LIMIT ?"
        found = len(records.rows(query, [*(one for _, values in where for one in values), upto + 1]))
        return Count(min(found, upto), found > upto)


def _where(conditions: Sequence[Condition]) -> str:
    return f"WHERE {' AND '.join(condition for condition, _ in conditions)}" if conditions else ""
