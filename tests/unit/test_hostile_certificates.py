"""Certificates, CSRs and attestations of others: taken, or refused in our words, whatever is in them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.production.certificates import check_certificate
from drivers.authorities.certificates import requested
from drivers.authorities.port import CertificateTemplate
from drivers.errors import CaRefused, EvidenceMissing, ReadBackFailed
from drivers.foreign_certificates import LARGEST, load_certificate
from drivers.piv import attestation
from drivers.wire import tlv
from tests.unit.certificate_kit import (
    NAME,
    NOW,
    ODD_KEYS,
    TEMPLATE,
    certificate,
    csr,
    issuer,
    public_key,
    spoilt,
    with_other_oid,
)

CHANGES = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 255)), min_size=1, max_size=4)
BASIC_CONSTRAINTS, KEY_USAGE, ALTERNATIVE_NAMES = "0603551d13", "0603551d0f", "0603551d11"


def wrong_with(der: bytes, template: CertificateTemplate = TEMPLATE) -> str | None:
    """What a CA's certificate is refused with."""
    try:
        check_certificate(der, public_key(), template, issuer(), NOW)
    except ReadBackFailed as refused:
        return str(refused)
    return None


def test_the_sound_ones_are_taken() -> None:
    assert wrong_with(certificate()) is None
    assert requested(csr(), TEMPLATE).subject == NAME


@settings(max_examples=400)
@given(CHANGES)
def test_a_certificate_of_the_ca_may_be_spoilt_anywhere(changes: list[tuple[int, int]]) -> None:
    wrong_with(spoilt(certificate(), changes))


@settings(max_examples=200)
@given(CHANGES)
def test_a_csr_may_be_spoilt_anywhere(changes: list[tuple[int, int]]) -> None:
    made = spoilt(csr(), changes)
    try:
        requested(made, TEMPLATE)
    except CaRefused:
        return
    assert made == csr() or x509.load_der_x509_csr(made).is_signature_valid


@settings(max_examples=200)
@given(CHANGES, CHANGES)
def test_an_attestation_may_be_spoilt_anywhere(
    changes: list[tuple[int, int]], others: list[tuple[int, int]]
) -> None:
    made, maker = spoilt(certificate(), changes), spoilt(certificate(), others)
    root = x509.load_der_x509_certificate(certificate())
    for look in (
        lambda: attestation.evidence((made, certificate()), public_key(), "1001", [root], "seat"),
        lambda: attestation.evidence((certificate(), maker), public_key(), None, [root], "seat"),
        lambda: attestation.attested_key(made, "seat"),
    ):
        with suppress(EvidenceMissing):
            look()


@settings(max_examples=200)
@given(st.binary(max_size=200), st.sampled_from([0x30, 0x31, 0x02, 0x04]))
def test_any_bytes_are_no_certificate(data: bytes, tag: int) -> None:
    for der in (data, tlv.encode(tag, data), tlv.encode(0x30, tlv.encode(tag, data))):
        with pytest.raises(ReadBackFailed, match="cannot be read"):
            check_certificate(der, public_key(), TEMPLATE, issuer(), NOW)
        with pytest.raises(CaRefused):
            requested(der, TEMPLATE)
        with pytest.raises(EvidenceMissing):
            attestation.attested_key(der, "seat")


BROKEN: dict[str, Callable[[], bytes]] = {
    "a duplicate extension": lambda: with_other_oid(certificate(), BASIC_CONSTRAINTS, KEY_USAGE),
    "an extension that is not what its name says": lambda: with_other_oid(
        certificate(), KEY_USAGE, ALTERNATIVE_NAMES
    ),
    "a curve nobody knows": lambda: with_other_oid(
        certificate(), "06082a8648ce3d030107", "06082a8648ce3d03017f"
    ),
    "a version from the future": lambda: certificate().replace(
        bytes.fromhex("a003020102"), bytes.fromhex("a003020107")
    ),
    "no bytes": lambda: b"",
    "sixteen megabytes": lambda: tlv.encode(0x30, bytes(16_000_000)),
}


@pytest.mark.parametrize("made", BROKEN.values(), ids=BROKEN.keys())
def test_what_cannot_be_read_is_told_so(made: Callable[[], bytes]) -> None:
    der = made()
    assert "cannot be read" in str(wrong_with(der))
    with pytest.raises(EvidenceMissing, match="not to be read"):
        attestation.attested_key(der, "seat")
    with pytest.raises(ValueError, match=r"."):
        load_certificate(der)


@pytest.mark.parametrize("made", ODD_KEYS.values(), ids=ODD_KEYS.keys())
def test_odd_keys_are_readable_and_not_the_tokens(made: Callable[[], object]) -> None:
    assert "its key is not the token's" in str(wrong_with(certificate(made())))


def test_a_certificate_may_be_as_long_as_the_limit() -> None:
    filler = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), bytes(LARGEST - 700))
    assert wrong_with(certificate(None, 4711, filler)) is None
    longer = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), bytes(LARGEST))
    assert f"at most {LARGEST:,} are read" in str(wrong_with(certificate(None, 4711, longer)))


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("serial", [-1, 0, 1 << 159])
def test_a_serial_number_is_positive_and_of_20_octets(serial: int) -> None:
    whole = certificate(serial=0x11223344)
    content = serial.to_bytes(serial.bit_length() // 8 + 1, "big", signed=True)
    assert "serial number" in str(wrong_with(_with_serial(whole, content)))


def _with_serial(der: bytes, content: bytes) -> bytes:
    """The certificate with another serial number; its lengths are put right, its signature is not."""
    body = tlv.need(der, 0x30)
    (tag, tbs), *rest = tlv.decode(body)
    fields = [(at, content if at == 0x02 else value) for at, value in tlv.decode(tbs)]
    return tlv.encode(0x30, tlv.encode_all([(tag, tlv.encode_all(fields)), *rest]))


def test_a_dns_name_is_no_email_address() -> None:
    other = x509.SubjectAlternativeName([x509.DNSName("info@example.org")])
    assert "alternative names differ" in str(wrong_with(certificate(None, 4711, other)))


def test_a_huge_name_does_not_flood_the_message() -> None:
    many = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "\x1b[2J" + "x" * 400)] * 20)
    told = str(wrong_with(certificate(name=many)))
    assert "its subject is" in told
    assert len(told) < 1000
    assert told.isprintable()


ODD_SIGNERS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "rsa 1024": lambda: (rsa.generate_private_key(65537, 1024), SHA256()),
    "ed25519": lambda: (ed25519.Ed25519PrivateKey.generate(), None),
    "brainpool": lambda: (ec.generate_private_key(ec.BrainpoolP256R1()), SHA256()),
}


@pytest.mark.parametrize("made", ODD_SIGNERS.values(), ids=ODD_SIGNERS.keys())
def test_the_ca_certifies_no_key_that_no_token_makes(made: Callable[[], tuple[Any, Any]]) -> None:
    odd, digest = made()
    asked = x509.CertificateSigningRequestBuilder().subject_name(NAME).sign(odd, digest)
    with pytest.raises(CaRefused, match="the CSR asks for a"):
        requested(asked.public_bytes(Encoding.DER), TEMPLATE)
