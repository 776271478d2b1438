"""Key pairs of the virtual card: generation, signatures, agreement, PIN policies, import, move."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from drivers.wire import tlv
from tests.unit.virtual_card_host import P256, P384, RSA2048, RSA3072, Host, new_card, request

SLOTS = [0x9A, 0x9C, 0x9D, 0x9E, 0x82, 0x95]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return new_card(tmp_path)


@pytest.fixture
def newer(tmp_path: Path) -> Host:
    host = new_card(tmp_path, firmware=(5, 7, 1))
    assert host.authenticate(0x0A) == 0x9000
    return host


def pkcs1_block(message: bytes, size: int) -> bytes:
    info = bytes.fromhex("3031300D060960864801650304020105000420") + hashlib.sha256(message).digest()
    return b"\x00\x01" + b"\xff" * (size - 3 - len(info)) + b"\x00" + info


def scalar(value: str) -> bytes:
    return tlv.encode(0x06, bytes.fromhex(value))


@pytest.mark.parametrize("slot", SLOTS)
def test_a_generated_p256_key_signs_what_its_public_key_verifies(host: Host, slot: int) -> None:
    public = host.admin().generate(slot, P256)
    host.verify()
    signature, sw = host.use(slot, P256, hashlib.sha256(b"order").digest())
    assert sw == 0x9000
    public.verify(signature, b"order", ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        public.verify(signature, b"other", ec.ECDSA(hashes.SHA256()))


def test_a_p384_key_signs_long_and_short_digests(host: Host) -> None:
    public = host.admin().generate(0x9A, P384)
    host.verify()
    long, _ = host.use(0x9A, P384, hashlib.sha384(b"order").digest())
    public.verify(long, b"order", ec.ECDSA(hashes.SHA384()))
    short, _ = host.use(0x9A, P384, hashlib.sha256(b"order").digest())
    public.verify(short, b"order", ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(("algorithm", "bits"), [(RSA2048, 2048), (RSA3072, 3072)])
def test_rsa_works_on_blocks_the_host_has_padded(newer: Host, algorithm: int, bits: int) -> None:
    public = newer.generate_rsa(0x9A, algorithm)
    assert public.key_size == bits
    newer.verify()
    signature, sw = newer.use(0x9A, algorithm, pkcs1_block(b"order", bits // 8))
    assert (len(signature), sw) == (bits // 8, 0x9000)
    public.verify(signature, b"order", padding.PKCS1v15(), hashes.SHA256())
    encrypted = public.encrypt(b"session key", padding.PKCS1v15())
    block, _ = newer.use(0x9A, algorithm, encrypted)
    assert block.endswith(b"\x00session key")


def test_a_pss_block_padded_by_the_host_verifies(host: Host) -> None:
    public = host.admin().generate_rsa(0x9A, RSA2048)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    other = rsa.generate_private_key(65537, 2048)
    # A signature by any key, opened by its public half, is the padded block.
    numbers = other.public_key().public_numbers()
    signed = other.sign(b"order", pss, hashes.SHA256())
    block = pow(int.from_bytes(signed, "big"), 65537, numbers.n).to_bytes(256, "big")
    host.verify()
    public.verify(host.use(0x9A, RSA2048, block)[0], b"order", pss, hashes.SHA256())


def test_agreement_follows_the_published_vector(host: Host) -> None:
    """NIST CAVP, KAS ECC CDH primitive, P-256, COUNT = 0."""
    private = "7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534"
    x = "700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287"
    y = "db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac"
    secret = "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b"
    host.admin().ok(0xFE, P256, 0x9D, scalar(private))
    host.verify()
    assert host.use(0x9D, P256, bytes.fromhex("04" + x + y), tag=0x85) == (bytes.fromhex(secret), 0x9000)


@pytest.mark.parametrize("algorithm", [P256, P384])
def test_both_sides_agree_on_the_same_secret(host: Host, algorithm: int) -> None:
    public = host.admin().generate(0x9D, algorithm)
    peer = ec.generate_private_key(public.curve)
    point = peer.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    host.verify()
    assert host.use(0x9D, algorithm, point, tag=0x85) == (peer.exchange(ec.ECDH(), public), 0x9000)


def test_an_imported_key_signs_as_the_published_public_key_verifies(host: Host) -> None:
    """The P-256 key of RFC 6979, A.2.5."""
    x = 0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6
    y = 0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299
    private = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721"
    assert host.admin().sw(0xFE, P256, 0x9A, scalar(private)) == 0x9000
    host.verify()
    signature, _ = host.use(0x9A, P256, hashlib.sha256(b"sample").digest())
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    public.verify(signature, b"sample", ec.ECDSA(hashes.SHA256()))
    assert host.metadata(0x9A)[3] == b"\x02", "imported"


def test_an_imported_rsa_key_signs(host: Host) -> None:
    key = rsa.generate_private_key(65537, 2048)
    numbers = key.private_numbers()
    primes = tlv.encode_all([(0x01, numbers.p.to_bytes(128, "big")), (0x02, numbers.q.to_bytes(128, "big"))])
    assert host.admin().sw(0xFE, RSA2048, 0x9A, primes) == 0x9000
    host.verify()
    expected = key.sign(b"order", padding.PKCS1v15(), hashes.SHA256())
    assert host.use(0x9A, RSA2048, pkcs1_block(b"order", 256)) == (expected, 0x9000)


@pytest.mark.parametrize(
    ("algorithm", "slot", "data", "sw"),
    [
        (P256, 0x9B, scalar("01"), 0x6A86),
        (0x06, 0x9A, scalar("01"), 0x6A86),
        (P256, 0x9A, scalar("00"), 0x6A80),
        (P256, 0x9A, scalar("FF" * 32), 0x6A80),
        (P256, 0x9A, b"", 0x6A80),
        (RSA2048, 0x9A, tlv.encode_all([(1, b"\x0b"), (2, b"\x0d")]), 0x6A80),
        (RSA2048, 0x9A, tlv.encode_all([(1, b"\x01"), (2, b"\xff" * 256)]), 0x6A80),
        (RSA2048, 0x9A, tlv.encode_all([(1, b"\xff" * 128), (2, b"\xff" * 128)]), 0x6A80),
    ],
)
def test_what_is_no_key_is_not_imported(host: Host, algorithm: int, slot: int, data: bytes, sw: int) -> None:
    assert host.admin().sw(0xFE, algorithm, slot, data) == sw


@pytest.mark.parametrize(
    ("p1", "slot", "template", "sw"),
    [
        (0x01, 0x9A, request(P256), 0x6A86),
        (0x00, 0x9B, request(P256), 0x6A86),
        (0x00, 0x96, request(P256), 0x6A86),
        (0x00, 0x9A, request(0x06), 0x6A80),
        (0x00, 0x9A, request(RSA3072), 0x6A80),
        (0x00, 0x9A, request(P256, "AA0104"), 0x6A80),
        (0x00, 0x9A, request(P256, "AB0104"), 0x6A80),
        (0x00, 0x9A, b"\xac\x00", 0x6A80),
        (0x00, 0x9A, b"", 0x6A80),
    ],
)
def test_what_cannot_be_generated_is_refused_and_the_old_key_stays(
    host: Host, p1: int, slot: int, template: bytes, sw: int
) -> None:
    host.admin().generate(0x9A, P256)
    before = host.metadata(0x9A)
    assert host.sw(0x47, p1, slot, template) == sw
    assert host.metadata(0x9A) == before


def test_rsa_3072_came_with_firmware_5_7_and_is_standard_elsewhere(tmp_path: Path, newer: Host) -> None:
    assert newer.generate_rsa(0x9A, RSA3072).key_size == 3072
    plain = new_card(tmp_path, profile="plain", serial=None)
    assert plain.admin().generate_rsa(0x9A, RSA3072).key_size == 3072


def test_generating_again_replaces_the_key(host: Host) -> None:
    first = host.admin().generate(0x9A, P256)
    second = host.generate(0x9A, P256)
    assert first != second
    host.verify()
    signature, _ = host.use(0x9A, P256, hashlib.sha256(b"x").digest())
    second.verify(signature, b"x", ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(
    ("slot", "algorithm", "data", "tag", "sw"),
    [
        (0x9A, P256, bytes(33), 0x81, 0x6A80),
        (0x9A, P256, b"", 0x81, 0x6A80),
        (0x9A, P256, bytes(32), 0x83, 0x6A80),
        (0x9A, P256, b"\x04" + bytes(64), 0x85, 0x6A80),
        (0x9A, P384, bytes(32), 0x81, 0x6A86),
        (0x9C, P256, bytes(32), 0x81, 0x6A80),
        (0xF9, P256, bytes(32), 0x81, 0x6A86),
        (0x9D, RSA2048, bytes(255), 0x81, 0x6A80),
        (0x9D, RSA2048, b"\xff" * 256, 0x81, 0x6A80),
        (0x9D, RSA2048, bytes(65), 0x85, 0x6A80),
    ],
)
def test_what_a_key_cannot_work_on_is_refused(
    host: Host, slot: int, algorithm: int, data: bytes, tag: int, sw: int
) -> None:
    host.admin().generate(0x9A, P256)
    if slot == 0x9D:
        host.generate_rsa(0x9D, RSA2048)
    host.verify()
    assert host.use(slot, algorithm, data, tag) == (b"", sw)


def test_a_once_key_works_for_the_session_after_one_verify(host: Host) -> None:
    host.admin().generate(0x9A, P256)
    assert host.use(0x9A, P256, bytes(32))[1] == 0x6982
    host.verify()
    assert [host.use(0x9A, P256, bytes(32))[1] for _ in range(3)] == [0x9000] * 3


def test_the_signature_key_wants_a_verify_right_before_each_signature(host: Host) -> None:
    host.admin().generate(0x9C, P256)
    host.verify()
    assert [host.use(0x9C, P256, bytes(32))[1] for _ in range(2)] == [0x9000, 0x6982]
    host.verify()
    host.get(0x7E)
    assert host.use(0x9C, P256, bytes(32))[1] == 0x6982, "another command lay between"
    host.verify()
    assert host.pin_state() == 0x9000
    assert host.use(0x9C, P256, bytes(32))[1] == 0x9000


def test_a_chained_signature_is_one_command_after_verify(host: Host) -> None:
    public = host.admin().generate_rsa(0x9C, RSA2048)
    host.verify()
    signature, sw = host.use(0x9C, RSA2048, pkcs1_block(b"order", 256))
    assert sw == 0x9000
    public.verify(signature, b"order", padding.PKCS1v15(), hashes.SHA256())


def test_the_card_authentication_key_wants_no_pin(host: Host) -> None:
    host.admin().generate(0x9E, P256)
    assert host.use(0x9E, P256, bytes(32))[1] == 0x9000


@pytest.mark.parametrize(
    ("policy", "before", "once", "twice"),
    [("00", 0x6982, 0x9000, 0x6982), ("01", 0x9000, 0x9000, 0x9000), ("02", 0x6982, 0x9000, 0x9000)],
)
def test_a_pin_policy_asked_for_at_generation_is_honoured(
    host: Host, policy: str, before: int, once: int, twice: int
) -> None:
    host.admin().generate(0x9C, P256, f"AA01{policy}")
    assert host.use(0x9C, P256, bytes(32))[1] == before
    host.verify()
    assert host.use(0x9C, P256, bytes(32))[1] == once
    assert host.use(0x9C, P256, bytes(32))[1] == twice


@pytest.mark.parametrize(
    ("slot", "policies", "told"),
    [
        (0x9A, "", "0201"),
        (0x9C, "", "0301"),
        (0x9E, "", "0101"),
        (0x9A, "AA0103AB0102", "0302"),
        (0x9D, "AB0103", "0203"),
    ],
)
def test_metadata_tells_type_policies_origin_and_public_key(
    host: Host, slot: int, policies: str, told: str
) -> None:
    public = host.admin().generate(slot, P256, policies)
    point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    expected = {1: bytes([P256]), 2: bytes.fromhex(told), 3: b"\x01", 4: tlv.encode(0x86, point)}
    assert host.metadata(slot) == expected
    assert host.reinsert().metadata(slot) == expected


def test_metadata_of_nothing_is_not_found(host: Host) -> None:
    assert [host.sw(0xF7, 0x00, slot) for slot in (0x9A, 0x96, 0x00)] == [0x6A88] * 3
    assert host.sw(0xF7, 0x01, 0x80) == 0x6A86


def test_a_moved_key_works_where_it_went(newer: Host) -> None:
    public = newer.generate(0x9A, P256)
    assert newer.sw(0xF6, 0x82, 0x9A) == 0x9000
    newer.verify()
    assert newer.use(0x9A, P256, bytes(32))[1] == 0x6A80
    digest = os.urandom(32)
    signature, _ = newer.use(0x82, P256, digest)
    public.verify(signature, digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))


def test_a_deleted_key_is_gone(newer: Host) -> None:
    newer.generate(0x9A, P256)
    assert newer.sw(0xF6, 0xFF, 0x9A) == 0x9000
    assert newer.sw(0xF7, 0x00, 0x9A) == 0x6A88
    assert newer.sw(0xF6, 0xFF, 0x9A) == 0x6A88


@pytest.mark.parametrize(
    ("target", "source"), [(0x9A, 0x9A), (0xF9, 0x9A), (0x9A, 0xF9), (0x9B, 0x9A), (0xFF, 0x9B)]
)
def test_moves_that_make_no_sense_are_refused(newer: Host, target: int, source: int) -> None:
    newer.generate(0x9A, P256)
    assert newer.sw(0xF6, target, source) == 0x6A86
