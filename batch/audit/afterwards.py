"""What the ledger tells of the time after a backup: entries that the restored records do not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from batch.model.quarantine import Way
from batch.store import audit
from batch.store.database import Records
from batch.store.ledger import Line, read

RESTORED = "records.restored"
RECONCILED = "records.reconciled"


def afterwards(records: Records, path: Path) -> Sequence[Line]:
    """The lines of a ledger that are not in the records, oldest first; raises as `read` does.

    Left out is what an earlier reconciliation, which is in the records, has taken care of, and what a crash
    kept from ever being committed.
    """
    earlier: list[Line] = []
    lines: list[Line] = []
    for line in read(path):
        if line.event == RESTORED:
            # The records went back by themselves here; what stands before did happen.
            earlier, lines = earlier + lines, []
        else:
            lines = [one for one in lines if _held(one, line)]
        there = audit.entry(records, line.sequence)
        if there is None or there.hash != line.hash:
            lines.append(line)
        elif line.event == RECONCILED:
            earlier, lines = [], []
    return earlier + lines


def _held(one: Line, later: Line) -> bool:
    """Whether a line still stands before a later one: its transaction was committed, or is the same."""
    together = one.after == later.after and one.sequence < later.sequence
    return one.sequence <= later.after[0] or together


def reaches_back(records: Records, path: Path, upto: int) -> bool:
    """Whether a ledger is of these records, and as new as they were with entry `upto`."""
    last = audit.last_kept(records, upto)
    return last is not None and any(
        line.sequence == last.sequence and line.hash == last.hash for line in read(path)
    )


def undone_after(ledger: Sequence[Line]) -> set[str]:
    """Items that went to quarantine, or were spoiled: what is produced on record is so no more."""
    return {
        str(line.facts.get("item")) for line in ledger if line.event in ("item.quarantined", "item.spoiled")
    }


def passed_on_after(ledger: Sequence[Line]) -> set[str]:
    """Items whose token was reset, read blank and begun for another item."""
    reset: dict[str, str] = {}
    passed_on = set()
    for line in ledger:
        number, serial = str(line.facts.get("item")), str(line.facts.get("token"))
        if line.event == "item.spoiled" and detail_of(line).get("how") == Way.RESET.done:
            reset[serial] = number
        elif line.event == "item.begun" and serial in reset:
            passed_on.add(reset.pop(serial))
    return passed_on


def detail_of(line: Line) -> Mapping[str, object]:
    """The detail of an entry, empty where it has none."""
    return line.facts.get("detail") or {}
