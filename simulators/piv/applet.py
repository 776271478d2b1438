"""What the commands of the PIV card application share: kept state, security status, refusal."""

from __future__ import annotations

from dataclasses import dataclass, field

from drivers.wire.apdu import StatusWord
from simulators.piv.state import CardState

KEY_SLOTS = frozenset({0x9A, 0x9C, 0x9D, 0x9E, *range(0x82, 0x96)})


class Refused(Exception):
    """The card answers with a status word and no data; a `ValueError` of a command stands for 6A80."""

    def __init__(self, sw: int) -> None:
        super().__init__(f"{sw:04X}")
        self.sw = sw


@dataclass
class Security:
    """Security status, which ends with power, reset or the selection of another application.

    `pin_fresh` holds only until the next command after VERIFY ("PIN always").
    """

    pin: bool = False
    pin_fresh: bool = False
    admin: bool = False
    challenge: bytes | None = None
    witness: bytes | None = None


@dataclass
class Applet:
    """The PIV card application: what it keeps, and the security status of this session."""

    state: CardState
    security: Security = field(default_factory=Security)

    def need_admin(self) -> None:
        """Refuse with 6982 unless the management key has been authenticated."""
        if not self.security.admin:
            raise Refused(StatusWord.SECURITY_STATUS_NOT_SATISFIED)

    def need_pin(self) -> None:
        """Refuse with 6982 unless the PIN has been verified."""
        if not self.security.pin:
            raise Refused(StatusWord.SECURITY_STATUS_NOT_SATISFIED)


def need(condition: bool, sw: int) -> None:
    """Refuse with `sw` unless `condition` holds."""
    if not condition:
        raise Refused(sw)
