"""Attestation of the virtual card: a chain other people's programs verify, saying what YubiKey's says."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import ObjectIdentifier

from drivers.wire import tlv
from simulators.piv.attestation import AttestationRoot
from tests.unit.virtual_card_host import P256, P384, RSA2048, Host, new_card

ARC = "1.3.6.1.4.1.41482.3"
DER = serialization.Encoding.DER


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return new_card(tmp_path)


def leaf(host: Host, slot: int = 0x9A) -> x509.Certificate:
    return x509.load_der_x509_certificate(host.ok(0xF9, slot, 0x00))


def intermediate(host: Host) -> x509.Certificate:
    return x509.load_der_x509_certificate(tlv.need(host.get(0x5FFF01)[0], 0x70))


def said(certificate: x509.Certificate, number: int) -> bytes:
    extension = certificate.extensions.get_extension_for_oid(ObjectIdentifier(f"{ARC}.{number}"))
    assert isinstance(extension.value, x509.UnrecognizedExtension)
    assert not extension.critical
    return extension.value.value


def test_openssl_verifies_the_chain_up_to_the_root(tmp_path: Path, host: Host) -> None:
    host.admin().generate(0x9A, P256)
    for name, certificate in (("leaf", leaf(host)), ("card", intermediate(host))):
        (tmp_path / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    command = ["openssl", "verify", "-CAfile", "root.pem", "-untrusted", "card.pem", "leaf.pem"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.stdout.strip() == "leaf.pem: OK", told.stderr


@pytest.mark.parametrize("algorithm", [P256, P384, RSA2048])
def test_each_link_is_issued_by_the_next_and_the_leaf_holds_the_slots_key(
    tmp_path: Path, host: Host, algorithm: int
) -> None:
    admin = host.admin()
    public = admin.generate_rsa(0x9A, RSA2048) if algorithm == RSA2048 else admin.generate(0x9A, algorithm)
    root = AttestationRoot.load(tmp_path / "root.pem").certificate
    leaf(host).verify_directly_issued_by(intermediate(host))
    intermediate(host).verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    assert leaf(host).public_key() == public


def test_the_leaf_says_firmware_serial_and_policies_as_yubikeys_does(host: Host) -> None:
    host.admin().generate(0x9C, P256, "AA0102AB0103")
    certificate = leaf(host, 0x9C)
    assert said(certificate, 3) == bytes([5, 4, 3])
    assert said(certificate, 7) == bytes.fromhex("0204") + (12345678).to_bytes(4, "big")
    assert said(certificate, 8) == bytes([2, 3])
    assert certificate.subject.rfc4514_string() == "CN=YubiKey PIV Attestation 9c"
    assert certificate.issuer == intermediate(host).subject
    assert certificate.not_valid_after_utc == intermediate(host).not_valid_after_utc
    assert certificate.serial_number.bit_length() > 120
    assert leaf(host, 0x9C).serial_number != certificate.serial_number


@pytest.mark.parametrize(
    ("serial", "der"), [(0, "020100"), (128, "02020080"), (0xFFFFFFFF, "020500FFFFFFFF")]
)
def test_a_serial_is_a_der_integer_that_is_never_negative(tmp_path: Path, serial: int, der: str) -> None:
    host = new_card(tmp_path, serial=serial).admin()
    host.generate(0x9A, P256)
    assert said(leaf(host), 7) == bytes.fromhex(der)


def test_a_card_without_serial_attests_without_one(tmp_path: Path) -> None:
    host = new_card(tmp_path, serial=None).admin()
    host.generate(0x9A, P256)
    with pytest.raises(x509.ExtensionNotFound):
        said(leaf(host), 7)


def test_only_keys_made_on_the_card_are_attested(tmp_path: Path, host: Host) -> None:
    assert host.sw(0xF9, 0x9A, 0x00) == 0x6A88
    host.admin().ok(0xFE, P256, 0x9A, tlv.encode(0x06, bytes(31) + b"\x01"))
    assert host.sw(0xF9, 0x9A, 0x00) == 0x6A80
    assert host.sw(0xF9, 0xF9, 0x00) == 0x6A86
    rootless = new_card(tmp_path, root=None).admin()
    rootless.generate(0x9A, P256)
    assert rootless.sw(0xF9, 0x9A, 0x00) == 0x6A82


@pytest.mark.parametrize("junk", ["00", "7000", "70023000", "7003300100"])
def test_a_damaged_attestation_certificate_attests_nothing(host: Host, junk: str) -> None:
    host.admin().generate(0x9A, P256)
    assert host.put(0x5FFF01, bytes.fromhex(junk)) == 0x9000
    assert host.sw(0xF9, 0x9A, 0x00) == 0x6A80


def test_attestation_follows_the_key_to_another_reader(host: Host) -> None:
    first = host.admin().generate(0x9A, P256)
    assert leaf(host.reinsert()).public_key() == first
    second = host.generate(0x9A, P256)
    assert leaf(host).public_key() == second


def test_cards_below_one_root_have_keys_of_their_own(tmp_path: Path, host: Host) -> None:
    other = new_card(tmp_path)
    assert intermediate(host).public_key() != intermediate(other).public_key()
    assert intermediate(host).issuer == intermediate(other).issuer


def test_a_root_is_made_once_and_its_key_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "attestation-root.pem"
    made = AttestationRoot.create(path)
    assert AttestationRoot.load(path).certificate == made.certificate
    assert path.read_bytes() == made.certificate_pem
    assert b"PRIVATE" not in path.read_bytes()
    assert stat.S_IMODE((tmp_path / "attestation-root.key").stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        AttestationRoot.create(path)


def test_a_root_with_anothers_key_is_refused(tmp_path: Path) -> None:
    AttestationRoot.create(tmp_path / "one.pem")
    AttestationRoot.create(tmp_path / "two.pem")
    (tmp_path / "one.key").replace(tmp_path / "two.key")
    with pytest.raises(ValueError, match="do not belong together"):
        AttestationRoot.load(tmp_path / "two.pem")
