"""Whether records may be worked with: looked at before anything is written on top of damage."""

from __future__ import annotations

from batch.audit.chain import breaks
from batch.model.errors import RecordsDamaged
from batch.store import audit
from batch.store.database import Records

_TAIL = 1000
"""Entries at the end of the chain that are looked at each time."""

_MEND = "stop work, copy the home away, then `station restore` a backup"


def look(records: Records, *, thorough: bool = False) -> None:
    """Raises `RecordsDamaged` where the records are not what was written last.

    Looks at the end of the audit chain and whether it reaches as far as the ledger, which it does not where
    an older file was put here, or its write-ahead log is missing or another's. `thorough` reads every page.
    """
    faults = records.check() if thorough else []
    if faults:
        raise RecordsDamaged("; ".join(faults[:3]), where=str(records.path), next=_MEND)
    head = audit.head(records)
    since = max(0, head.sequence - _TAIL) if head else 0
    for fault in breaks(audit.entries(records, since), audit.entry(records, since) if since else None):
        raise RecordsDamaged(
            f"the audit log does not hold: {fault.what}",
            where=str(records.path),
            next=_MEND,
        )
    _reaches_ledger(records, head.sequence if head else 0)


def whole_chain(records: Records) -> None:
    """Raises `RecordsDamaged` where any entry of the audit log is changed, missing or out of order (R38)."""
    for fault in breaks(audit.entries(records)):
        raise RecordsDamaged(
            f"the audit log does not hold: {fault.what}",
            where=str(records.path),
            next=_MEND,
        )


def _reaches_ledger(records: Records, end: int) -> None:
    last = records.ledger.last()
    if last is None:
        return
    # The line itself may be of a transaction that a crash kept from the records; what it followed may not.
    sequence, digest = last.after
    there = audit.entry(records, sequence)
    if sequence and (there is None or there.hash != digest):
        raise RecordsDamaged(
            f"the records end with entry {end}, and are not those whose entry {sequence} is in the ledger; "
            "they are older, or their write-ahead log (station.db-wal) is missing or another's",
            where=str(records.path),
            next="put back the newest station.db with its station.db-wal, or `station restore` a backup",
        )
