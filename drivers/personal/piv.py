"""Operators' PIV cards over PC/SC: slot 9A signs, slot 9D agrees on secrets (SP 800-73-4 part 1 §3.1)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from drivers.errors import (
    AuthenticationFailed,
    DriverError,
    NoToken,
    ReadBackFailed,
    TokenLost,
    Unsupported,
)
from drivers.foreign_certificates import LARGEST, load_certificate, spki
from drivers.options import typed
from drivers.personal.checks import agreement_peer, log_in_first, personal, spared
from drivers.personal.signing import algorithm_of, is_signature, scheme_of
from drivers.piv import objects, padding
from drivers.piv.access import Access
from drivers.piv.applet import Applet
from drivers.piv.ids import KEY_ALGORITHMS, ManagementAlgorithm, Obj, Ref
from drivers.secret import Secret
from drivers.tokens import Algorithm, Cancel, Code
from drivers.wire.transport import Chaining, Transport

PIN_LENGTHS = range(6, 9)
"""Characters of a PIV PIN (SP 800-73-4 part 2 §2.4.3)."""


class PersonalPivOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`reader`, `serial` and `usb_token` as in a lane's seat."""

    reader: str
    serial: str | None = None
    usb_token: bool = False


class PersonalPiv:
    """Serves one reader; raises `Unsupported` for wrong options."""

    def __init__(self, seat: str, options: Mapping[str, Any]) -> None:
        from drivers.pcsc.reader import Reader

        read = typed(options, PersonalPivOptions, seat)
        self._seat = seat
        self._reader = Reader(read.reader, read.serial, where=seat, usb_token=read.usb_token)
        self.place = f"pcsc {os.environ.get('PCSCLITE_CSOCK_NAME', '')} {read.serial or read.reader}"

    def await_token(self, cancel: Cancel) -> bool:
        return self._reader.await_token(cancel)

    def await_removal(self, cancel: Cancel) -> bool:
        return self._reader.await_removal(cancel)

    def connect(self) -> PersonalPivCard:
        card = self._reader.connect()
        try:
            return PersonalPivCard(Chaining(card, self._seat), self._seat, card.close)
        except TokenLost as lost:
            raise NoToken("the token left before it was read", where=self._seat, next=lost.next) from lost
        except DriverError:
            card.close()
            raise

    def close(self) -> None:
        self._reader.close()


class PersonalPivCard:
    """The PIV card behind `transport`; raises `Unsupported` for a card without the PIV application."""

    def __init__(self, transport: Transport, where: str, release: Callable[[], None]) -> None:
        self._applet = Applet(transport, where)
        self._applet.select()
        self._release = release
        self._access = Access(self._applet, self._applet.version() is not None, ManagementAlgorithm.TDES)
        self._pin: Secret | None = None

    @property
    def _where(self) -> str:
        return self._applet.where

    def certificate(self) -> bytes:
        found = self._certificate(Obj.AUTHENTICATION)
        if found is None:
            raise personal("there is no certificate in slot 9A", self._where)
        return found

    def agreement_certificate(self) -> bytes | None:
        return self._certificate(Obj.KEY_MANAGEMENT)

    def login(self, pin: Secret) -> None:
        if len(pin) not in PIN_LENGTHS:
            # Padded with FF or cut, it would cost a try.
            raise AuthenticationFailed(
                f"a PIV PIN has {PIN_LENGTHS[0]} to {PIN_LENGTHS[-1]} characters; it was not tried",
                where=self._where,
            )
        self._pin = None
        with spared(self._where):
            self._access.forget(Code.PIN)
            self._access.show(Code.PIN, pin, self._access.told(Code.PIN))
        self._pin = pin

    def sign(self, message: bytes) -> bytes:
        public = spki(load_certificate(self.certificate()))
        algorithm = algorithm_of(public, self._where)
        challenge = padding.challenge(algorithm, scheme_of(algorithm), message)
        self._show_pin()
        signature = self._applet.sign(Ref.AUTHENTICATION, KEY_ALGORITHMS[algorithm], challenge)
        if not is_signature(public, message, signature):
            raise ReadBackFailed(
                "the certificate in slot 9A is not its key's",
                where=self._where,
                next="take the token back to whoever issued it",
            )
        return signature

    def exchange(self, peer: bytes) -> bytes:
        point = agreement_peer(peer, self._where).public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self._show_pin()
        return self._applet.agree(Ref.KEY_MANAGEMENT, KEY_ALGORITHMS[Algorithm.P256], point)

    def present(self) -> bool:
        try:
            self._applet.get(Obj.CHUID)
        except (TokenLost, NoToken):
            return False
        return True

    def close(self) -> None:
        self._pin = None
        self._access.forget(*Code)
        self._release()

    def _certificate(self, obj: Obj) -> bytes | None:
        content = self._applet.get(obj)
        try:
            found = None if content is None else objects.expanded_certificate(content, LARGEST)
            if found is not None:
                load_certificate(found)
        except ValueError as error:
            raise Unsupported(
                f"what stands in {obj.name.lower().replace('_', ' ')} is no certificate: {error}",
                where=self._where,
                next="take the token back to whoever issued it",
            ) from None
        return found

    def _show_pin(self) -> None:
        """Before each use, as a key may want it each time; a PIN that was right costs no try."""
        if self._pin is None:
            raise log_in_first(self._where)
        with spared(self._where):
            self._access.forget(Code.PIN)
            self._access.show(Code.PIN, self._pin)
