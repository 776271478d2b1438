"""Whether the records say what the log tells: each item, order and letter as its events left it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping

from batch.audit.chain import canonical
from batch.audit.contents import Asked, fingerprints
from batch.audit.findings import Finding, Kind
from batch.audit.letters import LettersAgreement
from batch.audit.lives import LifeAgreement
from batch.audit.registry import RegistryAgreement
from batch.model.orders import Order
from batch.model.quarantine import Cause
from batch.model.states import UNDECIDED, ItemState, OrderState
from batch.store import assessments, items, journal, orders, quarantine
from batch.store.database import Records

Facts = Mapping[str, object]


_TELL_CERTIFICATES = ("item.produced", "renewal.key-replaced", "renewal.key-taken-back")
"""Events that tell which certificates a token has from then on."""


class Agreement:
    """Hears every entry of the log, then compares."""

    def __init__(self) -> None:
        self._tokens: dict[str, object] = {}
        self._certificates: dict[str, bytes] = {}
        """Of each item's certificates a digest only: there are many items. Early entries do not tell."""
        self._produced: Counter[str] = Counter()
        self._set_aside: Counter[str] = Counter()
        self._undone: set[str] = set()
        self._letters = LettersAgreement()
        self._received: dict[str, Facts] = {}
        self._approved: dict[str, object] = {}
        self._assessed: set[tuple[str, object, object]] = set()
        self._closed: set[str] = set()
        self._forgotten: set[str] = set()
        self._words: Counter[tuple[int, bool]] = Counter()
        """Items by order and whether their words are there."""
        self._registry = RegistryAgreement()
        self._lives = LifeAgreement()

    def hear(self, facts: Facts) -> None:
        """What one entry tells."""
        self._registry.hear(facts)
        self._lives.hear(facts)
        self._letters.hear(facts)
        self._hear_certificates(facts)
        item, order, detail = facts.get("item"), facts.get("order"), facts.get("detail")
        match facts.get("event"), item, order:
            case "item.produced", str(), _:
                self._produced[item] += 1
                self._tokens[item] = facts.get("token")
                self._undone.discard(item)
            case "item.quarantined", str(), _ if isinstance(detail, dict) and "cause" in detail:
                self._set_aside[item] += 1
                if detail["cause"] == Cause.RESTORED:
                    # Nothing else undoes what was produced.
                    self._undone.add(item)
            case "order.received", _, str():
                self._received[order] = facts
            case "order.taken-back", _, str():
                by = detail.get("by") if isinstance(detail, dict) else None
                self._received[order] = {"operator": by, "detail": detail}
            case "order.forgotten", _, str():
                self._forgotten.add(order)
            case "order.approved", _, str():
                self._approved[order] = facts.get("operator")
            case "order.assessed", _, str() if isinstance(detail, dict):
                self._assessed.add((order, detail.get("digest"), facts.get("operator")))
            case "order.closed", _, str():
                self._closed.add(order)
            case "order.reopened", _, str():
                self._closed.discard(order)

    def _hear_certificates(self, facts: Facts) -> None:
        """The certificates that a token was made with, or has from a renewal on."""
        item, detail = facts.get("item"), facts.get("detail")
        told = detail.get("certificates") if isinstance(detail, dict) else None
        named = facts.get("event") in _TELL_CERTIFICATES
        if named and isinstance(item, str) and isinstance(told, dict):
            self._certificates[item] = _digest(told)

    def findings(self, records: Records) -> Iterator[Finding]:
        """Where the records disagree with what was heard."""
        asked = Asked()
        yield from self._of_items(records, asked)
        yield from self._of_orders(records, asked)
        yield from self._letters.findings(records)
        yield from self._registry.findings(records)
        yield from self._lives.findings(records)

    def _of_orders(self, records: Records, asked: Asked) -> Iterator[Finding]:
        missing = set(self._received)
        for order in orders.orders(records):
            missing.discard(order.number)
            told = self._received.get(order.number)
            name = f"order {order.number}"
            detail = told.get("detail") if told else None
            if told is None or not isinstance(detail, dict):
                yield _disagree(f"{name} is on record, but the log does not tell that it was received")
            elif (told.get("operator"), detail.get("sha256")) != (order.imported_by, order.sha256):
                yield _disagree(f"{name} was received from another file or by another person than recorded")
            elif not self._asked_alike(order, detail, asked):
                yield _disagree(f"{name} was received with other tokens, fields or layouts than recorded")
            if self._words[order.id, order.number in self._forgotten]:
                yield _disagree(f"{name} is not forgotten as the log tells, in whole and only then")
            yield from self._life(records, order)
            if order.state in (*UNDECIDED, OrderState.REJECTED):
                continue
            if self._approved.get(order.number) != order.decided_by:
                yield _disagree(f"{name} was not approved by {order.decided_by}, as the log tells")
        for assessed in assessments.assessed(records):
            if assessed not in self._assessed:
                yield _disagree(
                    f"an assessment of order {assessed[0]} on record is not the one the log tells of"
                )
        for number in sorted(missing):
            yield _disagree(f"order {number} was received, as the log tells, but is not on record")

    def _life(self, records: Records, order: Order) -> Iterator[Finding]:
        """Whether an order's signature and its end are those that were told."""
        told = self._received[order.number].get("detail") if order.number in self._received else None
        held = assessments.signature(records, order.id)
        if isinstance(told, dict) and "signature" in told and told["signature"] != (held and held.facts()):
            yield _disagree(f"order {order.number} was received with another signature than recorded")
        if (order.state is OrderState.CLOSED) is not (order.number in self._closed):
            is_ = "is closed, as the log tells, but not on record"
            if order.state is OrderState.CLOSED:
                is_ = "is closed on record, but the log does not tell of it"
            yield _disagree(f"order {order.number} {is_}")

    def _asked_alike(self, order: Order, told: Facts, asked: Asked) -> bool:
        """Whether an order asks for what it was received with; what is forgotten still has its digests."""
        if "committed" in told:
            return told["committed"] == asked.committed(order.id)
        # Early entries tell a digest over the words alone, which nobody can compute once they are forgotten.
        return order.number in self._forgotten or told.get("asked", asked.of(order.id)) == asked.of(order.id)

    def _of_items(self, records: Records, asked: Asked) -> Iterator[Finding]:
        missing = set(self._produced)
        stays = quarantine.counts(records)
        for item in items.items(records):
            asked.hear(item)
            self._words[item.order_id, item.forgotten is None] += 1
            number, times = item.mailer_number, self._produced[item.mailer_number]
            missing.discard(number)
            if item.state is ItemState.PRODUCED and not times:
                yield _disagree(f"token {number} is produced, but the log does not tell of it")
            undone = number in self._undone
            if item.state is ItemState.PRODUCED and undone:
                yield _disagree(f"token {number} is produced, but was set aside after it, as the log tells")
            if item.state is not ItemState.PRODUCED and times and not undone:
                yield _disagree(f"token {number} is {item.state}, but was produced, as the log tells")
            if times > 1:
                yield _disagree(f"token {number} was produced {times} times, as the log tells")
            if times and self._tokens[number] != item.token_serial:
                yield _disagree(f"token {number} was produced on another token than the recorded one")
            if number in self._certificates and not undone:  # the CA may know of other ones after a restore
                held = fingerprints(journal.keys(records, item.id))
                if item.forgotten is None and _digest(held) != self._certificates[number]:
                    yield _disagree(
                        f"token {number} was produced with other certificates than the recorded ones"
                    )
            aside = item.state in (ItemState.QUARANTINED, ItemState.SPOILED)
            if stays.get(item.id, 0) < max(self._set_aside[number], aside):
                yield _disagree(f"token {number} was in quarantine, but not each of its stays is on record")
        for number in sorted(missing):
            yield _disagree(f"token {number} was produced, as the log tells, but is not on record")


def _digest(certificates: Mapping[str, object]) -> bytes:
    # What stands in an altered entry may be anything.
    told: dict[str, object] = {name: one for name, one in certificates.items() if isinstance(one, str)}
    return hashlib.sha256(canonical(told).encode("utf-8", "replace")).digest()


def _disagree(what: str) -> Finding:
    return Finding(Kind.FACT, None, None, what)
