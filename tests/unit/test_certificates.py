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

from batch.production.certificates import build_csr, verify_signature
from batch.production.issuer import Issuer
from drivers.authorities.certificates import leaf, root
from drivers.authorities.port import CertificateTemplate, KeyUsage
from drivers.errors import CaRefused, CaUnavailable, ReadBackFailed
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


SCHEME = SignatureScheme.ECDSA_SHA256
CA_KEY = ec.generate_private_key(ec.SECP256R1())
CA_NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CA")])
BEGIN, END = NOW - timedelta(days=1), NOW + timedelta(days=9000)
CA = root(CA_KEY, SCHEME, CA_NAME, BEGIN, END)


def issued(
    key: ec.EllipticCurvePrivateKey,
    template: CertificateTemplate,
    by: ec.EllipticCurvePrivateKey = CA_KEY,
) -> bytes:
    csr = build_csr(spki(key), template, SCHEME, signer(key))
    certificate = leaf(x509.load_der_x509_csr(csr), template, CA, by, SCHEME)
    return certificate.public_bytes(Encoding.DER)


def check(certificate: bytes, public_key: bytes, at: datetime = NOW) -> None:
    Issuer([CA.public_bytes(Encoding.DER)]).check(certificate, public_key, TEMPLATE, at)


def test_the_certificate_that_was_asked_for_is_taken(key: ec.EllipticCurvePrivateKey) -> None:
    check(issued(key, TEMPLATE), spki(key))


def test_one_that_another_signed_in_the_ca_s_name_is_refused(
    key: ec.EllipticCurvePrivateKey, other: ec.EllipticCurvePrivateKey
) -> None:
    with pytest.raises(ReadBackFailed, match="asked for: it is not signed by the CA;"):
        check(issued(key, TEMPLATE, by=other), spki(key))


def test_an_expired_one_is_refused(key: ec.EllipticCurvePrivateKey) -> None:
    with pytest.raises(ReadBackFailed, match="asked for: it expired on 2029-11-20;"):
        check(issued(key, TEMPLATE), spki(key), TEMPLATE.not_after)


@pytest.mark.parametrize(
    ("at", "told"), [(END + timedelta(seconds=1), "expired on"), (BEGIN - timedelta(1), "clock")]
)
def test_nothing_is_taken_from_a_ca_whose_own_certificate_is_not_valid(
    key: ec.EllipticCurvePrivateKey, at: datetime, told: str
) -> None:
    with pytest.raises(CaUnavailable, match=told):
        check(issued(key, TEMPLATE), spki(key), at)


def test_a_chain_that_does_not_sign_its_own_is_none(other: ec.EllipticCurvePrivateKey) -> None:
    ours = CA.public_bytes(Encoding.DER)
    theirs = root(other, SCHEME, CA_NAME, BEGIN, END).public_bytes(Encoding.DER)
    for chain in ([], [ours, theirs], [b"0"]):
        with pytest.raises(CaUnavailable, match="renew or mend the CA"):
            Issuer(chain)


def test_the_third_failure_in_a_row_is_the_ca_s_own() -> None:
    issuer = Issuer([CA.public_bytes(Encoding.DER)])
    refused = CaRefused("no")
    assert [issuer.failed(refused), issuer.failed(refused)] == [refused, refused]
    assert isinstance(issuer.failed(refused), CaUnavailable)
    issuer.succeeded()
    assert issuer.failed(refused) is refused


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
        check(certificate, spki(key))


def test_a_certificate_for_another_key_is_refused(
    key: ec.EllipticCurvePrivateKey, other: ec.EllipticCurvePrivateKey
) -> None:
    with pytest.raises(ReadBackFailed, match="its key is not the token's"):
        check(issued(other, TEMPLATE), spki(key))


def test_garbage_is_no_certificate(key: ec.EllipticCurvePrivateKey) -> None:
    with pytest.raises(ReadBackFailed, match="cannot be read"):
        check(b"\x30\x03\x02\x01\x00", spki(key))


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
