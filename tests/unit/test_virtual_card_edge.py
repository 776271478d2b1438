"""The card edge itself: selection, chaining, lengths, power, delays, the card's file."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from drivers.wire import tlv
from simulators.piv import card as card_module
from simulators.piv.card import Delays, VirtualCard
from simulators.piv.state import CardFileDamaged
from tests.unit.virtual_card_host import P256, RSA2048, Host, new_card, pad

APPLICATION = bytes.fromhex("61114F0600001000010079074F05A000000308")
CERTIFICATE_9A = 0x5FC105


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return new_card(tmp_path)


@pytest.fixture
def plain(tmp_path: Path) -> Host:
    return new_card(tmp_path, profile="plain", serial=None)


@pytest.mark.parametrize("aid", ["A000000308", "A00000030800001000", "A000000308000010000100"])
def test_piv_is_selected_by_its_full_or_shortened_name(host: Host, aid: str) -> None:
    assert host.send(0xA4, 0x04, 0x00, bytes.fromhex(aid)) == (APPLICATION, 0x9000)


@pytest.mark.parametrize("aid", ["", "A0000003", "A000000309", "A00000030800001000010000"])
def test_other_names_are_not_found_and_leave_the_session_alone(host: Host, aid: str) -> None:
    host.verify()
    assert host.sw(0xA4, 0x04, 0x00, bytes.fromhex(aid)) == 0x6A82
    assert host.pin_state() == 0x9000


def test_nothing_but_select_is_known_before_selection(host: Host) -> None:
    host.card.reset()
    assert host.pin_state() == 0x6D00
    assert host.sw(0xFD, 0x00, 0x00) == 0x6D00
    assert host.sw(0xA4, 0x00, 0x00, bytes.fromhex("3F00")) == 0x6A86


def test_selecting_piv_again_keeps_the_security_status(host: Host) -> None:
    host.verify()
    host.admin().select()
    assert host.pin_state() == 0x9000
    assert host.put(0x5FC102, b"x") == 0x9000


@pytest.mark.parametrize("way", ["power off", "power on", "reset", "other applet"])
def test_the_security_status_ends_with_the_session(host: Host, way: str) -> None:
    host.verify()
    host.admin()
    if way == "other applet":
        host.ok(0xA4, 0x04, 0x00, bytes.fromhex("A000000151000000"))
        assert host.pin_state() == 0x6D00
    else:
        getattr(host.card, way.replace(" ", "_"))()
    host.select()
    assert host.pin_state() == 0x63C3
    assert host.put(0x5FC102, b"x") == 0x6982


def test_three_kilobytes_go_in_by_chaining_and_out_by_get_response(host: Host) -> None:
    value = os.urandom(3000)
    assert host.admin().put(CERTIFICATE_9A, value) == 0x9000
    first, sw = host.raw("00CB3FFF055C035FC10500")
    assert (len(first), sw) == (256, 0x61FF)
    assert host.get(CERTIFICATE_9A) == (value, 0x9000)


def test_three_kilobytes_go_in_and_out_in_one_extended_apdu(host: Host) -> None:
    value = os.urandom(3000)
    data = tlv.encode_all([(0x5C, bytes.fromhex("5FC105")), (0x53, value)])
    assert host.admin().raw(bytes.fromhex("00DB3FFF00") + len(data).to_bytes(2, "big") + data) == (
        b"",
        0x9000,
    )
    answer = tlv.encode(0x53, value)
    assert host.raw("00CB3FFF0000055C035FC1050000") == (answer, 0x9000)
    assert host.raw("00CB3FFF0000055C035FC1050200") == (answer[:512], 0x61FF)


def test_get_response_tells_how_much_is_left_and_gives_what_le_asks(host: Host) -> None:
    host.admin().put(CERTIFICATE_9A, bytes(296))
    first, sw = host.raw("00CB3FFF055C035FC10500")
    assert (len(first), sw) == (256, 0x612C)
    second, sw = host.raw("00C0000010")
    assert (len(second), sw) == (16, 0x611C)
    assert host.raw("00C000001C") == (bytes(28), 0x9000)
    assert host.raw("00C0000000") == (b"", 0x6985)


@pytest.mark.parametrize("other", ["00FD000000", "0084000000", "10DB3FFF0100"])
def test_another_command_drops_what_was_left_to_fetch(host: Host, other: str) -> None:
    host.admin().put(CERTIFICATE_9A, bytes(600))
    host.raw("00CB3FFF055C035FC10500")
    host.raw(other)
    assert host.raw("00C0000000") == (b"", 0x6985)


def test_a_chain_that_another_command_breaks_is_forgotten(host: Host) -> None:
    host.admin()
    assert host.raw("10DB3FFF055C035FC102") == (b"", 0x9000)
    assert host.ok(0xFD, 0x00, 0x00) == bytes([5, 4, 3])
    assert host.raw("00DB3FFF035301AA") == (b"", 0x6A80)


def test_an_endless_chain_is_cut(host: Host) -> None:
    part = bytes.fromhex("10DB3FFFFF") + bytes(255)
    answers = {host.raw(part)[1] for _ in range(70)}
    assert answers == {0x9000, 0x6700}


@pytest.mark.parametrize(
    ("apdu", "sw"),
    [
        ("", 0x6700),
        ("00", 0x6700),
        ("002000", 0x6700),
        ("0020008008313233", 0x6700),
        ("00200080000008313233", 0x6700),
        ("0CCB3FFF055C035FC10500", 0x6882),
        ("80CB3FFF055C035FC10500", 0x6E00),
        ("01CB3FFF055C035FC10500", 0x6E00),
        ("0084000008", 0x6D00),
        ("0000000000", 0x6D00),
        ("00CB3FFE055C035FC10500", 0x6A86),
        ("00CB3FFF00", 0x6A80),
        ("00CB3FFF055C045FC10500", 0x6A80),
        ("00CB3FFF055D035FC10500", 0x6A80),
        ("00CB3FFF055C035FC17F00", 0x6A82),
        ("00A4040C05A000000308", 0x6A86),
    ],
)
def test_what_is_wrong_with_a_command_is_told_by_its_status_word(host: Host, apdu: str, sw: int) -> None:
    assert host.raw(apdu) == (b"", sw)


_apdus = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda cla, ins, p1, p2, data: bytes([cla, ins, p1, p2, len(data)]) + data,
        st.sampled_from([0x00, 0x10]),
        st.sampled_from([0x20, 0x24, 0x2C, 0x47, 0x87, 0xA4, 0xC0, 0xCB, 0xDB, *range(0xF5, 0x100)]),
        st.sampled_from([0x00, 0x04, 0x03, 0x11, 0x14, 0x3F, 0x9A, 0xFF]),
        st.sampled_from([0x00, 0x80, 0x81, 0x9A, 0x9B, 0x9C, 0xF9, 0xFF]),
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from([0x7C, 0xAC, 0x5C]).flatmap(
                lambda tag: st.lists(
                    st.tuples(st.sampled_from([0x06, 0x53, *range(0x80, 0x86), 0xAA]), st.binary(max_size=33))
                ).map(lambda pairs: tlv.encode(tag, tlv.encode_all(pairs))[:255])
            ),
        ),
    ),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(apdus=[b"\x10\xa4\x04\x00\x0b|\t\x81\x05\xdd(|\x93\xe9S\x00"])
@given(apdus=st.lists(_apdus, max_size=12))
def test_nothing_a_host_sends_makes_the_card_raise(host: Host, apdus: list[bytes]) -> None:
    host.card.reset()  # a chain that was begun last would be gone on with
    host.select().authenticate()
    for apdu in apdus:
        _, sw = host.raw(apdu)
        assert sw >> 8 in {0x61, 0x63, 0x67, 0x68, 0x69, 0x6A, 0x6D, 0x6E, 0x90}


def test_each_change_is_in_the_file_before_its_answer(host: Host) -> None:
    """Told by a second card object made from the file between every two APDUs."""

    def kept() -> Host:
        return host.reinsert()

    assert host.verify("000000") == 0x63C2
    assert kept().pin_state() == 0x63C2
    assert host.change(0x80, "123456", "654321") == 0x9000
    assert kept().verify("654321") == 0x9000
    public = host.admin().generate(0x9A, P256)
    assert kept().metadata(0x9A)[4][2:] == host.metadata(0x9A)[4][2:]
    assert public.public_numbers().x.to_bytes(32, "big") in kept().metadata(0x9A)[4]
    host.put(0x5FC102, b"chuid")
    assert kept().get(0x5FC102) == (b"chuid", 0x9000)
    host.ok(0xFF, 0xFF, 0xFF, bytes.fromhex("089B10") + bytes(range(16)))
    assert kept().authenticate(0x08, bytes(range(16))) == 0x9000


def test_a_card_that_changes_nothing_writes_nothing(host: Host) -> None:
    before = host.card.path.stat()
    host.verify()
    host.admin()
    host.get(0x5FC102)
    assert host.card.path.stat() == before


def test_the_file_is_its_owners_only_and_nothing_is_left_beside_it(host: Host) -> None:
    host.admin().generate(0x9A, P256)
    assert stat.S_IMODE(host.card.path.stat().st_mode) == 0o600
    names = {path.name for path in host.card.path.parent.iterdir()}
    assert names == {"root.pem", "root.key", "card-0.json"}


def test_a_card_that_cannot_write_its_file_says_so_and_forgets_the_change(host: Host) -> None:
    host.card.path.parent.joinpath(f".{host.card.path.name}.new").mkdir()
    assert host.change(0x80, "123456", "654321") == 0x6581
    assert host.verify() == 0x9000


def test_a_card_is_never_made_over_another(host: Host) -> None:
    with pytest.raises(FileExistsError):
        VirtualCard.create(host.card.path, root=None, serial=1)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"profile":"plain"}', b"\xff"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(content)
    with pytest.raises(CardFileDamaged):
        VirtualCard.load(path)


@pytest.mark.parametrize("wish", [{"firmware": (3, 5, 0)}, {"serial": 1 << 32}, {"serial": -1}])
def test_cards_that_never_were_are_not_made(tmp_path: Path, wish: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"firmware|serial"):
        new_card(tmp_path, **wish)


def test_delays_are_kept_with_the_card_and_awaited(tmp_path: Path) -> None:
    host = new_card(tmp_path, delays=Delays(apdu=0.01, p256=0.2)).admin()
    started = time.monotonic()
    host.reinsert().admin().generate(0x9A, P256)
    assert time.monotonic() - started >= 0.2 + 4 * 0.01


def test_each_profile_and_generation_answers_to_reset_as_its_own(tmp_path: Path, plain: Host) -> None:
    assert b"YubiKey" in new_card(tmp_path).card.atr
    assert b"Yubikey4" in new_card(tmp_path, firmware=(4, 3, 1)).card.atr
    assert bytes.fromhex("A000000308") in plain.card.atr
    for atr in (plain.card.atr, card_module.YUBIKEY_4_ATR, card_module.YUBIKEY_5_ATR):
        check = 0
        for byte in atr[1:]:
            check ^= byte
        assert check == 0, "TCK of ISO/IEC 7816-3, 8.2.5"


def test_a_plain_card_knows_no_extension(plain: Host) -> None:
    for ins in range(0xF0, 0x100):
        assert plain.sw(ins, 0x00, 0x00) == 0x6D00
    assert plain.admin().sw(0xFF, 0xFF, 0xFF, bytes.fromhex("039B18") + bytes(24)) == 0x6D00
    assert plain.sw(0x47, 0x00, 0x9A, bytes.fromhex("AC06800111AA0101")) == 0x6A80
    assert plain.put(0x5FFF01, b"x") == 0x6A80


def test_a_plain_card_does_all_the_standard_asks(plain: Host) -> None:
    plain.admin().generate(0x9A, P256)
    assert plain.put(0x5FC102, b"chuid") == 0x9000
    assert plain.get(0x5FC102) == (b"chuid", 0x9000)
    assert plain.verify() == 0x9000
    assert plain.use(0x9A, P256, bytes(32))[1] == 0x9000
    plain.block(0x80)
    assert plain.unblock("12345678", "112233") == 0x9000
    assert plain.verify("112233") == 0x9000


def test_a_plain_card_takes_digits_only_for_a_pin(plain: Host, host: Host) -> None:
    assert plain.change(0x80, "123456", "abcdef") == 0x6A80
    assert plain.pin_state() == 0x63C3
    assert host.change(0x80, "123456", "abcdef") == 0x9000


def test_extensions_came_with_their_firmware(tmp_path: Path) -> None:
    old = new_card(tmp_path, firmware=(4, 3, 1)).admin()
    assert old.ok(0xFD, 0x00, 0x00) == bytes([4, 3, 1])
    assert old.sw(0xF8, 0x00, 0x00) == 0x6D00
    assert old.sw(0xF7, 0x00, 0x80) == 0x6D00
    assert old.sw(0xFF, 0xFF, 0xFF, bytes.fromhex("089B10") + bytes(16)) == 0x6A80
    assert old.sw(0xF6, 0xFF, 0x9A) == 0x6D00
    assert old.sw(0xF9, 0x9A, 0x00) == 0x6A88
    assert old.generate_rsa(0x9A, RSA2048).key_size == 2048, "ROCA: it is the host's to refuse"
    oldest = new_card(tmp_path, firmware=(4, 2, 0))
    assert oldest.sw(0xF9, 0x9A, 0x00) == 0x6D00
    assert oldest.sw(0x20, 0x00, 0x80, pad("123456")) == 0x9000
