"""The report of an order as plain values: who did what when, every token, certificate, letter and form."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import groupby, pairwise
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from batch.life.closing.settling import obstacles
from batch.model.orders import Order
from batch.production.readback import proves
from batch.store import codes, custody, items, parcels, settling
from batch.store.certificate_list import CertificatesWanted, ListedCertificate, certificates
from batch.store.database import Records
from batch.store.lists import ListedToken, TokensWanted, tokens
from batch.store.order_facts import NAMES, Around, Plain, around, entries
from drivers.foreign_certificates import UNREADABLE, load_certificate, spki
from drivers.tokens import Evidence

FORMAT = "issuance-station/order-report@1"

_PAGE = 500


class OrderReport:
    """What is on record of an order, in one snapshot of the records; all of it plain JSON values.

    `checkpoint` is the signed note over the log, of which the report names entries by their numbers. No name
    or address of a person is in it but those of operators, and of groups that certificates name.
    """

    def __init__(
        self, records: Records, order: Order, checkpoint: str, *, station: str, by: str, at: datetime
    ) -> None:
        self._records, self._order, self._at = records, order, at
        numbers = frozenset(item.mailer_number for item in items.items(records, order))
        self._of_items = defaultdict[str, list[list[Any]]](list)
        acts: list[Plain] = []
        people = Counter[tuple[str, str]]()
        for facts in entries(records, order, numbers):
            people[str(facts.get("operator")), str(facts.get("event"))] += 1
            if "item" not in facts:
                acts.append(facts)
                continue
            told = [facts.get(name) for name in ("n", "at", "event", "operator")]
            self._of_items[str(facts["item"])].append(told)
        whole = items.balance(records, order)
        self.head: Plain = {
            "acts": acts,
            "balance": {
                **asdict(whole),
                "given_up": whole.given_up,
                "holds": whole.holds,
                "told": str(whole),
            },
            "format": FORMAT,
            "log": {"checkpoint": checkpoint},
            "made": {"at": _moment(at), "by": by},
            "open": [
                {"what": one.told, "why": one.why, "next": one.command}
                for one in obstacles(records, order, at.astimezone(UTC).date())
            ],
            "order": self._of_order(),
            "parcels": [
                {"number": one.number, "state": str(one.state), "sent": _moment(one.sent_at)}
                for one in parcels.parcels(records, order)
            ],
            "people": [
                {"operator": operator, "event": event, "times": times}
                for (operator, event), times in sorted(people.items())
            ],
            "station": station,
        }
        """All but the tokens."""

    def tokens(self) -> Iterator[Plain]:
        """Every token of the order by its number, made or given up; the same each time."""
        wanted = CertificatesWanted(order_id=self._order.id)
        found = groupby(certificates(self._records, wanted, self._at), lambda one: one.number)
        held = next(found, None)
        listed = tokens(self._records, TokensWanted(order_id=self._order.id))
        while page := [one for _, one in zip(range(_PAGE), listed, strict=False)]:
            beside = around(self._records, [one.item.id for one in page])
            for one in page:
                own: list[ListedCertificate] = []
                if held is not None and held[0] == one.item.mailer_number:
                    own, held = list(held[1]), next(found, None)
                yield self._of_token(one, own, beside[one.item.id])

    def _of_order(self) -> Plain:
        order, epoch = self._order, codes.epoch(self._records, self._order.id)
        key = custody.key(self._records, epoch.key_name) if epoch is not None else None
        forms = settling.forms(self._records, order)
        return _there(
            {
                "number": order.number,
                "reference": order.reference,
                "subscriber": order.subscriber,
                "organisation": order.organisation,
                "state": str(order.state),
                "source": order.source,
                "sha256": order.sha256,
                "received": {"at": _moment(order.imported_at), "by": order.imported_by},
                "decided": {"at": _moment(order.decided_at), "by": order.decided_by},
                "reason": order.reason,
                "forms": {str(state): count for state, count in forms.items()},
                "custody_key": key.name if key is not None else None,
                "custody_key_destroyed": _moment(key.destroyed_at) if key is not None else None,
            }
        )

    def _of_token(self, listed: ListedToken, own: list[ListedCertificate], beside: Around) -> Plain:
        item = listed.item
        letter = beside["letter"]
        return _there(
            {
                "number": item.mailer_number,
                "layout": item.layout,
                # The name of a person is not for a report that nobody forgets.
                "group": item.fields.get("group") if item.subject_key.startswith("group:") else None,
                "state": str(item.state),
                "life": str(listed.life) if listed.life else None,
                "since": _moment(listed.since),
                "driver": item.token_driver,
                "serial": item.token_serial,
                "seat": item.seat,
                "begun": _moment(item.began_at),
                "ended": _moment(item.ended_at),
                "reason": item.reason,
                "replaces": f"{item.replaces:06d}" if item.replaces else None,
                "renews": f"{item.renews:06d}" if item.renews else None,
                "certificates": [_certificate(one) for one in own],
                "letter": letter[0] if letter else None,
                **{name: beside[name] for name in NAMES if name != "letter"},
                "acts": self._of_items.get(item.mailer_number, []),
            }
        )


class Totals:
    """Counts what a report tells of its tokens as they go by."""

    def __init__(self) -> None:
        self._counts = Counter[tuple[str, str]]()

    def hear(self, token: Plain) -> Plain:
        """The next token, which is returned as it is."""
        self._counts["tokens", str(token.get("life") or token["state"])] += 1
        if "letter" in token:
            self._counts["letters", str(token["letter"]["state"])] += 1
        for form in token.get("forms", ()):
            self._counts["forms", str(form["state"])] += 1
        for certificate in token.get("certificates", ()):
            self._counts["certificates", str(certificate["state"])] += 1
            proven = "made on the token" if certificate["evidence"]["holds"] else "not proven"
            self._counts["keys", proven] += 1
        return token

    def told(self) -> list[Plain]:
        """What there is, in which state, how many."""
        return [
            {"what": what, "state": state, "count": count}
            for (what, state), count in sorted(self._counts.items())
        ]


def _certificate(listed: ListedCertificate) -> Plain:
    told: Plain = {
        "key": listed.key,
        "slot": listed.slot,
        "former": listed.former or None,
        "sha256": hashlib.sha256(listed.certificate).hexdigest(),
        "until": _moment(listed.ends),
        "state": str(listed.state),
        "reason": listed.reason,
        "outcome": listed.outcome,
        "evidence": _evidence(listed.evidence, None),
    }
    with suppress(ValueError):
        found = load_certificate(listed.certificate)
        told["serial"] = f"{found.serial_number:x}"
        told["from"] = _moment(found.not_valid_before_utc)
        told["evidence"] = _evidence(listed.evidence, spki(found))
    return _there(told)


def _evidence(text: str | None, public_key: bytes | None) -> Plain:
    """The evidence that a certificate's key was made on its token, and whether it holds (R31)."""
    if text is None:
        return {"kind": "none", "holds": False, "why": "it is not on record"}
    kept = json.loads(text)
    evidence = Evidence(
        str(kept["kind"]),
        tuple(bytes.fromhex(one) for one in kept.get("chain", ())),
        kept.get("attributes", {}),
    )
    told: Plain = {"kind": evidence.kind, "attributes": dict(evidence.attributes)}
    why = None if proves(evidence) else "it proves nothing by itself"
    if evidence.kind == "attestation":
        told["chain"], fault = _chain(evidence.chain, public_key)
        why = why or fault
    return _there({**told, "holds": why is None, "why": why})


def _chain(chain: tuple[bytes, ...], public_key: bytes | None) -> tuple[list[Plain], str | None]:
    """What an attestation chain says, leaf first, and why it does not hold for a key."""
    try:
        found = [load_certificate(one) for one in chain]
    except ValueError:
        return [], "its chain cannot be read"
    told = [
        {
            "subject": one.subject.rfc4514_string(),
            "issuer": one.issuer.rfc4514_string(),
            "serial": f"{one.serial_number:x}",
            "sha256": hashlib.sha256(der).hexdigest(),
        }
        for one, der in zip(found, chain, strict=True)
    ]
    if not found or spki(found[0]) != public_key:
        return told, "its chain speaks of another key"
    if not all(_issued(one, by) for one, by in pairwise(found)):
        return told, "its chain is not signed link by link"
    return told, None


def _issued(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(by)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def _there(told: Plain) -> Plain:
    """Without what is not there."""
    return {name: one for name, one in told.items() if one is not None and one not in ([], {})}


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at is not None else None
