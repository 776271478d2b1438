"""A certificate is held against what was asked for before it is loaded (R34)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from batch.production.certificates import build_csr, check_certificate, verify_signature
from drivers.authorities.certificates import leaf, root
from drivers.authorities.port import CertificateTemplate, KeyUsage
from drivers.errors import ReadBackFailed
from drivers.tokens import SignatureScheme

NOW = datetime(2026, 11, 21, tzinfo=UTC)
TEMPLATE = CertificateTemplate(
    subject=(("2.5.4.6", "NL"), ("2.5.4.10", "Ministerie"), ("2.5.4.3", "Zeehavens"), ("2.5.4.5", "000123")),
    key_usage=frozenset({KeyUsage.DIGITAL_SIGNATURE}),
    extended_usage=("1.3.6.1.5.5.7.3.2",),
    not_before=NOW,
    not_after=NOW + timedelta(days=1095),
)


def spki(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def signer(key: ec.EllipticCurvePrivateKey) -> Callable[[SignatureScheme, bytes], bytes]:
    return lambda scheme, message: key.sign(message, ec.ECDSA(SHA256()))


@pytest.fixture(scope="module")
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def other() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def issued(key: ec.EllipticCurvePrivateKey, template: CertificateTemplate) -> bytes:
    ca = ec.generate_private_key(ec.SECP256R1())
    scheme = SignatureScheme.ECDSA_SHA256
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CA")])
    issuer = root(ca, scheme, name, NOW - timedelta(days=1), NOW + timedelta(days=9000))
    csr = build_csr(spki(key), template, scheme, signer(key))
    certificate = leaf(x509.load_der_x509_csr(csr), template, issuer, ca, scheme)
    return certificate.public_bytes(Encoding.DER)


def test_the_certificate_that_was_asked_for_is_taken(key: ec.EllipticCurvePrivateKey) -> None:
    check_certificate(issued(key, TEMPLATE), spki(key), TEMPLATE)


WRONG = {
    "its subject is": {"subject": (("2.5.4.6", "NL"), ("2.5.4.3", "Someone else"))},
    "its key usage differs": {"key_usage": frozenset({KeyUsage.NON_REPUDIATION})},
    "its extended key usage differs": {"extended_usage": ()},
    "its policies differ": {"policies": ("2.16.528.1.1003.1",)},
    "its alternative names differ": {"emails": ("eve@example.org",)},
    "it is valid from": {"not_before": NOW + timedelta(days=2)},
    "it is valid until": {"not_after": NOW + timedelta(days=7)},
}


@pytest.mark.parametrize(("told", "change"), WRONG.items(), ids=WRONG.keys())
def test_a_certificate_that_differs_is_refused_and_the_difference_named(
    key: ec.EllipticCurvePrivateKey, told: str, change: dict[str, object]
) -> None:
    certificate = issued(key, dataclasses.replace(TEMPLATE, **change))  # type: ignore[arg-type]
    with pytest.raises(ReadBackFailed, match=told):
        check_certificate(certificate, spki(key), TEMPLATE)


def test_a_certificate_for_another_key_is_refused(
    key: ec.EllipticCurvePrivateKey, other: ec.EllipticCurvePrivateKey
) -> None:
    with pytest.raises(ReadBackFailed, match="its key is not the token's"):
        check_certificate(issued(other, TEMPLATE), spki(key), TEMPLATE)


def test_garbage_is_no_certificate(key: ec.EllipticCurvePrivateKey) -> None:
    with pytest.raises(ReadBackFailed, match="cannot be read"):
        check_certificate(b"\x30\x03\x02\x01\x00", spki(key), TEMPLATE)


def test_a_csr_is_signed_by_the_key_and_carries_no_more_than_the_subject(
    key: ec.EllipticCurvePrivateKey,
) -> None:
    scheme = SignatureScheme.ECDSA_SHA256
    csr = x509.load_der_x509_csr(build_csr(spki(key), TEMPLATE, scheme, signer(key)))
    assert csr.is_signature_valid
    assert [attribute.value for attribute in csr.subject] == ["NL", "Ministerie", "Zeehavens", "000123"]
    assert not list(csr.extensions)
    assert not list(csr.attributes)


def test_a_signature_verifies_with_its_key_scheme_and_message_only(
    key: ec.EllipticCurvePrivateKey, other: ec.EllipticCurvePrivateKey
) -> None:
    scheme = SignatureScheme.ECDSA_SHA256
    signature = signer(key)(scheme, b"challenge")
    assert verify_signature(spki(key), scheme, b"challenge", signature)
    assert not verify_signature(spki(key), scheme, b"another", signature)
    assert not verify_signature(spki(other), scheme, b"challenge", signature)
    assert not verify_signature(spki(key), SignatureScheme.RSA_PSS_SHA256, b"challenge", signature)
