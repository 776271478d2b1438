"""Entries of the audit log as lists show them, in pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from batch.model.events import Entry
from batch.store import audit, id_sets
from batch.store.database import Records, stamp
from batch.store.id_sets import IdSet, Indexed
from batch.store.paging import FIRST, MOST, UPTO, Count, Page, Place


@dataclass(frozen=True)
class EntriesWanted:
    """Which entries: by an operator, of an event by name, about an order, about an item (both by number),
    made between two moments. None: any.

    With an operator, event, order or item those of single steps are left out, which the journal has.
    """

    operator: str | None = None
    event: str | None = None
    order: str | None = None
    item: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def page(
    records: Records, wanted: EntriesWanted, place: Place = FIRST, limit: int = MOST, *, newest: bool = True
) -> Page[Entry]:
    """The page at a place of the entries that are wanted, the newest first or the oldest."""
    sets = sets_of(records, wanted)
    return id_sets.page(records, sets, lambda ids: _load(records, ids), place, limit, newest=newest)


def count(records: Records, wanted: EntriesWanted, upto: int = UPTO) -> Count:
    """How many entries are wanted, counted up to a number."""
    return id_sets.count(records, sets_of(records, wanted), upto)


def events(records: Records) -> list[str]:
    """The names of the events that there are entries of, those of single steps left out."""
    return _different(records, "event")


def operators(records: Records) -> list[str]:
    """Everybody whom entries name, those of single steps left out."""
    return _different(records, "operator")


def _different(records: Records, column: str) -> list[str]:
    # From one name to the next by the index, not over all entries.
    rows = records.rows(
        f"WITH RECURSIVE named (name) AS (SELECT min({column}) FROM log_facts UNION ALL "
        f"SELECT (SELECT min({column}) FROM log_facts WHERE {column} > name) FROM named "
        "WHERE name IS NOT NULL) SELECT name FROM named WHERE name IS NOT NULL"
    )
    return [str(row[0]) for row in rows]


def sets_of(records: Records, wanted: EntriesWanted) -> list[IdSet]:
    """The sets of which the entries that are wanted are in all."""
    entries = Indexed("sequence", "audit")
    if wanted.since is not None:
        entries = replace(entries, least=_behind(records, wanted.since, inclusive=False))
    if wanted.until is not None:
        entries = replace(entries, beyond=_behind(records, wanted.until, inclusive=True))
    found: list[IdSet] = [entries]
    for column, value in (
        ("item_number", wanted.item),
        ("order_number", wanted.order),
        ("event", wanted.event),
        ("operator", wanted.operator),
    ):
        if value is not None:
            found.append(Indexed("sequence", "log_facts", f"{column} = ?", (value,)))
    return found


def _behind(records: Records, at: datetime, *, inclusive: bool) -> int:
    """The number of the first entry that was made at a moment or later, or later; else the next number.

    Found by halving, for which the time of an entry is the latest that any up to it has.
    """
    wanted = stamp(at)
    first, head = audit.first_entry(records), audit.head(records)
    if first is None or head is None:
        return 0
    low, high = first.sequence, head.sequence + 1
    while low < high:
        middle = (low + high) // 2
        entry = audit.next_entry(records, middle)
        told = audit.told_at(entry) if entry else None
        if entry is None or (told is not None and (told > wanted if inclusive else told >= wanted)):
            high = middle
        else:
            low = max(middle, entry.sequence) + 1
    return low


def _load(records: Records, ids: Sequence[int]) -> list[Entry]:
    return audit.entries_of(records, ids)
