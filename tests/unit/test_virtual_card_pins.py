"""PIN and PUK of the virtual card: counters, blocking, unblocking, tries, reset."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.virtual_card_host import P256, PIN, PUK, Host, new_card, pad

WRONG = "999999"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return new_card(tmp_path)


def test_an_empty_verify_tells_the_tries_and_spends_none(host: Host) -> None:
    assert [host.pin_state() for _ in range(5)] == [0x63C3] * 5
    host.verify()
    assert host.pin_state() == 0x9000


def test_wrong_pins_count_down_to_blocked_and_the_right_one_is_too_late(host: Host) -> None:
    assert [host.verify(WRONG) for _ in range(4)] == [0x63C2, 0x63C1, 0x63C0, 0x6983]
    assert host.verify() == 0x6983
    assert host.pin_state() == 0x6983
    assert host.change(0x80, PIN, "654321") == 0x6983


def test_the_right_pin_restores_the_counter(host: Host) -> None:
    host.verify(WRONG)
    host.verify(WRONG)
    assert host.verify() == 0x9000
    assert host.verify(WRONG) == 0x63C2


def test_a_wrong_pin_ends_the_verified_state(host: Host) -> None:
    host.verify()
    host.verify(WRONG)
    assert host.pin_state() == 0x63C2


def test_verify_with_p1_ff_logs_out_and_spends_nothing(host: Host) -> None:
    host.verify()
    assert host.sw(0x20, 0xFF, 0x80) == 0x9000
    assert host.pin_state() == 0x63C3
    assert host.sw(0x20, 0xFF, 0x80, pad(PIN)) == 0x6A80


@pytest.mark.parametrize(
    ("p1", "p2", "data", "sw"),
    [
        (0x00, 0x81, pad(PUK), 0x6A88),
        (0x00, 0x00, pad(PIN), 0x6A88),
        (0x01, 0x80, pad(PIN), 0x6A86),
        (0x00, 0x80, PIN.encode(), 0x6A80),
    ],
)
def test_malformed_verify_spends_no_try(host: Host, p1: int, p2: int, data: bytes, sw: int) -> None:
    assert host.sw(0x20, p1, p2, data) == sw
    assert host.pin_state() == 0x63C3


def test_a_changed_pin_replaces_the_old_one(host: Host) -> None:
    assert host.change(0x80, PIN, "654321") == 0x9000
    assert host.verify(PIN) == 0x63C2
    assert host.verify("654321") == 0x9000


def test_changing_with_a_wrong_old_code_spends_a_try(host: Host) -> None:
    assert host.change(0x80, WRONG, "654321") == 0x63C2
    assert host.change(0x81, WRONG, "87654321") == 0x63C2
    assert host.verify() == 0x9000


@pytest.mark.parametrize("new", ["", "12345"])
def test_a_new_code_that_is_too_short_is_refused_and_the_old_one_stays(host: Host, new: str) -> None:
    assert host.change(0x80, PIN, new) == 0x6A80
    assert host.change(0x81, PUK, new) == 0x6A80
    assert host.sw(0x24, 0x00, 0x80, pad(PIN)) == 0x6A80
    assert host.verify() == 0x9000
    assert host.change(0x81, PUK, PUK) == 0x9000


@pytest.mark.parametrize(("p1", "p2", "sw"), [(0x01, 0x80, 0x6A86), (0x00, 0x82, 0x6A88)])
def test_changing_what_is_no_code_is_refused(host: Host, p1: int, p2: int, sw: int) -> None:
    assert host.sw(0x24, p1, p2, pad(PIN) * 2) == sw


def test_the_puk_unblocks_the_pin(host: Host) -> None:
    host.block(0x80)
    assert host.unblock(PUK, "112233") == 0x9000
    assert host.pin_state() == 0x63C3
    assert host.verify("112233") == 0x9000


def test_a_wrong_puk_counts_down_to_blocked_in_either_command(host: Host) -> None:
    assert host.unblock(WRONG, "112233") == 0x63C2
    assert host.change(0x81, WRONG, "87654321") == 0x63C1
    assert host.unblock(WRONG, "112233") == 0x63C0
    assert host.unblock(PUK, "112233") == 0x6983
    assert host.change(0x81, PUK, "87654321") == 0x6983
    assert host.verify() == 0x9000


def test_a_right_puk_restores_its_counter(host: Host) -> None:
    host.unblock(WRONG, "112233")
    host.unblock(PUK, "112233")
    assert host.metadata(0x81)[6] == b"\x03\x03"


@pytest.mark.parametrize(("p1", "p2", "sw"), [(0x01, 0x80, 0x6A86), (0x00, 0x81, 0x6A88)])
def test_only_the_pin_can_be_unblocked(host: Host, p1: int, p2: int, sw: int) -> None:
    assert host.sw(0x2C, p1, p2, pad(PUK) + pad(PIN)) == sw


def test_set_retries_needs_both_the_management_key_and_the_pin(host: Host) -> None:
    assert host.sw(0xFA, 5, 6) == 0x6982
    host.verify()
    assert host.sw(0xFA, 5, 6) == 0x6982
    host.admin()
    host.sw(0x20, 0xFF, 0x80)
    assert host.sw(0xFA, 5, 6) == 0x6982


def test_set_retries_puts_both_codes_back_to_the_factorys(host: Host) -> None:
    host.change(0x80, PIN, "654321")
    host.change(0x81, PUK, "87654321")
    host.verify("654321")
    assert host.admin().sw(0xFA, 5, 20) == 0x9000
    assert host.pin_state() == 0x63C5
    assert host.metadata(0x80) == {1: b"\xff", 5: b"\x01", 6: b"\x05\x05"}
    assert host.metadata(0x81) == {1: b"\xff", 5: b"\x01", 6: b"\x14\x14"}
    assert host.verify() == 0x9000
    assert host.unblock(WRONG, PIN) == 0x63CF, "63CX tells no more than fifteen"
    assert host.unblock(PUK, PIN) == 0x9000
    assert host.sw(0xFA, 0, 3) == 0x6A86


def test_metadata_tells_tries_and_whether_the_factorys_code_is_in_force(host: Host) -> None:
    assert host.metadata(0x80) == {1: b"\xff", 5: b"\x01", 6: b"\x03\x03"}
    host.verify(WRONG)
    assert host.metadata(0x80)[6] == b"\x03\x02"
    host.change(0x80, PIN, "654321")
    host.change(0x81, PUK, "87654321")
    assert host.metadata(0x80)[5] == host.metadata(0x81)[5] == b"\x00"


@pytest.mark.parametrize("blocked", [(), (0x80,), (0x81,)])
def test_reset_is_refused_unless_pin_and_puk_are_both_blocked(host: Host, blocked: tuple[int, ...]) -> None:
    host.block(*blocked)
    assert host.admin().sw(0xFB, 0x00, 0x00) == 0x6985


def test_reset_makes_the_card_factory_new_but_keeps_its_attestation_key(host: Host) -> None:
    attestation = host.get(0x5FFF01)
    host.admin().generate(0x9A, P256)
    host.put(0x5FC102, b"chuid")
    host.ok(0xFF, 0xFF, 0xFF, bytes.fromhex("0C9B20") + bytes(32))
    host.block(0x80, 0x81)
    assert host.sw(0xFB, 0x00, 0x01) == 0x6A86
    assert host.sw(0xFB, 0x00, 0x00) == 0x9000
    assert host.put(0x5FC102, b"x") == 0x6982, "the management key's authentication ends too"
    assert host.metadata(0x80) == {1: b"\xff", 5: b"\x01", 6: b"\x03\x03"}
    assert host.metadata(0x9B)[5] == b"\x01"
    assert host.sw(0xF7, 0x00, 0x9A) == 0x6A88
    assert host.get(0x5FC102) == (b"", 0x6A82)
    assert host.get(0x5FFF01) == attestation
    assert attestation[1] == 0x9000
    host.admin().generate(0x9A, P256)
    host.ok(0xF9, 0x9A, 0x00)


def test_a_blocked_card_stays_blocked_in_another_reader(host: Host) -> None:
    host.block(0x80, 0x81)
    other = host.reinsert()
    assert other.verify() == 0x6983
    assert other.unblock(PUK, PIN) == 0x6983
