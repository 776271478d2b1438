"""Signed statements in the records: what operators answer for, and who signed it so far."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from batch.model.people import Signature, Signed
from batch.store.database import Records, moment, stamp


def add(records: Records, digest: str, text: bytes, *, act: str, subject: str) -> None:
    """Keep a statement's text under its digest; `subject` is the order, token or operator it is about."""
    records.write(
        "INSERT INTO statements (digest, act, subject, text, made_at) VALUES (?, ?, ?, ?, ?)",
        (digest, act, subject, text, stamp()),
    )


def add_signature(records: Records, digest: str, signature: Signature) -> None:
    """Add a signature to a statement that is there."""
    records.write(
        "INSERT INTO signatures (digest, operator, value, signed_at) VALUES (?, ?, ?, ?)",
        (digest, signature.operator, signature.value, stamp()),
    )


def complete(records: Records, digest: str) -> None:
    """A statement has all the signatures it takes."""
    records.write("UPDATE statements SET completed_at = ? WHERE digest = ?", (stamp(), digest))


def signed(records: Records, digest: str) -> Signed | None:
    """The statement of a digest with its signatures, None where there is none."""
    row = records.row("SELECT digest, text FROM statements WHERE digest = ?", (digest,))
    return _signed(records, row) if row else None


def of_subject(records: Records, act: str, subject: str, *, completed: bool = True) -> list[Signed]:
    """The statements of an act about an order, token or operator, oldest first."""
    rows = records.rows(
        "SELECT digest, text FROM statements WHERE act = ? AND subject = ? "
        "AND (completed_at IS NOT NULL) = ? ORDER BY id",
        (act, subject, completed),
    )
    return [_signed(records, row) for row in rows]


def counts(records: Records, act: str) -> dict[str, int]:
    """How many completed statements of an act there are about each order, token or operator."""
    found = records.rows(
        "SELECT subject, count(*) FROM statements WHERE act = ? AND completed_at IS NOT NULL "
        "GROUP BY subject",
        (act,),
    )
    return {str(subject): int(count) for subject, count in found}


def chain(records: Records, *acts: str) -> list[Signed]:
    """All completed statements of the given acts in the order in which they were completed."""
    rows = records.rows(
        f"SELECT digest, text FROM statements WHERE act IN ({', '.join('?' * len(acts))}) "
        "AND completed_at IS NOT NULL ORDER BY completed_at, id",
        acts,
    )
    return [_signed(records, row) for row in rows]


def waiting(records: Records) -> list[Signed]:
    """All statements that want another signature, oldest first; some may be too old for it."""
    rows = records.rows("SELECT digest, text FROM statements WHERE completed_at IS NULL ORDER BY id")
    return [_signed(records, row) for row in rows]


def begun(records: Records, act: str) -> list[tuple[str, datetime]]:
    """What statements of an act that want another signature are about, and since when they wait."""
    rows = records.rows(
        "SELECT subject, max(made_at) FROM statements WHERE act = ? AND completed_at IS NULL "
        "GROUP BY subject ORDER BY subject",
        (act,),
    )
    return [(subject, at) for subject, made in rows if (at := moment(made)) is not None]


def whole(records: Records, digest: str) -> dict[str, object]:
    """A completed statement with its signatures, as plain values from which `take_back` makes it again."""
    row = records.row("SELECT act, subject, text FROM statements WHERE digest = ?", (digest,))
    assert row is not None, "digests come from the records"
    found = records.rows(
        "SELECT operator, hex(value) FROM signatures WHERE digest = ? ORDER BY id", (digest,)
    )
    act, subject, text = row
    return {
        "digest": digest,
        "act": act,
        "subject": subject,
        "text": bytes(text).decode(),
        "signatures": [list(one) for one in found],
    }


def take_back(records: Records, kept: Mapping[str, Any]) -> None:
    """Put a statement of `whole` on record again, where it is not."""
    digest = str(kept["digest"])
    if signed(records, digest) is not None:
        return
    text = str(kept["text"]).encode()
    add(records, digest, text, act=str(kept["act"]), subject=str(kept["subject"]))
    for operator, value in kept["signatures"]:
        add_signature(records, digest, Signature(str(operator), bytes.fromhex(value)))
    complete(records, digest)


def _signed(records: Records, row: tuple[Any, ...]) -> Signed:
    found = records.rows("SELECT operator, value FROM signatures WHERE digest = ? ORDER BY id", (row[0],))
    return Signed(bytes(row[1]), tuple(Signature(str(name), bytes(value)) for name, value in found))
