"""Sets of rows by their ids, each told by an index, and walking what several have in common.

Every set is asked for its next id from some number on. So a page of rows that many filters leave is found
by jumping from set to set, without sorting or reading what lies between.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace
from itertools import islice
from typing import Any, Protocol, TypeVar

from batch.store.database import Records
from batch.store.paging import Count, Cursor, Found, Page, Place, page_of

_LEAST, _CHUNK = 16, 512
"""Ids that are read at once: few after a jump, more the longer a set is read on."""

_HIGHEST = 2**63 - 1
T = TypeVar("T")


class Seeker(Protocol):
    """Reads one set in one direction."""

    def seek(self, target: int) -> int | None:
        """The first id of the set at or beyond a number; None where none is. Targets never turn back."""


class IdSet(Protocol):
    """Some rows, by their ids."""

    def seeker(self, records: Records, backwards: bool) -> Seeker:
        """Something that reads the set from its lowest id, or from its highest."""


@dataclass(frozen=True)
class Indexed:
    """The rows for which a condition holds, as an index has them: `id` is read in its order.

    Only ids from `least` on, and those below `beyond`.
    """

    id: str
    tables: str
    where: str = "TRUE"
    parameters: tuple[Any, ...] = ()
    least: int = 0
    beyond: int = _HIGHEST

    def seeker(self, records: Records, backwards: bool) -> Seeker:
        """Reads some ids at a time."""
        return _Chunks(records, self, backwards)

    def query(self, backwards: bool) -> str:
        """The query for ids between two, both included; takes the parameters, the ids, how many at most."""
        return (
            f"SELECT {self.id} FROM {self.tables} WHERE {self.where} AND {self.id} BETWEEN ? AND ? "
            f"ORDER BY {self.id}{' DESC' if backwards else ''} LIMIT ?"
        )


@dataclass(frozen=True)
class Listed:
    """Rows of these ids, rising."""

    ids: tuple[int, ...]

    def seeker(self, records: Records, backwards: bool) -> Seeker:
        """Looks them up."""
        return _Ids(self.ids, backwards)


@dataclass(frozen=True)
class Union:
    """What is in any of some sets."""

    sets: tuple[IdSet, ...]

    def seeker(self, records: Records, backwards: bool) -> Seeker:
        """Reads all of them side by side."""
        return _Merged([one.seeker(records, backwards) for one in self.sets], backwards)


def any_of(sets: Sequence[IdSet]) -> IdSet:
    """What is in any of some sets."""
    return sets[0] if len(sets) == 1 else Union(tuple(sets))


def walk(
    records: Records, sets: Sequence[IdSet], start: int | None = None, *, backwards: bool = False
) -> Iterator[int]:
    """The ids that are in all of some sets, one at least, from a number on."""
    seekers = [one.seeker(records, backwards) for one in sets]
    target = start if start is not None else _HIGHEST if backwards else 0
    agreed = 0
    while True:
        for seeker in seekers:
            found = seeker.seek(target)
            if found is None:
                return
            agreed = agreed + 1 if found == target else 1
            target = found
            if agreed >= len(seekers):
                yield target
                target += -1 if backwards else 1
                agreed = 0


def page(
    records: Records,
    sets: Sequence[IdSet],
    load: Callable[[Sequence[int]], Sequence[T]],
    place: Place,
    limit: int,
    *,
    newest: bool,
) -> Page[T]:
    """The page at a place of rows that are in all sets, `load`ed by ids; cursors are `(id,)`."""

    def fetch(backwards: bool, start: Cursor | None, inclusive: bool, most: int) -> Found[T]:
        found = ids(records, sets, backwards is not newest, start, inclusive, most)
        return [((id_,), row) for id_, row in zip(found, load(found), strict=True)] if found else []

    return page_of(fetch, place, limit)


def ids(
    records: Records, sets: Sequence[IdSet], falling: bool, start: Cursor | None, inclusive: bool, most: int
) -> list[int]:
    """Ids that are in all of some sets, `falling` or rising from a cursor on, at most so many."""
    first = None
    if start is not None:
        first = int(start[0]) + (0 if inclusive else -1 if falling else 1)
    return list(islice(walk(records, sets, first, backwards=falling), most))


def count(records: Records, sets: Sequence[IdSet], upto: int) -> Count:
    """How many rows are in all of some sets, counted up to a number."""
    found = sum(1 for _ in islice(walk(records, sets, backwards=True), upto + 1))
    return Count(min(found, upto), found > upto)


class _Chunks:
    def __init__(self, records: Records, of: Indexed, backwards: bool) -> None:
        self._records, self._of, self._backwards = records, of, backwards
        self._query = of.query(backwards)
        # Backwards they are kept below zero, so that they rise as well.
        self._sign = -1 if backwards else 1
        self._ids: list[int] = []
        self._at, self._size, self._ended = 0, _LEAST, False

    def seek(self, target: int) -> int | None:
        signed = self._sign * target
        self._at = bisect_left(self._ids, signed, self._at)
        if self._at == len(self._ids) and not self._ended:
            self._read(target, signed)
        return self._sign * self._ids[self._at] if self._at < len(self._ids) else None

    def _read(self, target: int, signed: int) -> None:
        # What lies right behind the last is read on; what lies far away is looked into.
        near = self._ids and signed - self._ids[-1] <= self._ids[-1] - self._ids[0] + 1
        self._size = min(self._size * 4, _CHUNK) if near else _LEAST
        least, most = self._of.least, self._of.beyond - 1
        # One bound takes the place of the other: with both SQLite may read from the wrong one on.
        least, most = (least, min(most, target)) if self._backwards else (max(least, target), most)
        found = self._records.rows(self._query, (*self._of.parameters, least, most, self._size))
        self._ids = [self._sign * row[0] for row in found]
        self._at, self._ended = 0, len(found) < self._size


class _Ids:
    def __init__(self, ids: tuple[int, ...], backwards: bool) -> None:
        self._ids, self._backwards = ids, backwards

    def seek(self, target: int) -> int | None:
        if self._backwards:
            at = bisect_right(self._ids, target) - 1
            return self._ids[at] if at >= 0 else None
        at = bisect_left(self._ids, target)
        return self._ids[at] if at < len(self._ids) else None


class _Merged:
    def __init__(self, seekers: Sequence[Seeker], backwards: bool) -> None:
        self._seekers, self._sign = seekers, -1 if backwards else 1
        # Of each set the next id that is known, by which they are kept in order.
        self._heads = [(-2 * _HIGHEST, at) for at in range(len(seekers))]
        heapify(self._heads)

    def seek(self, target: int) -> int | None:
        while self._heads and self._heads[0][0] < self._sign * target:
            at = self._heads[0][1]
            found = self._seekers[at].seek(target)
            if found is None:
                heappop(self._heads)
            else:
                heapreplace(self._heads, (self._sign * found, at))
        return self._sign * self._heads[0][0] if self._heads else None
