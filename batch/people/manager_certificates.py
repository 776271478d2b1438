"""The certificate against which a manager's signed orders are verified: read and looked at."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from batch.model.errors import FaultyValue
from drivers.foreign_certificates import UNREADABLE, load_certificate

LARGEST = 20_000
"""Octets of a certificate file."""

_SMALLEST_RSA = 2048
_SMALLEST_EC = 256


def read(data: bytes, *, where: str, now: datetime | None) -> bytes:
    """The certificate (DER) in a PEM or DER file; `now` None: its validity is not asked.

    Raises `FaultyValue` where it is none, is not for signatures (RFC 5280 §4.2.1.3), is a CA's, has too short
    a key, or is not valid.
    """
    certificate, begin, end = _parse(data, where)
    if wrong := _unfit(certificate):
        raise _faulty(wrong, where, "ask the manager for the certificate they sign with")
    if now is not None:
        _check_time(begin, end, now.astimezone(UTC), where)
    return certificate.public_bytes(Encoding.DER)


def last_day(certificate: bytes) -> str:
    """The last day of a certificate (DER) on record, ISO 8601."""
    return x509.load_der_x509_certificate(certificate).not_valid_after_utc.date().isoformat()


def _parse(data: bytes, where: str) -> tuple[x509.Certificate, datetime, datetime]:
    """The certificate, and from when until when it is valid."""
    if len(data) > LARGEST:
        raise _faulty(f"has more than {LARGEST:,} bytes", where, "give the one certificate alone")
    try:
        if b"-----BEGIN" in data:
            (found,) = x509.load_pem_x509_certificates(data)
            data = found.public_bytes(Encoding.DER)
        certificate = load_certificate(data)
        return certificate, certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except UNREADABLE:
        raise _faulty("is not one certificate", where, "give one certificate, as PEM or DER") from None


def _unfit(certificate: x509.Certificate) -> str | None:
    values = [one.value for one in certificate.extensions]
    usage = next((one for one in values if isinstance(one, x509.KeyUsage)), None)
    key = certificate.public_key()
    if usage is None:
        return "does not say what its key is for"
    if not (usage.digital_signature or usage.content_commitment):
        return "is not for signatures"
    if any(one.ca for one in values if isinstance(one, x509.BasicConstraints)):
        return "is a certificate authority's"
    if isinstance(key, rsa.RSAPublicKey):
        return f"has an RSA key of {key.key_size} bits only" if key.key_size < _SMALLEST_RSA else None
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"has an EC key of {key.key_size} bits only" if key.key_size < _SMALLEST_EC else None
    return "has a key that is neither RSA nor EC"


def _check_time(begin: datetime, end: datetime, now: datetime, where: str) -> None:
    if now < begin:
        raise _faulty(f"is not valid before {begin:%Y-%m-%d %H:%M} UTC", where, "register it then")
    if now > end:
        raise _faulty(f"was valid until {end:%Y-%m-%d %H:%M} UTC", where, "ask the manager for their new one")


def _faulty(what: str, where: str, advice: str) -> FaultyValue:
    return FaultyValue(what, where=where, next=advice)
