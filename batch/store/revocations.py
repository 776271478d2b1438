"""Certificates that are to be revoked at the CA, and what became of it."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from batch.store.database import Records, moment, stamp

_REVOCATION = "request, item_id, certificate, reason, asked_by, outcome"


@dataclass(frozen=True)
class AskedRevocation:
    """What is to be revoked: the `request` it was issued under, and the certificate (DER) where on record.

    `reason` is RFC 5280's; `outcome` is None while the CA has not answered, and tells why it refused.
    """

    request: str
    item_id: int
    certificate: bytes | None
    reason: str
    asked_by: str
    outcome: str | None


def ask(
    records: Records, request: str, item_id: int, certificate: bytes | None, *, reason: str, by: str
) -> None:
    """Have what was issued under a request revoked; asked once, for good."""
    records.write(
        "INSERT OR IGNORE INTO revocations (request, item_id, certificate, reason, asked_by, asked_at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (request, item_id, certificate, reason, by, stamp()),
    )


def waiting(records: Records, item_id: int | None = None) -> list[AskedRevocation]:
    """What the CA has not answered yet, of one item or of all."""
    rows = records.rows(
        f"SELECT {_REVOCATION} FROM revocations WHERE settled_at IS NULL AND item_id = coalesce(?, item_id) "
        "ORDER BY asked_at, request",
        (item_id,),
    )
    return [AskedRevocation(*row) for row in rows]


def of_item(records: Records, item_id: int) -> list[AskedRevocation]:
    """All that was to be revoked of an item."""
    rows = records.rows(
        f"SELECT {_REVOCATION} FROM revocations WHERE item_id = ? ORDER BY request", (item_id,)
    )
    return [AskedRevocation(*row) for row in rows]


def of_its_keys(records: Records, item_id: int) -> bool:
    """Whether any certificate that a token holds was to be revoked, done or not."""
    row = records.row(
        "SELECT 1 FROM revocations r JOIN keys k ON k.item_id = r.item_id AND k.certificate = r.certificate "
        "WHERE r.item_id = ?",
        (item_id,),
    )
    return row is not None


class Standing(enum.StrEnum):
    """How the certificates that a token holds stand. PENDING: to be revoked, and the CA did not do so yet."""

    VALID = "valid"
    PENDING = "revocation-pending"
    REVOKED = "revoked"


def states(records: Records, item_id: int | None = None) -> Mapping[int, Standing]:
    """How the certificates of an item, or of all, stand; by item, `VALID` for any that is not there."""
    found = defaultdict[int, Standing](lambda: Standing.VALID)
    for id_, pending in records.rows(
        "SELECT r.item_id, sum(r.settled_at IS NULL) FROM revocations r "
        "JOIN keys k ON k.item_id = r.item_id AND k.certificate = r.certificate "
        "WHERE r.item_id = coalesce(?, r.item_id) GROUP BY r.item_id",
        (item_id,),
    ):
        found[id_] = Standing.PENDING if pending else Standing.REVOKED
    return found


def standing_of(records: Records, ids: Sequence[int]) -> Mapping[int, Standing]:
    """How the certificates of some items stand, as `states`."""
    found = defaultdict[int, Standing](lambda: Standing.VALID)
    for id_, pending in records.rows(
        "SELECT r.item_id, sum(r.settled_at IS NULL) FROM revocations r "
        "JOIN keys k ON k.item_id = r.item_id AND k.certificate = r.certificate "
        f"WHERE r.item_id IN ({', '.join('?' * len(ids))}) GROUP BY r.item_id",
        ids,
    ):
        found[id_] = Standing.PENDING if pending else Standing.REVOKED
    return found


def numbers(records: Records) -> set[str]:
    """The numbers of all tokens of which something was to be revoked."""
    rows = records.rows("SELECT DISTINCT i.mailer_number FROM revocations r JOIN items i ON i.id = r.item_id")
    return {str(number) for (number,) in rows}


def pending(records: Records) -> list[tuple[int, datetime]]:
    """Items whose certificates the CA was not told to revoke yet, and since when they wait."""
    rows = records.rows(
        "SELECT item_id, min(asked_at) FROM revocations WHERE settled_at IS NULL "
        "GROUP BY item_id ORDER BY 2, 1"
    )
    return [(item_id, at) for item_id, asked in rows if (at := moment(asked)) is not None]


def every(records: Records) -> list[AskedRevocation]:
    """All that was ever to be revoked, in the order it was asked."""
    rows = records.rows(f"SELECT {_REVOCATION} FROM revocations ORDER BY asked_at, request")
    return [AskedRevocation(*row) for row in rows]


def refuse(records: Records, request: str, outcome: str) -> None:
    """Why the CA does not revoke it; it waits on."""
    records.write("UPDATE revocations SET outcome = ? WHERE request = ?", (outcome, request))


def settle(records: Records, request: str, outcome: str) -> None:
    """What the CA made of it."""
    records.write(
        "UPDATE revocations SET outcome = ?, settled_at = ? WHERE request = ?", (outcome, stamp(), request)
    )
