"""Certificates and CSRs as others might make them: sound ones of every kind, and what spoils them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from drivers.authorities.port import CertificateTemplate, KeyUsage

NOW = datetime(2026, 11, 21, tzinfo=UTC)
NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Zeehavens")])
TEMPLATE = CertificateTemplate(
    subject=(("2.5.4.3", "Zeehavens"),),
    key_usage=frozenset({KeyUsage.DIGITAL_SIGNATURE}),
    extended_usage=("1.3.6.1.5.5.7.3.2",),
    policies=("2.16.528.1.1003.1",),
    emails=("info@example.org",),
    not_before=NOW,
    not_after=NOW + timedelta(days=1095),
)
SPKI = PublicFormat.SubjectPublicKeyInfo


@functools.cache
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public_key() -> bytes:
    return key().public_key().public_bytes(Encoding.DER, SPKI)


ODD_KEYS: dict[str, Callable[[], object]] = {
    "rsa 1024": lambda: rsa.generate_private_key(65537, 1024).public_key(),
    "dsa": lambda: dsa.generate_private_key(1024).public_key(),
    "brainpool": lambda: ec.generate_private_key(ec.BrainpoolP256R1()).public_key(),
    "p-521": lambda: ec.generate_private_key(ec.SECP521R1()).public_key(),
    "ed25519": lambda: ed25519.Ed25519PrivateKey.generate().public_key(),
    "x25519": lambda: x25519.X25519PrivateKey.generate().public_key(),
}


def certificate(
    public: object | None = None, serial: int = 4711, *more: x509.ExtensionType, name: x509.Name = NAME
) -> bytes:
    """A certificate (DER) that fits `TEMPLATE`, but for what is given."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(NAME)
        .serial_number(serial)
        .public_key(public or key().public_key())  # type: ignore[arg-type]
        .not_valid_before(TEMPLATE.not_before)
        .not_valid_after(TEMPLATE.not_after)
        .add_extension(
            x509.KeyUsage(True, False, False, False, False, False, False, False, False), critical=True
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(
            x509.CertificatePolicies(
                [x509.PolicyInformation(x509.ObjectIdentifier(TEMPLATE.policies[0]), None)]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    if not any(isinstance(one, x509.SubjectAlternativeName) for one in more):
        more = (*more, x509.SubjectAlternativeName([x509.RFC822Name("info@example.org")]))
    for extension in more:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key(), SHA256()).public_bytes(Encoding.DER)


@functools.cache
def issuer() -> x509.Certificate:
    """Who signed all of them."""
    return x509.load_der_x509_certificate(certificate())


def csr(name: x509.Name = NAME) -> bytes:
    """A CSR (DER) signed by its key."""
    made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key(), SHA256())
    return made.public_bytes(Encoding.DER)


def with_other_oid(der: bytes, old: str, new: str) -> bytes:
    """One object identifier (DER in hex, of equal length) in the place of another, everywhere."""
    assert bytes.fromhex(old) in der
    assert len(old) == len(new)
    return der.replace(bytes.fromhex(old), bytes.fromhex(new))


def spoilt(der: bytes, changes: list[tuple[int, int]]) -> bytes:
    """Single bytes changed, each (place, value); places count round."""
    made = bytearray(der)
    for place, value in changes:
        made[place % len(made)] = value
    return bytes(made)
