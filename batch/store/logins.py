"""Operators' keys under passphrases, tries that were refused, and sessions, in the records."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from batch.store.database import Records, moment, stamp


def add_keys(records: Records, key: bytes, operator: str, sealed: bytes) -> None:
    """Keep an operator's encrypted keys under the signing one's digest; `key` is its SPKI (DER)."""
    records.write(
        "INSERT INTO passphrase_keys (key, operator, sealed, made_at) VALUES (?, ?, ?, ?)",
        (_digest(key), operator, sealed, stamp()),
    )


def sealed_keys(records: Records, key: bytes) -> bytes | None:
    """The encrypted keys of which `key` (SPKI, DER) signs, None where there are none."""
    row = records.row("SELECT sealed FROM passphrase_keys WHERE key = ?", (_digest(key),))
    return bytes(row[0]) if row else None


def drop_keys(records: Records, keep: bytes | None, operator: str) -> None:
    """Delete an operator's encrypted keys but those of which `keep` signs."""
    records.write(
        "DELETE FROM passphrase_keys WHERE operator = ? AND key != ?",
        (operator, _digest(keep) if keep is not None else ""),
    )


def refusals(records: Records, operator: str) -> tuple[int, datetime | None]:
    """How often in a row an operator's PIN or passphrase was refused, and when last."""
    row = records.row("SELECT refused, at FROM refused_logins WHERE operator = ?", (operator,))
    return (int(row[0]), moment(row[1])) if row else (0, None)


def add_refusal(records: Records, operator: str) -> int:
    """Count one more; how many there are."""
    records.write(
        "INSERT INTO refused_logins (operator, refused, at) VALUES (?, 1, ?) "
        "ON CONFLICT (operator) DO UPDATE SET refused = refused + 1, at = excluded.at",
        (operator, stamp()),
    )
    return refusals(records, operator)[0]


def forgive(records: Records, operator: str) -> None:
    """Begin counting anew."""
    records.write("DELETE FROM refused_logins WHERE operator = ?", (operator,))


@dataclass(frozen=True)
class StoredSession:
    """A session on record: who, from when, until when at the latest, and when it ended."""

    id: int
    operator: str
    begun_at: datetime
    until: datetime
    ended_at: datetime | None


def add_session(records: Records, digest: bytes, operator: str, until: datetime) -> None:
    """Keep a session under the digest of its key."""
    records.write(
        "INSERT INTO sessions (digest, operator, begun_at, until) VALUES (?, ?, ?, ?)",
        (digest, operator, stamp(), stamp(until)),
    )


def session(records: Records, digest: bytes) -> StoredSession | None:
    """The session of a key's digest, None where there is none."""
    row = records.row(
        "SELECT id, operator, begun_at, until, ended_at FROM sessions WHERE digest = ?", (digest,)
    )
    if row is None:
        return None
    begun, until = moment(row[2]), moment(row[3])
    assert begun is not None
    assert until is not None
    return StoredSession(int(row[0]), str(row[1]), begun, until, moment(row[4]))


def end_session(records: Records, id: int) -> None:
    """Put a session's end on record."""
    records.write("UPDATE sessions SET ended_at = ? WHERE id = ? AND ended_at IS NULL", (stamp(), id))


def _digest(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()
