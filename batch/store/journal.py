"""The journal of steps and the keys they make, per item."""

from __future__ import annotations

from typing import Any

from batch.model.orders import KeyRecord
from batch.model.states import STEP, ItemState, StepState, move
from batch.store.database import Records, stamp
from batch.store.expiry import end_of, serial_of

_KEY = "item_id, name, slot, generations, public_key, evidence, csr, certificate"


def steps(records: Records, item_id: int) -> dict[str, StepState]:
    """The state of every step begun so far, by step name."""
    rows = records.rows("SELECT name, state FROM steps WHERE item_id = ?", (item_id,))
    return {str(name): StepState(state) for name, state in rows}


def history(records: Records, item_id: int) -> list[tuple[str, str, int, str, str | None, str | None]]:
    """Name, state, attempts, begin, end and reason of every step, in the order they began."""
    return records.rows(
        "SELECT name, state, attempts, began_at, ended_at, reason FROM steps WHERE item_id = ? "
        "ORDER BY began_at, name",
        (item_id,),
    )


def intend(records: Records, item_id: int, name: str) -> None:
    """Put the intent of a step on record, before the step is done; a further attempt is counted."""
    records.write(
        "INSERT INTO steps (item_id, name, state, attempts, began_at) VALUES (?, ?, ?, 1, ?) "
        "ON CONFLICT (item_id, name) DO UPDATE SET "
        "state = excluded.state, attempts = attempts + 1, began_at = excluded.began_at, "
        "ended_at = NULL, reason = NULL WHERE state <> ?",
        (item_id, name, StepState.INTENT, stamp(), StepState.DONE),
    )


def settle(records: Records, item_id: int, name: str, state: StepState, reason: str | None = None) -> None:
    """Put the outcome of a step on record; raises `Transition` where none was intended."""
    allowed = [before for before, after in STEP.items() if state in after]
    touched = records.write(
        "UPDATE steps SET state = ?, ended_at = ?, reason = ? WHERE item_id = ? AND name = ? "
        f"AND state IN ({', '.join('?' * len(allowed))})",
        (state, stamp(), reason, item_id, name, *allowed),
    )
    if not touched:
        now = steps(records, item_id).get(name, StepState.DONE)
        move(now, state, where=f"step {name} of item {item_id}")


def waiting(records: Records, order_id: int | None = None) -> dict[int, list[str]]:
    """The steps that wait for the CA's answer, by item of which nothing else is in doubt."""
    found: dict[int, list[str]] = {}
    for item_id, name in records.rows(
        "SELECT s.item_id, s.name FROM items i JOIN steps s ON s.item_id = i.id "
        "WHERE i.state = ? AND i.order_id = coalesce(?, i.order_id) AND s.state = ? AND NOT EXISTS "
        "(SELECT 1 FROM steps o WHERE o.item_id = i.id AND o.state NOT IN (?, ?)) ORDER BY 1, 2",
        (ItemState.IN_PRODUCTION, order_id, StepState.WAITING, StepState.WAITING, StepState.DONE),
    ):
        found.setdefault(int(item_id), []).append(str(name))
    return found


def reopen(records: Records, item_id: int, name: str) -> None:
    """A step that was done is looked at again, as one whose outcome is unknown; none where it was not."""
    records.write(
        "UPDATE steps SET state = ?, reason = ? WHERE item_id = ? AND name = ? AND state = ?",
        (StepState.UNKNOWN, "to be looked at again, as resumed", item_id, name, StepState.DONE),
    )


def doubt(records: Records) -> int:
    """Make every intent without outcome unknown, as after a crash; returns how many there were."""
    return records.write(
        "UPDATE steps SET state = ?, reason = ? WHERE state = ?",
        (StepState.UNKNOWN, "the desk ended before the outcome was on record", StepState.INTENT),
    )


def add_key(records: Records, item_id: int, name: str, slot: str) -> None:
    """A key that is to be made for an item."""
    records.write("INSERT OR IGNORE INTO keys (item_id, name, slot) VALUES (?, ?, ?)", (item_id, name, slot))


def set_generated(records: Records, item_id: int, name: str, public_key: bytes, evidence: str) -> None:
    """A key was made: SPKI (DER) and its evidence (JSON); an earlier CSR and certificate are void."""
    records.write(
        "UPDATE keys SET generations = generations + 1, public_key = ?, evidence = ?, csr = NULL, "
        "certificate = NULL, not_after = NULL, serial = NULL WHERE item_id = ? AND name = ?",
        (public_key, evidence, item_id, name),
    )


def set_csr(records: Records, item_id: int, name: str, csr: bytes) -> None:
    """The CSR (DER) of a key."""
    records.write("UPDATE keys SET csr = ? WHERE item_id = ? AND name = ?", (csr, item_id, name))


def set_certificate(records: Records, item_id: int, name: str, certificate: bytes) -> None:
    """The certificate (DER) of a key; one certificate belongs to one key of one item."""
    records.write(
        "UPDATE keys SET certificate = ?, not_after = ?, serial = ? WHERE item_id = ? AND name = ?",
        (certificate, end_of(certificate), serial_of(certificate), item_id, name),
    )


def set_lost(records: Records, item_id: int, name: str, generation: int, certificate: bytes) -> None:
    """A certificate (DER) the CA issued for a key whose making is not on record any more."""
    records.write(
        "UPDATE keys SET generations = max(generations, ?), public_key = NULL, evidence = NULL, csr = NULL, "
        "certificate = ?, not_after = ?, serial = ? WHERE item_id = ? AND name = ?",
        (generation, certificate, end_of(certificate), serial_of(certificate), item_id, name),
    )


def keys(records: Records, item_id: int) -> dict[str, KeyRecord]:
    """The keys of an item by their names."""
    rows = records.rows(f"SELECT {_KEY} FROM keys WHERE item_id = ?", (item_id,))
    return {row[1]: _key(row) for row in rows}


def _key(row: tuple[Any, ...]) -> KeyRecord:
    return KeyRecord(*row)
