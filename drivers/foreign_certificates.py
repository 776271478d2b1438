"""Certificates, CSRs and names made by others: read whole at once, so that no part of them fails later."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

LARGEST = 16_384
"""Bytes of a certificate or CSR (DER); those of tokens have some 1,000, few tokens hold more than 3,000."""

UNREADABLE = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What cryptography raises for DER it cannot make sense of, often only when a part is looked at."""

_LONGEST_SHOWN = 200
_RSA_BITS = (2048, 3072, 4096)
_CURVES = ("secp256r1", "secp384r1")


def load_certificate(der: bytes) -> x509.Certificate:
    """A certificate with subject, issuer, key, serial number and extensions; raises `ValueError`."""
    _fit(der)
    try:
        found = x509.load_der_x509_certificate(der)
        found.subject, found.issuer, found.public_key(), found.serial_number, found.extensions
    except UNREADABLE as error:
        raise ValueError(_why(error)) from error
    return found


def load_csr(der: bytes) -> x509.CertificateSigningRequest:
    """A CSR with subject, key and extensions; raises `ValueError`."""
    _fit(der)
    try:
        found = x509.load_der_x509_csr(der)
        found.subject, found.public_key(), found.extensions
    except UNREADABLE as error:
        raise ValueError(_why(error)) from error
    return found


def spki(holder: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    """The SPKI (DER) of one that was loaded here."""
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def shown(name: x509.Name) -> str:
    """A DN for a message: quoted, shortened, nothing in it that a terminal obeys (RFC 4514)."""
    text = name.rfc4514_string()
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…")


def odd_key(holder: x509.Certificate | x509.CertificateSigningRequest) -> str | None:
    """What is odd about a public key, None for one of a kind that tokens make here (R28)."""
    key = holder.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return None if key.key_size in _RSA_BITS else f"an RSA key of {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return None if key.curve.name in _CURVES else f"a key on the curve {key.curve.name}"
    return f"a key of the kind {type(key).__name__}"


def _fit(der: bytes) -> None:
    if len(der) > LARGEST:
        raise ValueError(f"it has {len(der):,} bytes, at most {LARGEST:,} are read")


def _why(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text[:_LONGEST_SHOWN] or type(error).__name__
