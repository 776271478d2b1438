"""The few fields of a CMP message (RFC 9810 §5) that tell what became of a request.

`openssl cmp` makes the messages and verifies their protection; here they are only read.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from drivers.wire.tlv import TlvError, decode, find, need

_SEQUENCE, _INTEGER, _BITS, _UTF8 = 0x30, 0x02, 0x03, 0x0C
_TRANSACTION = 0xA4
_LARGEST, _LONGEST_TOLD = 1_000_000, 400

LONGEST_WAIT = 30 * 86_400
"""Seconds; a CA that wants to be polled later than that is asked then."""


class Body(enum.IntEnum):
    """The bodies a client is answered with (§5.1.2), by their tag."""

    IP = 0xA1
    CP = 0xA3
    KUP = 0xA8
    RP = 0xAC
    PKICONF = 0xB3
    ERROR = 0xB7
    POLL_REP = 0xBA


class Failure(enum.IntEnum):
    """The bits of PKIFailureInfo (§5.2.3) that mean something to a desk."""

    BAD_MESSAGE_CHECK = 1
    BAD_TIME = 3
    CERT_REVOKED = 10
    CERT_CONFIRMED = 11
    WRONG_INTEGRITY = 12
    SIGNER_NOT_TRUSTED = 20
    TRANSACTION_ID_IN_USE = 21
    NOT_AUTHORIZED = 23
    SYSTEM_UNAVAILABLE = 24
    SYSTEM_FAILURE = 25
    DUPLICATE_CERT_REQ = 26


WAITING, REJECTION = 3, 2
"""PKIStatus (§5.2.3); 0 and 1 give a certificate."""


@dataclass(frozen=True)
class Message:
    """An answer: its body, PKIStatus, words, failures; the certificate (DER); seconds until the next poll."""

    body: Body
    transaction: bytes
    status: int | None = None
    words: str = ""
    failures: frozenset[int] = frozenset()
    certificate: bytes | None = None
    check_after: int | None = None


def read(message: bytes) -> Message:
    """A PKIMessage (DER); raises `ValueError` for one that is none, or is no answer."""
    if len(message) > _LARGEST:
        raise ValueError("it is too long for a CMP message")
    whole = list(decode(need(message, _SEQUENCE)))
    if len(whole) < 2 or whole[0][0] != _SEQUENCE:
        raise TlvError("it is no CMP message")
    (_, header), (tag, content) = whole[:2]
    try:
        body = Body(tag)
    except ValueError:
        raise TlvError(f"body {tag:X} is no answer") from None
    # Version, sender and recipient go before; a name has the transaction ID's tag, too.
    named = [value for tag, value in list(decode(header))[3:] if tag == _TRANSACTION]
    if not named:
        raise TlvError("it names no transaction")
    transaction = need(named[0], 0x04)
    if body is Body.PKICONF:
        return Message(body, transaction)
    inner = need(content, _SEQUENCE)
    if body is Body.POLL_REP:
        numbers = [value for tag, value in decode(need(inner, _SEQUENCE)) if tag == _INTEGER]
        if len(numbers) != 2:
            raise TlvError("a poll response says when to ask again")
        return Message(body, transaction, check_after=min(max(0, _number(numbers[1])), LONGEST_WAIT))
    if body is Body.ERROR:
        return _told(body, transaction, need(inner, _SEQUENCE))
    if body is Body.RP:
        return _told(body, transaction, need(need(inner, _SEQUENCE), _SEQUENCE))
    return _certified(body, transaction, inner)


def _certified(body: Body, transaction: bytes, inner: bytes) -> Message:
    response = need(need(inner, _SEQUENCE), _SEQUENCE)
    parts = [value for tag, value in decode(response) if tag == _SEQUENCE]
    if not parts:
        raise TlvError("a certificate response has a status")
    certificate = find(parts[1], 0xA0) if len(parts) > 1 else None
    return _told(body, transaction, parts[0], certificate)


def _told(body: Body, transaction: bytes, info: bytes, certificate: bytes | None = None) -> Message:
    texts = find(info, _SEQUENCE) or b""
    words = " ".join(value.decode("utf-8", "replace") for tag, value in decode(texts) if tag == _UTF8)
    bits = find(info, _BITS) or b"\0"
    failures = frozenset(
        8 * at + bit for at, byte in enumerate(bits[1:]) for bit in range(8) if byte & 0x80 >> bit
    )
    status = _number(need(info, _INTEGER))
    return Message(body, transaction, status, " ".join(words.split())[:_LONGEST_TOLD], failures, certificate)


def _number(value: bytes) -> int:
    if not 1 <= len(value) <= 8:
        raise TlvError("a number is too long")
    return int.from_bytes(value, "big", signed=True)
