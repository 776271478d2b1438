"""The audit table: append and read, never change."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence

from batch.model.errors import NotLogged
from batch.model.events import Entry
from batch.store.database import Records, is_step

_ENTRY = "sequence, CAST(body AS BLOB), hash"
_PAGE = 5000
_LOWEST = -(2**63)
"""Below every number that somebody could have written in."""


def head(records: Records) -> Entry | None:
    """The last entry, None in an empty log."""
    row = records.row(f"SELECT {_ENTRY} FROM audit ORDER BY sequence DESC LIMIT 1")
    return _entry(row) if row else None


def entry(records: Records, sequence: int) -> Entry | None:
    """The entry of a number, None where there is none."""
    row = records.row(f"SELECT {_ENTRY} FROM audit WHERE sequence = ?", (sequence,))
    return _entry(row) if row else None


def add(records: Records, entry: Entry) -> None:
    """Append an entry; raises `NotLogged` where its number is taken or the table refuses it (R37)."""
    try:
        records.tell("INSERT INTO audit VALUES (?, ?, ?)", (entry.sequence, entry.body, entry.hash))
    except sqlite3.DatabaseError as error:
        raise NotLogged(
            f"the log does not take entry {entry.sequence} ({error}), so what it tells was not done",
            where=str(records.path),
            next="see with `station audit verify` what became of the log; work stops until it is mended",
        ) from error
    if row := facts_row(entry.sequence, entry.body):
        records.write("INSERT OR REPLACE INTO log_facts VALUES (?, ?, ?, ?, ?)", row)


def facts_row(sequence: int, body: str) -> tuple[int, str, str, str | None, str | None] | None:
    """What an entry is looked up by: event, operator, order, item; None for that of a single step.

    None for one whose text is none of ours, too.
    """
    if is_step(body):
        return None
    try:
        facts = json.loads(body)
        order, item = (
            str(one) if one is not None else None for one in (facts.get("order"), facts.get("item"))
        )
        return sequence, str(facts["event"]), str(facts["operator"]), order, item
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None


def deliveries(records: Records) -> Iterator[tuple[bytes | None, Entry]]:
    """Entries that tell of tokens sent, and taken by whom they were for, each with the hash before it.

    Oldest first.
    """
    for row in records.rows(
        f"SELECT (SELECT hash FROM audit b WHERE b.sequence = a.sequence - 1), {_ENTRY} FROM audit a "
        'WHERE instr(body, \'"event":"token.acknowledged"\') > 0 '
        'OR instr(body, \'"event":"token.handed-over"\') > 0 '
        'OR instr(body, \'"event":"token.dispatched"\') > 0 ORDER BY sequence'
    ):
        yield row[0], _entry(row[1:])


def last_kept(records: Records, upto: int) -> Entry | None:
    """The last entry up to a number that the ledger has as well."""
    since = upto
    while page := records.rows(
        f"SELECT {_ENTRY} FROM audit WHERE sequence <= ? ORDER BY sequence DESC LIMIT 1000", (since,)
    ):
        for found in map(_entry, page):
            if not is_step(found.body):
                return found
        since = page[-1][0] - 1
    return None


def entries(records: Records, after: int | None = None) -> Iterator[Entry]:
    """All entries in order, or those behind a number, in pages, so that a long log needs little memory."""
    last = _LOWEST if after is None else after
    while page := records.rows(
        f"SELECT {_ENTRY} FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?", (last, _PAGE)
    ):
        yield from (_entry(row) for row in page)
        last = page[-1][0]


def entries_of(records: Records, sequences: Sequence[int]) -> list[Entry]:
    """The entries of some numbers, in that order."""
    marks = ", ".join("?" * len(sequences))
    rows = records.rows(f"SELECT {_ENTRY} FROM audit WHERE sequence IN ({marks})", sequences)
    found = {row[0]: _entry(row) for row in rows}
    return [found[one] for one in sequences]


def first_entry(records: Records) -> Entry | None:
    """The entry of the lowest number, None in an empty log."""
    return next_entry(records, _LOWEST)


def next_entry(records: Records, sequence: int) -> Entry | None:
    """The first entry of a number or above, None where there is none."""
    row = records.row(
        f"SELECT {_ENTRY} FROM audit WHERE sequence >= ? ORDER BY sequence LIMIT 1", (sequence,)
    )
    return _entry(row) if row else None


def told_at(entry: Entry) -> str | None:
    """The latest time up to an entry, as it tells it; None where its text does not."""
    try:
        facts = json.loads(entry.body)
        return str(facts.get("latest", facts["at"]))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None


def holding(records: Records, text: str) -> Iterator[Entry]:
    """The entries whose text holds another, oldest first."""
    rows = records.rows(f"SELECT {_ENTRY} FROM audit WHERE instr(body, ?) > 0 ORDER BY sequence", (text,))
    yield from (_entry(row) for row in rows)


def _entry(row: tuple[int, bytes, bytes]) -> Entry:
    # Somebody may have written in what is no text; it shows as changed then, and stops nobody from looking.
    return Entry(row[0], row[1].decode("utf-8", "replace"), row[2])
