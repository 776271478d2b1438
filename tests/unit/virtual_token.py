"""A virtual PIV card behind a lane in this process, which can be torn from it or killed at an exchange."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from drivers.errors import TokenLost
from drivers.piv.ids import FACTORY
from drivers.piv.session import RULES, PivSession
from drivers.tokens import Act, Cancel
from drivers.wire.transport import Chaining
from simulators.piv import state
from simulators.piv.card import VirtualCard
from simulators.piv.state import MANAGEMENT, PIN, PUK

FULL = 3


class Killed(BaseException):
    """The desk and its lane are gone at this moment."""


@dataclass
class Tear:
    """What happens at the n-th exchange from now: it is lost, or the desk killed, and when.

    During one that shows a code the try is spent and nothing else done: cards count down before they compare.
    """

    at: int
    how: Literal["lost", "killed"]
    when: Literal["before", "during", "after"]


class Card:
    """One card in its reader, with a tear armed; counts the wrong management keys in a row."""

    def __init__(self, path: Path) -> None:
        self.path, self.tear = path, Tear(0, "lost", "before")
        self.wrong_keys = 0
        self._card = VirtualCard.load(path)
        self.gone = False

    def insert(self) -> None:
        self._card.reset()
        self.gone = False

    def transmit(self, apdu: bytes) -> tuple[bytes, int]:
        if self.gone:
            raise TokenLost("gone")
        self.tear.at -= 1
        torn = self.tear.at == 0
        if torn and self.tear.when != "after":
            if self.tear.when == "during":
                self._spend(apdu)
            self._end()
        answer = self._card.transmit(apdu)
        self._count(apdu, int.from_bytes(answer[-2:], "big"))
        if torn:
            self._end()
        return answer[:-2], int.from_bytes(answer[-2:], "big")

    def left(self) -> dict[str, int]:
        """Tries left on every code; plain cards are taken for such as count them at the management key."""
        card = state.decode(self.path.read_bytes())
        admin = FULL if card.extended else FULL - self.wrong_keys
        return {"pin": card.codes[PIN].left, "puk": card.codes[PUK].left, "admin": admin}

    def _end(self) -> None:
        self.gone = True
        if self.tear.how == "killed":
            raise Killed
        raise TokenLost("pulled")

    def _spend(self, apdu: bytes) -> None:
        if apdu[1] in (0x20, 0x24) and len(apdu) > 5:
            spoil(self.path, lambda card: one_less(card, apdu[3]))
            self._card = VirtualCard.load(self.path)
        if apdu[1] == 0x87 and apdu[3] == MANAGEMENT and len(apdu) > 12:
            self.wrong_keys += 1

    def _count(self, apdu: bytes, sw: int) -> None:
        if apdu[1] == 0x87 and apdu[3] == MANAGEMENT and len(apdu) > 12:
            self.wrong_keys = 0 if sw == 0x9000 else self.wrong_keys + 1


CARDS: dict[str, Card] = {}
"""The card in each seat."""


class VirtualDriver:
    """The PIV driver on the card of its seat."""

    sequence: ClassVar[tuple[Act, ...]] = (Act.INITIALISE, Act.KEYS, Act.SET_ADMIN, Act.SET_PUK, Act.SET_PIN)
    factory = FACTORY
    rules = RULES

    def __init__(self, seat: str, options: Mapping[str, Any]) -> None:
        self._seat = self.place = seat
        if options.get("admin") == "keep":
            self.sequence = tuple(act for act in type(self).sequence if act is not Act.SET_ADMIN)  # type: ignore[misc]

    def await_token(self, cancel: Cancel) -> bool:
        return True

    def await_removal(self, cancel: Cancel) -> bool:
        return True

    def connect(self) -> PivSession:
        CARDS[self._seat].insert()
        return PivSession(Chaining(CARDS[self._seat]), self._seat)

    def close(self) -> None:
        pass


def spoil(path: Path, change: Callable[[state.CardState], None]) -> None:
    """Change what a card holds behind everybody's back."""
    card = state.decode(path.read_bytes())
    change(card)
    state.write(path, state.encode(card))


def other_code(card: state.CardState, reference: int) -> None:
    """A code that is not the factory's."""
    if reference == MANAGEMENT:
        card.management = replace(card.management, key=bytes(range(24)))
    else:
        card.codes[reference] = replace(card.codes[reference], value=b"87654321")


def one_less(card: state.CardState, reference: int) -> None:
    """One try of a code is spent."""
    code = card.codes[reference]
    card.codes[reference] = replace(code, left=code.left - 1)
