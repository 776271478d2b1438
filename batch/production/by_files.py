"""A CA that is reached by files: bundles of requests out, what it sends back taken in, none counted twice.

What comes back is held against the requests before it is kept (R34), and once more before it is loaded.
"""

from __future__ import annotations

import enum
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from batch.audit.log import log
from batch.model.errors import NotFound
from batch.model.events import Event
from batch.model.orders import Item
from batch.model.states import ItemState
from batch.production.certificates import WrongCertificate, serial_number
from batch.production.issuer import Issuer
from batch.production.quarantine import event_of
from batch.store import items, orders, revocations
from batch.store.clock import now
from batch.store.database import Records
from drivers.authorities.exchange import Bundle, Found, Outstanding, Standing
from drivers.authorities.port import Reason
from drivers.process import Child

_ANSWER = 300.0
"""Seconds for some ten thousand requests or certificates."""


class Outcome(enum.StrEnum):
    """What became of one thing in the CA's files.

    TAKEN: the answer to a request. GIVEN_UP: it came for a token nobody wants any more. SECOND: another one
    for a key that has its certificate. WRONG: not what was asked for. All three are to be revoked. KNOWN: it
    was here, or is the CA's own. UNKNOWN: for no request of this desk. FOREIGN: not signed by the CA.
    """

    TAKEN = "taken"
    GIVEN_UP = "given-up"
    SECOND = "second"
    WRONG = "wrong"
    KNOWN = "known"
    UNKNOWN = "unknown"
    FOREIGN = "foreign"
    UNREADABLE = "unreadable"
    CRL = "revocation-list"


UNWANTED = (Outcome.GIVEN_UP, Outcome.SECOND, Outcome.WRONG)
TROUBLE = frozenset({*UNWANTED, Outcome.UNKNOWN, Outcome.FOREIGN, Outcome.UNREADABLE})

_PLAIN = {
    Standing.KNOWN: Outcome.KNOWN,
    Standing.OWN: Outcome.KNOWN,
    Standing.UNKNOWN: Outcome.UNKNOWN,
    Standing.FOREIGN: Outcome.FOREIGN,
    Standing.UNREADABLE: Outcome.UNREADABLE,
    Standing.CRL: Outcome.CRL,
    Standing.OLD_CRL: Outcome.KNOWN,
}

_WHY = {
    Outcome.GIVEN_UP: "its token is given up; it is to be revoked",
    Outcome.SECOND: "its key has a certificate; this one is to be revoked",
    Outcome.UNKNOWN: "its key is that of no request of this station",
    Outcome.FOREIGN: "it is not signed by the CA",
}


@dataclass(frozen=True)
class Taken:
    """One thing in the CA's files: `where` it stands there, its request and serial number where known."""

    where: str
    outcome: Outcome
    why: str = ""
    transaction: str | None = None
    serial: str | None = None


@dataclass(frozen=True)
class Report:
    """What came in, request by request; `missing` was sent and not answered. `ready` are the orders that can
    go on, `renewing` the finished tokens whose renewals can.
    """

    taken: tuple[Taken, ...]
    missing: tuple[Outstanding, ...]
    ready: tuple[str, ...]
    renewing: tuple[str, ...]
    crl: bool

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many there are of each outcome."""
        found = Counter(one.outcome for one in self.taken)
        return {outcome: found[outcome] for outcome in Outcome if found[outcome]}


def outstanding(records: Records, authority: Child) -> tuple[Outstanding, ...]:
    """The requests that wait for the CA and are wanted still, the oldest first."""
    given_up = _given_up(records)
    waiting: tuple[Outstanding, ...] = authority.ask("outstanding", timeout=_ANSWER)
    return tuple(one for one in waiting if one.transaction not in given_up)


def pack(records: Records, authority: Child, operator: str, *, again: bool) -> Bundle | None:
    """A bundle of the requests that were in none yet, or with `again` of all that wait; None without any.

    Requests for tokens that were given up meanwhile are withdrawn.
    """
    waiting: tuple[Outstanding, ...] = authority.ask("outstanding", timeout=_ANSWER)
    given_up = _given_up(records)
    withdrawn = tuple(one.transaction for one in waiting if one.transaction in given_up)
    authority.ask("withdraw", withdrawn, timeout=_ANSWER)
    at = now().replace(microsecond=0)
    bundle: Bundle | None = authority.ask("pack", at, withdrawn, again, timeout=_ANSWER)
    if bundle is not None:
        detail = {
            "bundle": bundle.number,
            "sha256": hashlib.sha256(bundle.content).hexdigest(),
            "signer": hashlib.sha256(bundle.signer).hexdigest(),
            "requests": len(bundle.requests),
            "withdrawn": list(bundle.withdrawn),
            "revocations": bundle.revocations,
        }
        with records.transaction():
            log(records, Event("ca.bundle-packed", operator, detail=detail))
    return bundle


def take_in(records: Records, authority: Child, files: Sequence[tuple[str, bytes]], operator: str) -> Report:
    """Take in what the CA sent (name, content): certificates that answer requests, and its newest list.

    May be repeated with the same files. Raises `CaRefused` for too much, `CaUnavailable`.
    """
    issuer = Issuer(authority.ask("chain", timeout=_ANSWER))
    found: tuple[Found, ...] = authority.ask("examine", tuple(files), timeout=_ANSWER)
    judged = list(_judged(records, issuer, found))
    taken = [one for _, one in judged]
    with records.transaction():
        log(records, _event(files, taken, operator))
        for one, told in judged:
            _record(records, one, told, operator)
    for one, told in judged:
        if told.outcome in (Outcome.TAKEN, *UNWANTED):
            answers = told.outcome in (Outcome.TAKEN, Outcome.GIVEN_UP)
            authority.ask("keep", one.transaction, one.content, answers, timeout=_ANSWER)
    lists = [one.content for one in found if one.standing is Standing.CRL]
    # Of several the newest stays, whatever their order.
    for crl in lists:
        if authority.ask("is_newer", crl, timeout=_ANSWER):
            authority.ask("keep_crl", crl, timeout=_ANSWER)
    missing = tuple(one for one in outstanding(records, authority) if one.bundles)
    answered = _answered(records, taken)
    begun = {one.order_id for one in answered if one.state is not ItemState.PRODUCED}
    ready = (orders.order_of(records, order_id).number for order_id in sorted(begun))
    renewing = sorted({one.mailer_number for one in answered if one.state is ItemState.PRODUCED})
    return Report(tuple(taken), missing, tuple(ready), tuple(renewing), bool(lists))


def _judged(records: Records, issuer: Issuer, found: Iterable[Found]) -> Iterator[tuple[Found, Taken]]:
    answered: set[str | None] = set()
    given_up = _given_up(records)
    for one in found:
        outcome, why = _outcome(records, issuer, one, answered, given_up)
        if outcome in (Outcome.TAKEN, Outcome.GIVEN_UP):
            answered.add(one.transaction)
        serial = serial_number(one.content) if outcome is not Outcome.CRL and one.content else None
        yield one, Taken(one.where, outcome, why or _WHY.get(outcome, ""), one.transaction, serial)


def _outcome(
    records: Records, issuer: Issuer, one: Found, answered: set[str | None], given_up: set[str]
) -> tuple[Outcome, str]:
    if one.standing in _PLAIN:
        return _PLAIN[one.standing], one.detail
    if one.transaction is None or _item(records, one.transaction) is None:
        return Outcome.UNKNOWN, "its token is not on record"
    if one.standing is Standing.SECOND or one.transaction in answered:
        return Outcome.SECOND, ""
    assert one.template is not None
    assert one.public_key is not None
    try:
        issuer.check(one.content, one.public_key, one.template, now())
    except WrongCertificate as error:
        return Outcome.WRONG, error.what
    return (Outcome.GIVEN_UP if one.transaction in given_up else Outcome.TAKEN), ""


def _event(files: Sequence[tuple[str, bytes]], taken: Sequence[Taken], operator: str) -> Event:
    detail = {
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files},
        "outcomes": {str(outcome): count for outcome, count in Counter(one.outcome for one in taken).items()},
    }
    return Event("ca.files-taken", operator, detail=detail)


def _record(records: Records, one: Found, told: Taken, operator: str) -> None:
    """One event for each token that something came for; what nobody wants is to be revoked."""
    if told.outcome not in (Outcome.TAKEN, *UNWANTED) or one.transaction is None:
        return
    item = _item(records, one.transaction)
    assert item is not None, "without one it is unknown"
    detail = {"request": one.transaction, "serial": told.serial}
    if told.outcome is Outcome.TAKEN:
        log(records, event_of(records, "certificate.taken", operator, item, detail))
        return
    detail["reason"] = told.why
    log(records, event_of(records, "certificate.misissued", operator, item, detail))
    request = f"{one.transaction}/{told.serial}"
    revocations.ask(records, request, item.id, one.content, reason=Reason.SUPERSEDED, by=operator)


def _answered(records: Records, taken: Iterable[Taken]) -> list[Item]:
    """The tokens that something was taken in for."""
    found = (one.transaction for one in taken if one.outcome is Outcome.TAKEN and one.transaction)
    its = (_item(records, transaction) for transaction in found)
    return [item for item in its if item is not None]


def _item(records: Records, transaction: str) -> Item | None:
    try:
        return items.item(records, transaction.partition("/")[0])
    except NotFound:
        return None


def _given_up(records: Records) -> set[str]:
    """The requests whose certificates are to be revoked, should any come."""
    return {one.request for one in revocations.every(records)}
