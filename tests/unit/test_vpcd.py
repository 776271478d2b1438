"""The card's end of the vpcd protocol, against a reader of a few lines."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from simulators.bench import vpcd

ATR = bytes.fromhex("3B800181")


class Echo:
    """A card that answers each APDU with itself and 9000, and writes down what was done to it."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @property
    def atr(self) -> bytes:
        return ATR

    def power_on(self) -> None:
        self.seen.append("on")

    def power_off(self) -> None:
        self.seen.append("off")

    def reset(self) -> None:
        self.seen.append("reset")

    def transmit(self, apdu: bytes) -> bytes:
        self.seen.append(apdu[:4].hex())
        return apdu + b"\x90\x00"


class Reader:
    """What the reader driver does: a length, a message, and an answer where one is due."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link

    def tell(self, message: bytes) -> None:
        self.link.sendall(len(message).to_bytes(2, "big") + message)

    def ask(self, message: bytes) -> bytes:
        self.tell(message)
        with self.link.makefile("rb") as answers:
            size = int.from_bytes(answers.read(2), "big")
            return answers.read(size)


@pytest.fixture
def card() -> Echo:
    return Echo()


@pytest.fixture
def reader(card: Echo) -> Iterator[Reader]:
    """A reader with `card` in it, connected over TCP as vpcd is."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        link = socket.socket()
        vpcd.connect(link, server.getsockname()[1])
        ours, _ = server.accept()
    ours.settimeout(10)
    serving = threading.Thread(target=vpcd.serve, args=(card, link))
    serving.start()
    with ours, link:
        yield Reader(ours)
        ours.close()
        serving.join(10)
        assert not serving.is_alive(), "the card ends when the reader hangs up"


def test_only_the_question_for_the_atr_is_answered_among_the_controls(reader: Reader, card: Echo) -> None:
    reader.tell(b"\x01")
    reader.tell(b"\x02")
    reader.tell(b"\x00")

    assert reader.ask(b"\x04") == ATR
    assert card.seen == ["on", "reset", "off"]


def test_an_apdu_is_answered_by_the_card(reader: Reader, card: Echo) -> None:
    assert reader.ask(bytes.fromhex("00A40400")) == bytes.fromhex("00A404009000")
    assert card.seen == ["00a40400"]


def test_a_long_apdu_arrives_whole_however_it_is_cut(reader: Reader) -> None:
    message = bytes(range(256)) * 200
    framed = len(message).to_bytes(2, "big") + message
    for part in (framed[:1], framed[1:3], framed[3:30_000]):
        reader.link.sendall(part)
    reader.link.sendall(framed[30_000:])

    with reader.link.makefile("rb") as answers:
        assert answers.read(2) == (len(message) + 2).to_bytes(2, "big")
        assert answers.read(len(message) + 2) == message + b"\x90\x00"


def test_a_message_that_wants_no_answer_does_not_hold_up_the_next(reader: Reader) -> None:
    begun = time.monotonic()
    for _ in range(100):
        reader.tell(b"\x02")
        reader.ask(b"\x04")

    # vpcd leaves Nagle's algorithm on, so each would wait 40 ms for a delayed acknowledgement of the first.
    assert time.monotonic() - begun < 2


def test_a_card_loses_its_power_when_the_reader_hangs_up(card: Echo) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.sendall(b"\x00\x01\x01")
        ours.close()
        vpcd.serve(card, theirs)

    assert card.seen == ["on", "off"]


def test_a_card_pulled_in_the_middle_of_a_message_just_ends(card: Echo) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.sendall(b"\x00\x05\x00\xa4")
        ours.close()
        vpcd.serve(card, theirs)

    assert card.seen == ["off"]
