"""Checkpoints of the log, and when the log was found to hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from batch.model.events import StoredCheckpoint
from batch.store.database import Records, moment, stamp

_CHECKPOINT = "size, note, key, frontier, made_at"


def add(records: Records, checkpoint: StoredCheckpoint, leaves: bytes) -> None:
    """Keep a checkpoint with the leaf hashes of the entries since the one before."""
    records.write(
        f"INSERT INTO checkpoints ({_CHECKPOINT}, leaves) VALUES (?, ?, ?, ?, ?, ?)",
        (
            checkpoint.size,
            checkpoint.note,
            checkpoint.key,
            checkpoint.frontier,
            checkpoint.made_at,
            leaves,
        ),
    )


def last(records: Records) -> StoredCheckpoint | None:
    """The checkpoint over the most entries, None before the first."""
    row = records.row(f"SELECT {_CHECKPOINT} FROM checkpoints ORDER BY size DESC LIMIT 1")
    return StoredCheckpoint(*row) if row else None


def count(records: Records) -> int:
    """How many checkpoints there are."""
    row = records.row("SELECT count(*) FROM checkpoints")
    return int(row[0]) if row else 0


def every(records: Records) -> list[StoredCheckpoint]:
    """All checkpoints, the smallest first."""
    return [
        StoredCheckpoint(*row) for row in records.rows(f"SELECT {_CHECKPOINT} FROM checkpoints ORDER BY size")
    ]


def leaves(records: Records) -> Iterator[tuple[int, bytes]]:
    """The size of each checkpoint and the leaf hashes it added, the smallest first."""
    at = -1
    statement = "SELECT size, leaves FROM checkpoints WHERE size > ? ORDER BY size LIMIT 1"
    while row := records.row(statement, (at,)):
        yield row[0], row[1]
        at = row[0]


def add_verification(records: Records, operator: str, entries: int) -> None:
    """The log was verified and held."""
    records.write(
        "INSERT INTO verifications (at, operator, entries) VALUES (?, ?, ?)", (stamp(), operator, entries)
    )


def last_verified(records: Records) -> datetime | None:
    """When the log was last found to hold, None where it never was."""
    row = records.row("SELECT at FROM verifications ORDER BY id DESC LIMIT 1")
    return moment(row[0]) if row else None
