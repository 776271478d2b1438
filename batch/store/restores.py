"""What the records know of having been restored, and numbers that must not be given again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from batch.model.errors import Refused
from batch.store.database import Records, moment, stamp


@dataclass(frozen=True)
class Restore:
    """A restore of these records from a backup made at `made_at`, which ended with entry `entries`.

    What lies between is known as badly as in the worst of all restores that are not reconciled.

    `ledger`: the ledger that lay there reached back to the backup. `ca`: the CA's own records lay there, so
    that they are not of the backup's age.
    """

    made_at: datetime
    entries: int
    ledger: bool
    ca: bool


def add(records: Records, *, operator: str, made_at: datetime, entries: int, ledger: bool, ca: bool) -> None:
    """Put on record that these records come from a backup; they are not reconciled yet."""
    records.insert(
        "INSERT INTO restores (at, operator, made_at, entries, ledger, ca) VALUES (?, ?, ?, ?, ?, ?)",
        (stamp(), operator, stamp(made_at), entries, int(ledger), int(ca)),
    )


def open_restore(records: Records) -> Restore | None:
    """The last restore, where it is not reconciled yet.

    It counts from the oldest backup where that backup was itself of a restore that was not.
    """
    row = records.row(
        "SELECT min(made_at), min(entries), min(ledger), min(ca) FROM restores WHERE reconciled_at IS NULL"
    )
    if row is None or row[0] is None:
        return None
    made_at, entries, ledger, ca = row
    made = moment(made_at)
    assert made is not None
    return Restore(made, entries, bool(ledger), bool(ca))


def reconciled(records: Records) -> None:
    """Put on record that what happened after the backup has been found out."""
    records.write("UPDATE restores SET reconciled_at = ? WHERE reconciled_at IS NULL", (stamp(),))


def refuse_open(records: Records) -> None:
    """Raises `Refused` while it is not found out what happened after the backup these records come from."""
    restore = open_restore(records)
    if restore is not None:
        raise Refused(
            f"these records come from a backup of {restore.made_at:%Y-%m-%d %H:%M} UTC, and what was made, "
            "printed and numbered after it is not found out yet",
            where=str(records.path.parent),
            next="run `station reconcile`",
        )


def floor(records: Records, what: str) -> int:
    """The number up to which all are taken, of `mailer` numbers or of an `order YEAR`; 0 where none is."""
    row = records.row("SELECT value FROM floors WHERE what = ?", (what,))
    return int(row[0]) if row else 0


def raise_floor(records: Records, what: str, value: int) -> None:
    """Never give a number up to `value` again."""
    records.write(
        "INSERT INTO floors VALUES (?, ?) "
        "ON CONFLICT (what) DO UPDATE SET value = max(value, excluded.value)",
        (what, value),
    )
