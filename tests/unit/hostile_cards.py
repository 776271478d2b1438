"""Cards that answer what nobody expects: anything at all, or a faithful card's answers spoilt on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from drivers.errors import DriverError
from drivers.piv.ids import FACTORY, Ins
from drivers.piv.session import PivSession
from drivers.tokens import Algorithm, Code, Initialisation, KeySpec, PinPolicy, SignatureScheme
from drivers.wire import tlv
from drivers.wire.apdu import Command, StatusWord
from simulators.piv.card import VirtualCard
from tests.unit.piv_cards import GUID, NEW, WRONG

MOST_EXCHANGES = 1_000
"""For all of a lane's steps; a faithful card needs some 80."""

Answer = tuple[bytes, int]
Spoil = Callable[[Answer], Answer]
Step = tuple[str, Callable[[PivSession], object]]

KEY = KeySpec("9a", Algorithm.P256, "authentication")
SIGNATURE = KeySpec("9c", Algorithm.P256, "signature", pin_policy=PinPolicy.ALWAYS)
RSA = KeySpec("9d", Algorithm.RSA2048, "key management")

STATUS_WORDS = st.one_of(st.sampled_from(list(StatusWord)).map(int), st.integers(0, 0xFFFF))

TAGS = st.sampled_from(
    [0x01, 0x02, 0x04, 0x05, 0x06, 0x34, 0x53, 0x70, 0x71, 0x7C, 0x7F49, 0x80, 0x81, 0x82, 0x86]
)
TEMPLATES = st.recursive(
    st.binary(max_size=40),
    lambda inner: st.lists(st.tuples(TAGS, inner), max_size=4).map(tlv.encode_all),
    max_leaves=8,
)
ANSWERS = st.tuples(st.one_of(TEMPLATES, st.binary(max_size=80)), STATUS_WORDS)


@dataclass
class Anything:
    """A card that gives these answers in turn, whatever it is asked; selecting PIV succeeds."""

    answers: Sequence[Answer]
    sent: int = 0

    def transmit(self, apdu: bytes) -> Answer:
        self.sent += 1
        if apdu[1] == Ins.SELECT:
            return b"", StatusWord.OK
        return self.answers[self.sent % len(self.answers)]


@dataclass
class Spoilt:
    """The way to a faithful card; `spoil` says how to spoil which answer, counted from 0.

    `wrong` counts the tries the card itself has seen spent, by instruction and reference.
    """

    card: VirtualCard
    spoil: dict[int, Spoil]
    sent: int = 0
    wrong: dict[tuple[int, int], int] = field(default_factory=dict)

    def transmit(self, apdu: bytes) -> Answer:
        raw = self.card.transmit(apdu)
        answer = raw[:-2], int.from_bytes(raw[-2:], "big")
        command = Command.parse(apdu)
        asked = command.ins in (Ins.VERIFY, Ins.CHANGE_REFERENCE_DATA) and command.data
        if asked and answer[1] & 0xFFF0 == StatusWord.VERIFY_FAILED:
            at = command.ins, command.p2
            self.wrong[at] = self.wrong.get(at, 0) + 1
        if spoil := self.spoil.get(self.sent):
            answer = spoil(answer)
        self.sent += 1
        return answer


def spoils() -> st.SearchStrategy[Spoil]:
    """Ways to spoil an answer: another status word, cut, doubled, one byte changed, or replaced."""

    def flipped(at: int, byte: int) -> Spoil:
        def flip(answer: Answer) -> Answer:
            data, sw = answer
            place = at % len(data) if data else 0
            return data[:place] + bytes([byte]) + data[place + 1 :], sw

        return flip

    return st.one_of(
        STATUS_WORDS.map(lambda sw: lambda answer: (answer[0], sw)),
        STATUS_WORDS.map(lambda sw: lambda answer: (b"", sw)),
        st.integers(0, 300).map(lambda size: lambda answer: (answer[0][:size], answer[1])),
        st.just(lambda answer: (answer[0] * 2, answer[1])),
        st.builds(flipped, st.integers(0, 400), st.integers(0, 255)),
        ANSWERS.map(lambda other: lambda answer: other),
    )


PLAN = Initialisation("Test", GUID, pin_tries=5)

STEPS: tuple[Step, ...] = (
    ("identify", lambda token: token.identify()),
    ("inspect", lambda token: token.inspect()),
    ("initialise", lambda token: token.initialise(PLAN, FACTORY, NEW)),
    ("generate", lambda token: token.generate(KEY, FACTORY)),
    ("generate signature", lambda token: token.generate(SIGNATURE, FACTORY)),
    ("public key", lambda token: token.public_key("9a")),
    ("evidence", lambda token: token.evidence("9a", FACTORY)),
    ("sign", lambda token: token.sign(SIGNATURE, SignatureScheme.ECDSA_SHA256, b"csr", FACTORY)),
    ("write", lambda token: token.write_certificate("9a", "", b"\x30\x03\x02\x01\x01", FACTORY)),
    ("read", lambda token: token.read_certificate("9a")),
    ("in force", lambda token: token.in_force(Code.PIN, NEW.pin, FACTORY.pin)),
    ("in force", lambda token: token.in_force(Code.ADMIN, NEW.admin, FACTORY.admin)),
    ("set", lambda token: token.set_code(Code.ADMIN, FACTORY, NEW.admin)),
    ("set", lambda token: token.set_code(Code.PUK, FACTORY, NEW.puk)),
    ("set", lambda token: token.set_code(Code.PIN, FACTORY, NEW.pin)),
    ("factory", lambda token: token.factory_codes(NEW)),
    ("wrong", lambda token: token.in_force(Code.PIN, WRONG, NEW.pin)),
    ("close", lambda token: token.close()),
)
"""All a lane asks of a token, in the order in which it does."""


def refusals(token: PivSession) -> Iterator[tuple[str, DriverError | None]]:
    """Do all of `STEPS`, each whatever became of the one before; what each was refused with."""
    for name, step in STEPS:
        try:
            step(token)
        except DriverError as refused:
            yield name, refused
        else:
            yield name, None
