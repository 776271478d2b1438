"""Whatever a card answers ends in an error of ours or in success, after few exchanges and few tries."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.errors import DeviceFailed, DriverError
from drivers.piv import objects
from drivers.piv.applet import Applet
from drivers.piv.ids import Ins, Ref
from drivers.piv.session import PivSession
from drivers.wire import tlv
from drivers.wire.apdu import Command
from drivers.wire.transport import LONGEST_ANSWER, Chaining
from simulators.piv.card import AttestationRoot, VirtualCard
from tests.unit.hostile_cards import ANSWERS, MOST_EXCHANGES, Anything, Spoil, Spoilt, refusals, spoils


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> AttestationRoot:
    return AttestationRoot.create(tmp_path_factory.mktemp("root") / "root.pem")


@settings(max_examples=150)
@given(st.lists(ANSWERS, min_size=1, max_size=12))
def test_a_card_may_answer_anything(answers: list[tuple[bytes, int]]) -> None:
    card = Anything(answers)
    try:
        token = PivSession(Chaining(card), "seat 1")
    except DriverError:
        return
    for name, refused in refusals(token):
        assert refused is None or str(refused), name
    assert card.sent < 40 * MOST_EXCHANGES


@settings(max_examples=60)
@given(
    st.dictionaries(st.integers(0, 90), spoils(), min_size=1, max_size=6),
    st.sampled_from([(5, 4, 3), (4, 3, 5), None]),
)
def test_a_card_may_lie_now_and_then(
    root: AttestationRoot, spoilt: dict[int, Spoil], firmware: tuple[int, int, int] | None
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        extended = firmware is not None
        card = VirtualCard.create(
            Path(directory) / "card",
            root=root if extended else None,
            serial=1001 if extended else None,
            firmware=firmware or (5, 4, 3),
            profile="yubikey" if extended else "plain",
        )
        wire = Spoilt(card, spoilt)
        try:
            token = PivSession(Chaining(wire), "seat 1", roots=(root.certificate,))
        except DriverError:
            return
        before: dict[tuple[int, int], int] = {}
        for name, _ in refusals(token):
            for at, tries in wire.wrong.items():
                assert tries - before.get(at, 0) <= 2, f"{name} spends {tries} tries at {at}"
            before = dict(wire.wrong)
        assert wire.sent < MOST_EXCHANGES


class TestAnswersWithoutEnd:
    @pytest.mark.parametrize("data", [b"", b"\0", bytes(256)])
    def test_are_cut_off(self, data: bytes) -> None:
        card = Anything([(data, 0x6100)])
        with pytest.raises(DeviceFailed, match="seat 1: the card's answer does not end"):
            Chaining(card, "seat 1").transmit(bytes.fromhex("00cb3fff00"))
        assert card.sent < MOST_EXCHANGES

    def test_the_longest_is_taken_whole(self) -> None:
        class Long:
            left = LONGEST_ANSWER

            def transmit(self, apdu: bytes) -> tuple[bytes, int]:
                self.left -= 256
                return bytes(256), 0x6100 if self.left else 0x9000

        data, sw = Chaining(Long()).transmit(bytes.fromhex("00cb3fff00"))
        assert (len(data), sw) == (LONGEST_ANSWER, 0x9000)


class TestNoTryIsSpentTwice:
    @pytest.mark.parametrize("ins", [Ins.VERIFY, Ins.CHANGE_REFERENCE_DATA, Ins.PUT_DATA])
    def test_a_wrong_length_does_not_have_a_code_sent_again(self, ins: Ins) -> None:
        card = Anything([(b"", 0x6C08)])
        sent = Command(0, ins, 0, Ref.PIN, b"12345678", None).encode()
        assert Chaining(card).transmit(sent) == (b"", 0x6C08)
        assert card.sent == 1


class TestKeysAndNames:
    @pytest.mark.parametrize(
        ("bits", "exponent"), [(512, b"\3"), (2040, b"\1\0\1"), (2048, b"\1" + bytes(40))]
    )
    def test_a_key_smaller_than_asked_for_is_none(self, bits: int, exponent: bytes) -> None:
        modulus = ((1 << bits) - 1).to_bytes(bits // 8, "big")
        made = tlv.encode(0x7F49, tlv.encode_all([(0x81, modulus), (0x82, exponent)]))
        with pytest.raises(DeviceFailed, match="GENERATE is malformed"):
            Applet(Anything([(made, 0x9000)]), "seat 1").generate(Ref.KEY_MANAGEMENT, 0x07, b"")

    @pytest.mark.parametrize("guid", [b"", bytes(16), b"\1" * 15, b"\1" * 3000])
    def test_a_guid_of_another_length_is_no_serial(self, guid: bytes) -> None:
        assert objects.guid(tlv.encode(0x34, guid)) is None
