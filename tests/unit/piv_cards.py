"""Virtual PIV cards without a reader: sessions straight on the card, counting and breaking its exchanges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography import x509

from drivers.errors import TokenLost
from drivers.piv.ids import ManagementAlgorithm
from drivers.piv.session import PivSession
from drivers.secret import Secret
from drivers.tokens import Act, Code, Credentials, Initialisation
from drivers.wire.apdu import Command
from drivers.wire.transport import Chaining
from simulators.piv.card import VirtualCard

GUID = bytes(range(16))
PLAN = Initialisation(label="Test", guid=GUID)
NEW = Credentials(
    pin=Secret.text("602214"), puk=Secret.text("66260701"), admin=Secret(bytes(range(101, 125)))
)
WRONG = Secret.text("999983")


@dataclass
class Wire:
    """The way to one card; `log` names each command that crossed it, `lose` says which answer gets lost."""

    card: VirtualCard
    log: list[tuple[int, int]] = field(default_factory=list)
    lose: Callable[[int], bool] = lambda ins: False

    def transmit(self, apdu: bytes) -> tuple[bytes, int]:
        command = Command.parse(apdu)
        self.log.append((command.ins, command.p2))
        answer = self.card.transmit(apdu)
        if self.lose(command.ins):
            raise TokenLost("pulled")
        return answer[:-2], int.from_bytes(answer[-2:], "big")

    def count(self, ins: int) -> int:
        return sum(seen == ins for seen, _ in self.log)


def session(
    wire: Wire,
    roots: tuple[x509.Certificate, ...] = (),
    management: ManagementAlgorithm = ManagementAlgorithm.TDES,
) -> PivSession:
    """A session after a fresh insertion."""
    wire.card.reset()
    return PivSession(Chaining(wire), "seat 1", roots=roots, management=management)


def set_codes(
    token: PivSession, codes: Credentials, new: Credentials, sequence: tuple[Act, ...]
) -> Credentials:
    """Set the codes `sequence` names, in its order; the codes then in force."""
    for act in sequence:
        match act:
            case Act.SET_ADMIN:
                token.set_code(Code.ADMIN, codes, new.admin)
                codes = Credentials(codes.pin, codes.puk, new.admin)
            case Act.SET_PUK:
                token.set_code(Code.PUK, codes, new.puk)
                codes = Credentials(codes.pin, new.puk, codes.admin)
            case Act.SET_PIN:
                token.set_code(Code.PIN, codes, new.pin)
                codes = Credentials(new.pin, codes.puk, codes.admin)
    return codes
