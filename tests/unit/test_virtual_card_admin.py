"""The virtual card's administrator: management key, data objects, what only the administrator may do."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.wire import tlv
from tests.unit.virtual_card_host import (
    AES128,
    AES192,
    AES256,
    FACTORY_KEY,
    P256,
    TDES,
    Host,
    decrypt,
    encrypt,
    new_card,
    request,
)

CHUID, PRINTED = 0x5FC102, 0x5FC109
SINGLE, MUTUAL = bytes.fromhex("7C028100"), bytes.fromhex("7C028000")
# FIPS 197, appendix C, and SP 800-67, appendix B: key, clear block, encrypted block.
FIPS_BLOCK = "00112233445566778899aabbccddeeff"
VECTORS = [
    (AES128, bytes(range(16)).hex(), FIPS_BLOCK, "69c4e0d86a7b0430d8cdb78070b4c55a"),
    (AES192, bytes(range(24)).hex(), FIPS_BLOCK, "dda97ca4864cdfe06eaf70a0ec0d7191"),
    (AES256, bytes(range(32)).hex(), FIPS_BLOCK, "8ea2b7ca516745bfeafc49904b496089"),
    (TDES, "0123456789abcdef23456789abcdef01456789abcdef0123", "5468652071756663", "a826fd8ce53b855f"),
]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return new_card(tmp_path)


def set_key(host: Host, algorithm: int, key: bytes, p2: int = 0xFF) -> int:
    return host.sw(0xFF, 0xFF, p2, bytes([algorithm]) + tlv.encode(0x9B, key))


def ask(host: Host, algorithm: int, template: bytes, tag: int) -> bytes:
    return tlv.need(tlv.need(host.ok(0x87, algorithm, 0x9B, template), 0x7C), tag)


@pytest.mark.parametrize(("algorithm", "key", "clear", "encrypted"), VECTORS)
def test_the_card_proves_its_key_as_the_published_vectors_say(
    host: Host, algorithm: int, key: str, clear: str, encrypted: str
) -> None:
    secret = bytes.fromhex(key)
    assert set_key(host.admin(), algorithm, secret) == 0x9000
    other = host.reinsert()
    witness = decrypt(algorithm, secret, ask(other, algorithm, MUTUAL, 0x80))
    proof = tlv.encode(0x7C, tlv.encode_all([(0x80, witness), (0x81, bytes.fromhex(clear))]))
    assert ask(other, algorithm, proof, 0x82).hex() == encrypted
    assert other.put(CHUID, b"x") == 0x9000


@pytest.mark.parametrize(("algorithm", "key"), [(vector[0], vector[1]) for vector in VECTORS])
def test_the_host_alone_can_be_authenticated_too(host: Host, algorithm: int, key: str) -> None:
    secret = bytes.fromhex(key)
    set_key(host.admin(), algorithm, secret)
    other = host.reinsert()
    answer = encrypt(algorithm, secret, ask(other, algorithm, SINGLE, 0x81))
    assert other.sw(0x87, algorithm, 0x9B, tlv.encode(0x7C, tlv.encode(0x82, answer))) == 0x9000
    assert other.put(CHUID, b"x") == 0x9000


def test_triple_des_is_also_named_00(host: Host) -> None:
    assert host.authenticate(0x00) == 0x9000


def test_a_wrong_key_is_refused_and_ends_an_earlier_authentication(host: Host) -> None:
    host.admin()
    assert host.authenticate(TDES, bytes(range(24))) == 0x6982
    assert host.put(CHUID, b"x") == 0x6982
    challenge = ask(host, TDES, SINGLE, 0x81)
    wrong = tlv.encode(0x7C, tlv.encode(0x82, challenge))
    assert host.sw(0x87, TDES, 0x9B, wrong) == 0x6982


def test_a_challenge_serves_once(host: Host) -> None:
    answer = encrypt(TDES, FACTORY_KEY, ask(host, TDES, SINGLE, 0x81))
    response = tlv.encode(0x7C, tlv.encode(0x82, answer))
    assert host.sw(0x87, TDES, 0x9B, response) == 0x9000
    assert host.sw(0x87, TDES, 0x9B, response) == 0x6A80
    assert host.put(CHUID, b"x") == 0x6982


@pytest.mark.parametrize("template", ["", "7C00", "7C0482008100", "7C0A8208" + "00" * 8, "7D028100"])
def test_malformed_authentication_is_refused(host: Host, template: str) -> None:
    assert host.sw(0x87, TDES, 0x9B, bytes.fromhex(template)) == 0x6A80


def test_another_cipher_than_the_keys_is_refused(host: Host) -> None:
    assert host.sw(0x87, AES128, 0x9B, SINGLE) == 0x6A86


@pytest.mark.parametrize(
    ("firmware", "algorithm"),
    [((5, 4, 3), TDES), ((5, 6, 9), TDES), ((5, 7, 0), AES192), ((5, 7, 4), AES192)],
)
def test_the_factorys_key_is_that_of_the_firmware(
    tmp_path: Path, firmware: tuple[int, int, int], algorithm: int
) -> None:
    host = new_card(tmp_path, firmware=firmware)
    assert host.metadata(0x9B) == {1: bytes([algorithm]), 2: b"\x00\x01", 5: b"\x01"}
    assert host.authenticate(algorithm) == 0x9000


def test_a_new_management_key_replaces_the_old(host: Host) -> None:
    key = bytes(range(32))
    assert set_key(host.admin(), AES256, key, 0xFE) == 0x9000
    assert host.metadata(0x9B) == {1: b"\x0c", 2: b"\x00\x02", 5: b"\x00"}
    other = host.reinsert()
    assert other.authenticate(AES256, FACTORY_KEY + bytes(8)) == 0x6982
    assert other.authenticate(AES256, key) == 0x9000


@pytest.mark.parametrize(
    ("algorithm", "size", "p2", "sw"),
    [
        (AES128, 15, 0xFF, 0x6A80),
        (AES256, 24, 0xFF, 0x6A80),
        (TDES, 16, 0xFF, 0x6A80),
        (0x05, 24, 0xFF, 0x6A80),
        (TDES, 24, 0x00, 0x6A86),
    ],
)
def test_what_is_no_management_key_is_refused(
    host: Host, algorithm: int, size: int, p2: int, sw: int
) -> None:
    assert set_key(host.admin(), algorithm, bytes(size), p2) == sw
    assert host.reinsert().authenticate() == 0x9000


def test_only_the_administrator_writes(host: Host) -> None:
    host.verify()
    assert host.put(CHUID, b"x") == 0x6982
    assert host.sw(0x47, 0x00, 0x9A, request(P256)) == 0x6982
    assert host.sw(0xFE, P256, 0x9A, tlv.encode(0x06, bytes(31) + b"\x01")) == 0x6982
    assert set_key(host, TDES, bytes(24)) == 0x6982
    moving = new_card(host.card.path.parent, firmware=(5, 7, 0))
    assert moving.sw(0xF6, 0x82, 0x9A) == 0x6982


def test_a_blank_has_no_objects_but_those_of_its_kind(host: Host) -> None:
    for tag in range(0x5FC101, 0x5FC121):
        if tag not in (0x5FC103, 0x5FC108, PRINTED):
            assert host.get(tag) == (b"", 0x6A82)
    assert host.get(0x5FFF01)[1] == 0x9000


def test_the_discovery_object_names_application_and_pin(host: Host) -> None:
    assert host.get(0x7E) == (bytes.fromhex("7E124F0BA0000003080000100001005F2F024000"), 0x9000)


def test_objects_are_replaced_and_deleted(host: Host) -> None:
    host.admin()
    for value in (b"first", b"second"):
        assert host.put(CHUID, value) == 0x9000
        assert host.get(CHUID) == (value, 0x9000)
    assert host.put(CHUID, b"") == 0x9000
    assert host.get(CHUID) == (b"", 0x6A82)


def test_printed_information_is_read_with_the_pin_only(host: Host) -> None:
    host.admin().put(PRINTED, b"name")
    assert host.get(PRINTED) == (b"", 0x6982)
    host.verify()
    assert host.get(PRINTED) == (b"name", 0x9000)


@pytest.mark.parametrize("tag", [0x5FC100, 0x5FC124, 0x5FFF16, 0x7F6101])
def test_objects_that_do_not_exist_are_not_written(host: Host, tag: int) -> None:
    assert host.admin().put(tag, b"x") == 0x6A80
    assert host.get(tag) == (b"", 0x6A82)


def test_an_object_that_is_too_large_is_refused(host: Host) -> None:
    assert host.admin().put(CHUID, bytes(3063)) == 0x9000
    assert host.put(CHUID, bytes(3064)) == 0x6A84
    assert len(host.get(CHUID)[0]) == 3063


def test_version_and_serial_are_told(tmp_path: Path, host: Host) -> None:
    assert host.ok(0xFD, 0x00, 0x00) == bytes([5, 4, 3])
    assert host.ok(0xF8, 0x00, 0x00) == (12345678).to_bytes(4, "big")
    assert host.sw(0xF8, 0x01, 0x00) == 0x6A86
    assert new_card(tmp_path, serial=None).sw(0xF8, 0x00, 0x00) == 0x6D00
