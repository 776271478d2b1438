"""Certificates as lists show them, with how each stands, picked out of all by index and read in pages."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from batch.store.database import Records, moment, stamp
from batch.store.lists import OF_SUBSCRIBER

_PAGE = 500


class CertificateState(enum.StrEnum):
    """How one certificate stands. PENDING: to be revoked, and the CA has not answered.

    REFUSED: the CA does not revoke it, so that it holds still. EXPIRED: ended without having been revoked.
    """

    VALID = "valid"
    EXPIRED = "expired"
    PENDING = "revocation-pending"
    REVOKED = "revoked"
    REFUSED = "revocation-refused"


@dataclass(frozen=True)
class CertificatesWanted:
    """Which certificates: of an order, of a subscriber (its name or number), of an item, in a state, ending
    between two moments. None: any.
    """

    order_id: int | None = None
    subscriber: str | None = None
    item_id: int | None = None
    state: CertificateState | None = None
    ends_since: datetime | None = None
    ends_until: datetime | None = None


@dataclass(frozen=True)
class ListedCertificate:
    """One certificate (DER) of a key: its token's number, order and subscriber, and how it stands.

    `former`: a renewal put its key aside. `ends` is None for one that cannot be read; `outcome` is what the
    CA made of revoking it.
    """

    number: str
    order: str
    subscriber: str
    key: str
    slot: str
    certificate: bytes
    ends: datetime | None
    former: bool
    state: CertificateState
    reason: str | None
    outcome: str | None
    evidence: str | None


def certificates(records: Records, wanted: CertificatesWanted, at: datetime) -> Iterator[ListedCertificate]:
    """The certificates that are wanted, by their tokens' numbers; how each stands at a moment."""
    chosen: dict[int, set[tuple[bool, str]]] = {}
    for former in (False, True):
        for item_id, name in records.rows(*keys_query(wanted, at, former=former)):
            chosen.setdefault(item_id, set()).add((former, name))
    ids = sorted(chosen)
    for first in range(0, len(ids), _PAGE):
        page = ids[first : first + _PAGE]
        found = [one for former in (False, True) for one in _page(records, page, at, former=former)]
        for id_, listed in sorted(found, key=lambda one: (one[0], one[1].former, one[1].key)):
            if (listed.former, listed.key) in chosen[id_]:
                yield listed


def keys_query(wanted: CertificatesWanted, at: datetime, *, former: bool) -> tuple[str, list[Any]]:
    """The query for the items and keys whose certificates are wanted, and what it takes."""
    conditions, parameters = ["k.certificate IS NOT NULL"], list[Any]()
    for condition, values in _conditions(wanted, at):
        conditions.append(condition)
        parameters += values
    table = "former_keys" if former else "keys"
    query = f"SELECT k.item_id, k.name FROM {table} k WHERE {' AND '.join(conditions)}"
    return query, parameters


def _conditions(wanted: CertificatesWanted, at: datetime) -> Iterator[tuple[str, list[Any]]]:
    if wanted.order_id is not None:
        yield "k.item_id IN (SELECT id FROM items WHERE order_id = ?)", [wanted.order_id]
    if wanted.subscriber is not None:
        of = f"k.item_id IN (SELECT i.id FROM items i WHERE {OF_SUBSCRIBER})"
        yield of, [wanted.subscriber, wanted.subscriber]
    if wanted.item_id is not None:
        yield "k.item_id = ?", [wanted.item_id]
    if wanted.ends_since is not None:
        yield "k.not_after >= ?", [stamp(wanted.ends_since)]
    if wanted.ends_until is not None:
        yield "k.not_after <= ?", [stamp(wanted.ends_until)]
    match wanted.state:
        case CertificateState.VALID:
            yield f"{_state('k')} = ?", [stamp(at), CertificateState.VALID]
        case CertificateState.EXPIRED:
            yield f"k.not_after < ? AND {_state('k')} = ?", [stamp(at), stamp(at), CertificateState.EXPIRED]
        case CertificateState() as state:
            asked = "k.item_id IN (SELECT item_id FROM revocations)"
            yield f"{asked} AND {_state('k')} = ?", [stamp(at), state]


def _page(
    records: Records, page: list[int], at: datetime, *, former: bool
) -> Iterator[tuple[int, ListedCertificate]]:
    table = "former_keys" if former else "keys"
    rows = records.rows(
        f"SELECT k.item_id, i.mailer_number, o.number, o.subscriber, k.name, k.slot, k.certificate, "
        f"k.not_after, {_state('k')}, r.reason, r.outcome, k.evidence FROM {table} k "
        "JOIN items i ON i.id = k.item_id JOIN orders o ON o.id = i.order_id "
        f"LEFT JOIN revocations r ON r.request = {_last('k')} "
        f"WHERE k.certificate IS NOT NULL AND k.item_id IN ({', '.join('?' * len(page))})",
        (stamp(at), *page),
    )
    for id_, number, order, subscriber, key, slot, der, ends, state, reason, outcome, evidence in rows:
        listed = ListedCertificate(
            number,
            order,
            subscriber,
            key,
            slot,
            bytes(der),
            moment(ends),
            former,
            CertificateState(state),
            reason,
            outcome,
            evidence,
        )
        yield id_, listed


def _last(key: str) -> str:
    """The request under which a key's certificate was to be revoked: one the CA did, before all others."""
    return (
        f"(SELECT r.request FROM revocations r WHERE r.item_id = {key}.item_id "
        f"AND r.certificate = {key}.certificate "
        "ORDER BY coalesce(r.outcome, '') LIKE 'revoked%' DESC, r.settled_at IS NULL DESC LIMIT 1)"
    )


def _state(key: str) -> str:
    """How the certificate of a key stands, in the words of SQL; takes a moment."""
    outcome = (
        "(SELECT CASE WHEN r.outcome LIKE 'revoked%' THEN 'revoked' "
        "WHEN r.settled_at IS NULL AND r.outcome IS NULL THEN 'revocation-pending' "
        "ELSE 'revocation-refused' END "
        f"FROM revocations r WHERE r.request = {_last(key)})"
    )
    return f"coalesce({outcome}, CASE WHEN {key}.not_after < ? THEN 'expired' ELSE 'valid' END)"
