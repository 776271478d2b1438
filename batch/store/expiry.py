"""When certificates end, in the records: fast to ask for over all tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from batch.store.database import Records, moment, stamp

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_GONE = ("lost", "damaged", "destroyed")
"""States of tokens whose certificates nobody renews."""

EXPIRING = (
    "SELECT i.id, k.ends, "
    "(SELECT max(at) FROM renewal_reminders m WHERE m.item_id = i.id AND m.not_after = k.ends), "
    "(SELECT printf('R-%06d', id) FROM renewals n WHERE n.item_id = i.id AND n.ended_at IS NULL) "
    "FROM (SELECT item_id, min(not_after) AS ends FROM keys "
    "WHERE not_after >= ? AND not_after < ? GROUP BY item_id) k "
    "JOIN items i ON i.id = k.item_id LEFT JOIN lives l ON l.item_id = i.id "
    "WHERE i.state = 'produced' AND i.forgotten IS NULL "
    f"AND coalesce(l.state, '') NOT IN ({', '.join('?' * len(_GONE))}) "
    "AND NOT EXISTS (SELECT 1 FROM revocations v JOIN keys c ON c.item_id = v.item_id "
    "AND c.certificate = v.certificate WHERE v.item_id = i.id) "
    "AND NOT EXISTS (SELECT 1 FROM renewals d WHERE d.item_id = i.id AND d.state = 'done' "
    "AND d.new_item IS NOT NULL) "
    "ORDER BY k.ends, i.id"
)
"""Takes both moments and the states of tokens that are gone."""


@dataclass(frozen=True)
class Expiring:
    """A finished token whose first certificate ends at `not_after`; when it was last `reminded` of.

    `renewal`: the number of the renewal that is under way.
    """

    item_id: int
    not_after: datetime
    reminded: datetime | None
    renewal: str | None

    def days(self, at: datetime) -> int:
        """Whole days left at a moment, below 0 once it is over."""
        return (self.not_after - at).days


def ended(records: Records, item_ids: Sequence[int], at: datetime) -> frozenset[int]:
    """Of some items those of which a certificate that is on the token has ended at a moment."""
    rows = records.rows(
        f"SELECT DISTINCT item_id FROM keys WHERE item_id IN ({', '.join('?' * len(item_ids))}) "
        "AND certificate IS NOT NULL AND not_after < ?",
        (*item_ids, stamp(at)),
    )
    return frozenset(int(row[0]) for row in rows)


def end_of(certificate: bytes) -> str | None:
    """When a certificate (DER) ends, as the records write it; None for one that is not to be read."""
    found = _read(certificate)
    return stamp(found.not_valid_after_utc.astimezone(UTC)) if found else None


def serial_of(certificate: bytes) -> str | None:
    """A certificate's (DER) serial number in hexadecimal; None for one that is not to be read."""
    found = _read(certificate)
    return f"{found.serial_number:x}" if found else None


def _read(certificate: bytes) -> Certificate | None:
    from cryptography.x509 import load_der_x509_certificate

    try:
        return load_der_x509_certificate(bytes(certificate))
    except ValueError:
        return None


def expiring(records: Records, since: datetime, until: datetime) -> Sequence[Expiring]:
    """Finished tokens with a certificate that ends between two moments, the first to end first.

    Left out are tokens lost, damaged or destroyed, those whose certificates were asked to be revoked, those
    that were renewed by another token, and those whose words are forgotten.
    """
    rows = records.rows(EXPIRING, (stamp(since), stamp(until), *_GONE))
    found = []
    for item_id, ends, reminded, renewal in rows:
        not_after = moment(ends)
        assert not_after is not None, "the rows have one"
        found.append(Expiring(item_id, not_after, moment(reminded), renewal))
    return found


def expiry(records: Records, item_id: int) -> datetime | None:
    """When the first of a token's certificates ends, None where it has none."""
    row = records.row("SELECT min(not_after) FROM keys WHERE item_id = ?", (item_id,))
    return moment(row[0]) if row else None


def reminded(
    records: Records,
    item_id: int,
    not_after: datetime,
    *,
    operator: str,
    language: str,
    sha256: str,
    at: datetime,
) -> None:
    """A reminder of a certificate's end was written, of which the digest is kept."""
    records.insert(
        "INSERT INTO renewal_reminders (item_id, not_after, at, operator, language, sha256) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (item_id, stamp(not_after), stamp(at), operator, language, sha256),
    )
