"""Certificates as lists show them, with how each stands, picked out of all by index and read in pages."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from batch.store import id_sets
from batch.store.database import Records, moment, stamp
from batch.store.id_sets import IdSet, Indexed, Listed, any_of
from batch.store.lists import of_order, of_subscriber
from batch.store.paging import (
    FIRST,
    MOST,
    UPTO,
    Between,
    Condition,
    Count,
    Cursor,
    Fetch,
    Found,
    Listing,
    Page,
    Place,
    page_of,
)

_PAGE = 500
_Ends = tuple[Listing[None], list[Condition]]


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
    ids = id_sets.walk(records, [*sets_of(records, wanted), *_ending(records, wanted, at)])
    while some := list(islice(ids, _PAGE)):
        yield from (listed for _, listed in _of_items(records, some, wanted, at))


def page(
    records: Records, wanted: CertificatesWanted, at: datetime, place: Place = FIRST, limit: int = MOST
) -> Page[ListedCertificate]:
    """The page at a place of the certificates that are wanted, and how each stands at a moment.

    By their tokens' numbers, the highest first; by their ends, the first first, where `by_end` says so.
    """
    fetch = _fetch_by_end(records, wanted, at) if by_end(wanted) else _fetch(records, wanted, at)
    return page_of(fetch, place, limit)


def count(records: Records, wanted: CertificatesWanted, at: datetime, upto: int = UPTO) -> Count:
    """How many certificates are wanted, counted up to a number."""
    if by_end(wanted):
        rows, between = _ends(wanted, at), _between(wanted, at)
        found = sum(
            len(one.fetch(records, where, False, None, False, upto + 1, between)) for one, where in rows
        )
    else:
        ids = id_sets.walk(records, sets_of(records, wanted))
        found = 0
        while found <= upto and (some := list(islice(ids, _PAGE))):
            found += len(_of_items(records, some, wanted, at))
    return Count(min(found, upto), found > upto)


def by_end(wanted: CertificatesWanted) -> bool:
    """Whether pages of what is wanted are in the order in which certificates end."""
    narrow = (wanted.order_id, wanted.subscriber, wanted.item_id) != (None, None, None)
    return _by_time(wanted) and not narrow


def sets_of(records: Records, wanted: CertificatesWanted) -> list[IdSet]:
    """The sets in all of which the items are whose certificates may be wanted."""
    found: list[IdSet] = []
    if wanted.item_id is not None:
        found.append(Listed((wanted.item_id,)))
    if wanted.order_id is not None:
        found.append(of_order(wanted.order_id))
    if wanted.subscriber is not None:
        found.append(of_subscriber(records, wanted.subscriber))
    if wanted.state in (CertificateState.PENDING, CertificateState.REVOKED, CertificateState.REFUSED):
        found.append(Indexed("item_id", "revocations"))
    there = "certificate IS NOT NULL"
    return found or [any_of([Indexed("item_id", table, there) for table in ("keys", "former_keys")])]


def _by_time(wanted: CertificatesWanted) -> bool:
    timed = wanted.state in (CertificateState.VALID, CertificateState.EXPIRED)
    return timed or (wanted.ends_since, wanted.ends_until) != (None, None)


def _fetch(records: Records, wanted: CertificatesWanted, at: datetime) -> Fetch[ListedCertificate]:
    sets = sets_of(records, wanted)

    def fetch(backwards: bool, start: Cursor | None, inclusive: bool, most: int) -> Found[ListedCertificate]:
        # The newest tokens come first; within a token the order is that of its keys.
        ids = id_sets.walk(records, sets, int(start[0]) if start else None, backwards=not backwards)
        edge = _turned(start) if start else None
        found: Found[ListedCertificate] = []
        while len(found) < most and (some := list(islice(ids, most))):
            rows = [(_turned(at_), listed) for at_, listed in _of_items(records, some, wanted, at)]
            if edge is not None:
                rows = [
                    (key, listed)
                    for key, listed in rows
                    if (key < edge if backwards else key > edge) or (inclusive and key == edge)
                ]
            rows.sort(key=lambda row: row[0], reverse=backwards)
            found += [(_turned(key), listed) for key, listed in rows]
        return found[:most]

    return fetch


def _turned(cursor: Cursor) -> Cursor:
    return (-int(cursor[0]), *cursor[1:])


def _fetch_by_end(records: Records, wanted: CertificatesWanted, at: datetime) -> Fetch[ListedCertificate]:
    def fetch(backwards: bool, start: Cursor | None, inclusive: bool, most: int) -> Found[ListedCertificate]:
        (current, where), (former, _) = _ends(wanted, at)
        between = _between(wanted, at)
        keys = [key for key, _ in former.fetch(records, where, backwards, start, inclusive, most, between)]
        # A key that is the token's stands before former ones of its name, as if of renewal 0.
        if start is not None and start[3] != 0:
            inclusive = backwards
        edge = start[:3] if start is not None else None
        found = current.fetch(records, where, backwards, edge, inclusive, most, between)
        keys = sorted([*keys, *((*key, 0) for key, _ in found)], reverse=backwards)[:most]
        ids = sorted({int(key[1]) for key in keys})
        rows = {
            (id_, name, renewal): listed
            for (id_, _, name, renewal), listed in _of_items(records, ids, CertificatesWanted(), at)
        }
        return [(key, rows[int(key[1]), key[2], key[3]]) for key in keys]

    return fetch


def _ends(wanted: CertificatesWanted, at: datetime) -> tuple[_Ends, _Ends]:
    """Lists of certificates by their ends, of keys and of former keys, with what is wanted of them."""
    where: list[Condition] = [("k.not_after IS NOT NULL AND k.certificate IS NOT NULL", ())]
    if wanted.state is not None:
        where.append((f"{_state('k')} = ?", (stamp(at), wanted.state)))
    key = ("k.not_after", "k.item_id", "k.name")
    current = Listing("1", "keys k", key, lambda row: None)
    return (current, where), (Listing("1", "former_keys k", (*key, "k.renewal_id"), lambda row: None), where)


def _between(wanted: CertificatesWanted, at: datetime) -> Between:
    """Between which moments certificates end that may be wanted."""
    least = [wanted.ends_since, at if wanted.state is CertificateState.VALID else None]
    highest = [wanted.ends_until, at if wanted.state is CertificateState.EXPIRED else None]
    since, until = [one for one in least if one], [one for one in highest if one]
    return stamp(max(since)) if since else None, stamp(min(until)) if until else None


def _ending(records: Records, wanted: CertificatesWanted, at: datetime) -> list[IdSet]:
    if not _by_time(wanted) or wanted.state is CertificateState.VALID:
        return []
    ids: set[int] = set()
    for listing, where in _ends(wanted, at):
        found = listing.fetch(records, where, False, None, False, -1, _between(wanted, at))
        ids.update(int(cursor[1]) for cursor, _ in found)
    return [Listed(tuple(sorted(ids)))]


def _of_items(
    records: Records, ids: list[int], wanted: CertificatesWanted, at: datetime
) -> Found[ListedCertificate]:
    """The certificates of some items that are wanted, by item, former or not, key and renewal."""
    if not ids:
        return []
    found = [row for former in (False, True) for row in _page(records, ids, at, former=former)]
    return sorted((row for row in found if _fits(row[1], wanted)), key=lambda row: row[0])


def _fits(listed: ListedCertificate, wanted: CertificatesWanted) -> bool:
    if wanted.state is not None and listed.state is not wanted.state:
        return False
    if wanted.ends_since is not None and (listed.ends is None or listed.ends < wanted.ends_since):
        return False
    return wanted.ends_until is None or (listed.ends is not None and listed.ends <= wanted.ends_until)


def _page(
    records: Records, page: list[int], at: datetime, *, former: bool
) -> Iterator[tuple[Cursor, ListedCertificate]]:
    table, renewal = ("former_keys", "k.renewal_id") if former else ("keys", "0")
    rows = records.rows(
        f"SELECT k.item_id, {renewal}, i.mailer_number, o.number, o.subscriber, k.name, k.slot, "
        f"k.certificate, k.not_after, {_state('k')}, r.reason, r.outcome, k.evidence FROM {table} k "
        "JOIN items i ON i.id = k.item_id JOIN orders o ON o.id = i.order_id "
        f"LEFT JOIN revocations r ON r.request = {_last('k')} "
        f"WHERE k.certificate IS NOT NULL AND k.item_id IN ({', '.join('?' * len(page))})",
        (stamp(at), *page),
    )
    for id_, of, number, order, subscriber, key, slot, der, ends, state, reason, outcome, evidence in rows:
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
        yield (id_, int(former), key, of), listed


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
