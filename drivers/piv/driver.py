"""The token driver of PC/SC seats with PIV cards."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec

from drivers.errors import DriverError, NoToken, TokenLost
from drivers.options import typed
from drivers.piv.ids import FACTORY, ManagementAlgorithm
from drivers.piv.session import RULES, PivSession
from drivers.tokens import Act, Cancel, CodeRules, Credentials
from drivers.wire.transport import Chaining, Traffic, Transport

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_MANAGEMENT = {"3des": ManagementAlgorithm.TDES, "aes-192": ManagementAlgorithm.AES192}


class PivOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a seat says of its reader and the cards in it.

    `reader` and `serial` name the reader (`station lanes` shows both). `usb_token` holds where the token is
    its own reader and comes and goes with it. `attestation_roots` are PEM files of the certificates trusted
    to issue the certificates of slot F9. `admin = "keep"` leaves management keys as they are, for cards no
    standard command gives another. `management_algorithm` is the type of the management key of cards that
    do not tell it. `trace` logs the traffic to the logger `drivers.piv.traffic`, codes left out.
    """

    reader: str
    serial: str | None = None
    usb_token: bool = False
    attestation_roots: tuple[str, ...] = ()
    admin: Literal["set", "keep"] = "set"
    management_algorithm: Literal["3des", "aes-192"] = "3des"
    trace: bool = False


class PivDriver:
    """Serves one reader; raises `Unsupported` for wrong options, `DriverError` for roots it cannot read."""

    sequence: ClassVar[tuple[Act, ...]] = (
        Act.INITIALISE,
        Act.KEYS,
        Act.SET_ADMIN,
        Act.SET_PUK,
        Act.SET_PIN,
    )
    rules: CodeRules = RULES
    factory: Credentials | None = FACTORY

    def __init__(self, seat: str, options: Mapping[str, Any]) -> None:
        from drivers.pcsc.reader import Reader

        self._options = typed(options, PivOptions, seat)
        self._seat = seat
        self._roots = tuple(root for path in self._options.attestation_roots for root in _roots(path, seat))
        self._reader = Reader(
            self._options.reader, self._options.serial, where=seat, usb_token=self._options.usb_token
        )
        service = os.environ.get("PCSCLITE_CSOCK_NAME", "")
        self.place = f"pcsc {service} {self._options.serial or self._options.reader}"
        if self._options.admin == "keep":
            kept = tuple(act for act in type(self).sequence if act is not Act.SET_ADMIN)
            self.sequence = kept  # type: ignore[misc]  # this seat's cards, not the class

    def await_token(self, cancel: Cancel) -> bool:
        return self._reader.await_token(cancel)

    def await_removal(self, cancel: Cancel) -> bool:
        return self._reader.await_removal(cancel)

    def connect(self) -> PivSession:
        card = self._reader.connect()
        transport: Transport = card
        if self._options.trace:
            transport = Traffic(card, logging.getLogger("drivers.piv.traffic").debug)
        try:
            return PivSession(
                Chaining(transport, self._seat),
                self._seat,
                roots=self._roots,
                management=_MANAGEMENT[self._options.management_algorithm],
                release=card.close,
            )
        except TokenLost as lost:
            raise NoToken(
                "the token left before anything was begun", where=self._seat, next=lost.next
            ) from lost
        except DriverError:
            card.close()
            raise

    def close(self) -> None:
        self._reader.close()


def _roots(path: str, seat: str) -> list[Certificate]:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise DriverError(
            f"attestation root {path} cannot be read: {error}", where=seat, next="see attestation_roots"
        ) from None
