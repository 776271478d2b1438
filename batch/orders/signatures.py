"""Signed order files: taken apart, and verified against the registered certificate of a manager they name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from batch.model.assessment import OrderSignature, SignatureResult
from batch.model.errors import FaultyValue
from batch.model.registry import Person
from batch.orders.draft import OrderDraft
from batch.people import manager_certificates, registry
from batch.store.clock import now
from batch.store.database import Records
from drivers import cms

_AHEAD = timedelta(minutes=10)
"""How far a signer's clock may be before ours."""

_UNSIGNED = "ask the manager to sign the file again, or import it without the signature"


@dataclass(frozen=True)
class OrderFile:
    """An order file: `content` is the CSV or .xlsx, `message` its signature, None where unsigned."""

    content: bytes
    message: cms.SignedMessage | None


def opened(data: bytes, signature: bytes | None, source: str) -> OrderFile:
    """The file inside a signed message, or the file and a `signature` apart from it (CMS, RFC 5652).

    Whether a file is a signed message is told by its content. Raises `FaultyValue` where a signature is none,
    or there are two. Nothing is verified yet.
    """
    attached = cms.is_message(data)
    if not attached and signature is None:
        return OrderFile(data, None)
    if attached and signature is not None:
        raise FaultyValue("the file is signed itself", where=source, next="leave the other signature out")
    try:
        message = cms.parse(data if signature is None else signature)
    except cms.CmsError as error:
        raise FaultyValue(f"the signature {error}", where=source, next=_UNSIGNED) from None
    if attached and message.content is None:
        raise FaultyValue(
            "is a signature without the file", where=source, next="give the file, and this as --signature"
        )
    if not attached and message.content not in (None, data):
        raise FaultyValue("the signature is for another file", where=source, next=_UNSIGNED)
    return OrderFile(data if message.content is None else message.content, message)


def judged(records: Records, draft: OrderDraft, file: OrderFile) -> OrderSignature | None:
    """What the signature of an order file is worth; None where it is unsigned.

    It holds where a manager whom the order names made it, whose registered certificate is valid. Raises
    `FaultyValue` for a wrong one. Where no such manager has a certificate nobody can say: `UNVERIFIABLE`.
    """
    if (message := file.message) is None:
        return None
    people = managers_of(records, draft.organisation, [row.fields for row in draft.rows])
    signers = [(one, one.certificate) for one in people if one is not None and one.certificate is not None]
    if not signers:
        reason = "no manager whom the order names has a certificate in the registry"
        return OrderSignature(
            SignatureResult.UNVERIFIABLE, None, None, message.signed_at, reason, message.der
        )
    if message.weak:
        raise _wrong("was made with an algorithm that no longer holds", draft)
    for person, certificate in signers:
        if cms.holds(message, file.content, _pem(certificate)):
            if wrong := unfit(person, certificate, message.signed_at):
                raise _wrong(wrong, draft)
            digest = hashlib.sha256(certificate).hexdigest()
            return OrderSignature(
                SignatureResult.VERIFIED, person.number, digest, message.signed_at, "", message.der
            )
    raise _wrong("is none of a manager whom the order names, over this very file", draft)


def unfit(person: Person, certificate: bytes, signed_at: datetime | None) -> str | None:
    """Why a signer's certificate does not count, now or when they say they used it; None where it does.

    Valid at both times, for signatures, of a manager whose function holds (RFC 5280 §4.1.2.5, §4.2.1.3).
    """
    at = now()
    if not person.valid(at.date()):
        return f"is of {person.number}, whose function does not hold today"
    if signed_at is not None and signed_at > at + _AHEAD:
        return f"was made in the future, at {signed_at:%Y-%m-%d %H:%M} UTC"
    for moment in (at, signed_at or at):
        try:
            manager_certificates.read(certificate, where=person.number, now=moment)
        except FaultyValue as error:
            return f"was made with a certificate of {person.number} that {error.what}"
    return None


def managers_of(
    records: Records, organisation: str, rows: Sequence[Mapping[str, str]]
) -> tuple[Person | None, ...]:
    """The managers whom rows of an order name, each once, None for one who is not in the registry."""
    emails = {row.get("manager_email", "").casefold(): None for row in rows}
    return tuple(registry.manager_of(records, organisation, email) for email in emails if email)


def _wrong(why: str, draft: OrderDraft) -> FaultyValue:
    return FaultyValue(f"the signature {why}; nothing was taken", where=draft.source, next=_UNSIGNED)


def _pem(certificate: bytes) -> bytes:
    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)
