"""The audit table: append and read, never change."""

from __future__ import annotations

from collections.abc import Iterator

from batch.model.events import Entry
from batch.store.database import Records, is_step

_PAGE = 5000


def head(records: Records) -> Entry | None:
    """The last entry, None in an empty log."""
    row = records.row("SELECT sequence, body, hash FROM audit ORDER BY sequence DESC LIMIT 1")
    return Entry(*row) if row else None


def add(records: Records, entry: Entry) -> None:
    """Append an entry; a number that is taken fails the transaction."""
    records.write("INSERT INTO audit VALUES (?, ?, ?)", (entry.sequence, entry.body, entry.hash))


def entry(records: Records, sequence: int) -> Entry | None:
    """The entry of a number."""
    row = records.row("SELECT sequence, body, hash FROM audit WHERE sequence = ?", (sequence,))
    return Entry(*row) if row else None


def last_kept(records: Records, upto: int) -> Entry | None:
    """The last entry up to a number that the ledger has as well."""
    since = upto
    while page := records.rows(
        "SELECT sequence, body, hash FROM audit WHERE sequence <= ? ORDER BY sequence DESC LIMIT 1000",
        (since,),
    ):
        for row in page:
            if not is_step(row[1]):
                return Entry(*row)
        since = page[-1][0] - 1
    return None


def entries(records: Records, after: int = -1) -> Iterator[Entry]:
    """All entries after a number in order, read in pages, so that a long log needs little memory."""
    last = after
    while page := records.rows(
        "SELECT sequence, body, hash FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?", (last, _PAGE)
    ):
        yield from (Entry(*row) for row in page)
        last = page[-1][0]
