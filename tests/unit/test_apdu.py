"""Commands cross the card edge whole, whatever their length, and no log shows a code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.wire.apdu import Command
from drivers.wire.transport import Chaining, Traffic

COMMANDS = st.builds(
    Command,
    cla=st.sampled_from([0x00, 0x10]),
    ins=st.integers(0, 255),
    p1=st.integers(0, 255),
    p2=st.integers(0, 255),
    data=st.binary(max_size=700),
    le=st.sampled_from([None, 0]),
)


class Recorded:
    """A card that answers from a list and remembers what it was sent."""

    def __init__(self, *answers: str) -> None:
        self.answers = [bytes.fromhex(answer) for answer in answers]
        self.seen: list[bytes] = []

    def transmit(self, apdu: bytes) -> tuple[bytes, int]:
        self.seen.append(apdu)
        answer = self.answers.pop(0)
        return answer[:-2], int.from_bytes(answer[-2:], "big")


@given(COMMANDS)
def test_a_command_is_read_as_it_was_written(command: Command) -> None:
    assert Command.parse(command.encode()) == command


def test_the_four_short_cases_of_iso_7816() -> None:
    assert Command(0, 0x20, 0, 0x80, b"", None).short() == bytes.fromhex("00200080")
    assert Command(0, 0xFD, 0, 0).short() == bytes.fromhex("00fd000000")
    assert Command(0, 0x20, 0, 0x80, b"12", None).short() == bytes.fromhex("00200080023132")
    assert Command(0, 0xA4, 4, 0, b"ab").short() == bytes.fromhex("00a4040002616200")


def test_what_does_not_fit_a_short_command_is_refused() -> None:
    with pytest.raises(ValueError, match="256 bytes"):
        Command(0, 0xDB, 0x3F, 0xFF, bytes(256)).short()
    with pytest.raises(ValueError, match="65536 bytes"):
        Command(0, 0xDB, 0x3F, 0xFF, bytes(65536)).encode()


@pytest.mark.parametrize("raw", ["00a4", "00a40400020a", "00a4040002616200ff", "00db3fff00010061"])
def test_a_malformed_command_is_refused(raw: str) -> None:
    with pytest.raises(ValueError, match=r"APDU|Lc"):
        Command.parse(bytes.fromhex(raw))


def test_a_long_command_leaves_as_a_chain() -> None:
    data = bytes(range(256)) * 2 + b"end"
    card = Recorded("9000", "9000", "6f6b9000")
    assert Chaining(card).transmit(Command(0, 0xDB, 0x3F, 0xFF, data).encode()) == (b"ok", 0x9000)
    links = [Command.parse(raw) for raw in card.seen]
    assert [link.cla for link in links] == [0x10, 0x10, 0x00]
    assert [link.le for link in links] == [None, None, 0]
    assert b"".join(link.data for link in links) == data


def test_a_chain_the_card_ends_is_not_sent_on() -> None:
    card = Recorded("6982")
    assert Chaining(card).transmit(Command(0, 0xDB, 0x3F, 0xFF, bytes(600)).encode()) == (b"", 0x6982)
    assert len(card.seen) == 1


def test_a_long_answer_is_fetched_to_its_end() -> None:
    card = Recorded("aa" * 256 + "6105", "bb" * 5 + "6102", "cc" * 2 + "9000")
    data, sw = Chaining(card).transmit(bytes.fromhex("00cb3fff00"))
    assert (data, sw) == (b"\xaa" * 256 + b"\xbb" * 5 + b"\xcc" * 2, 0x9000)
    assert card.seen[1:] == [bytes.fromhex("00c0000005"), bytes.fromhex("00c0000002")]


@pytest.mark.parametrize("command", ["00fd0000", "00fd000000", "00a4040002616200"])
def test_a_card_that_names_the_right_length_is_asked_for_it(command: str) -> None:
    card = Recorded("6c03", "0504039000")
    assert Chaining(card).transmit(bytes.fromhex(command)) == (b"\x05\x04\x03", 0x9000)
    assert card.seen[1][-1] == 3
    assert Command.parse(card.seen[1]).data == Command.parse(card.seen[0]).data


@pytest.mark.parametrize("ins", [0x20, 0x24, 0x2C, 0x87, 0xFE, 0xFF, 0x99])
def test_the_log_never_shows_the_bytes_of_secret_or_unknown_instructions(ins: int) -> None:
    lines: list[str] = []
    secret, answer = b"31415926", b"27182818"
    for cla in (0x10, 0x00):
        card = Recorded(answer.hex() + "6108", answer.hex() + "9000")
        Chaining(Traffic(card, lines.append)).transmit(Command(cla, ins, 0, 0x80, secret).short())
    text = "\n".join(lines)
    assert secret.hex() not in text
    assert answer.hex() not in text
    assert f"{ins:02x}" in text
    assert "9000" in text


def test_the_log_shows_harmless_exchanges_in_full() -> None:
    lines: list[str] = []
    Traffic(Recorded("0504039000"), lines.append).transmit(bytes.fromhex("00fd000000"))
    assert lines == ["> 00 fd 00 00 00", "< 050403 9000"]
