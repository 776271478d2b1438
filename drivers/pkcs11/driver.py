"""The driver of a seat for PKCS#11 tokens: USB tokens, cards behind a vendor's module, SoftHSM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drivers.errors import NoToken
from drivers.pkcs11.module import Module
from drivers.pkcs11.options import parse
from drivers.pkcs11.seat import Seat
from drivers.pkcs11.session import Pkcs11Session
from drivers.tokens import Act, Cancel


class Pkcs11Driver:
    """One seat behind a PKCS#11 module; raises `Unsupported` for options it cannot make sense of."""

    sequence: ClassVar[tuple[Act, ...]] = (Act.INITIALISE, Act.SET_PIN, Act.KEYS)

    def __init__(self, seat: str, options: Mapping[str, Any]) -> None:
        read, model = parse(seat, options)
        self._seat = Seat(seat, Module(read.module, seat), read, model)
        self._session: Pkcs11Session | None = None
        self.place = self._seat.place
        self.rules = model.rules()
        self.factory = model.factory_codes()

    def await_token(self, cancel: Cancel) -> bool:
        return self._await(True, cancel)

    def await_removal(self, cancel: Cancel) -> bool:
        return self._await(False, cancel)

    def connect(self) -> Pkcs11Session:
        self._let_go()
        token = self._seat.look()
        if token is None:
            raise NoToken("there is no token in the seat", where=self._seat.name, next="insert a blank one")
        self._session = Pkcs11Session(self._seat, token)
        return self._session

    def close(self) -> None:
        self._let_go()
        self._seat.module.close()

    def _await(self, present: bool, cancel: Cancel) -> bool:
        self._let_go()
        return self._seat.wait(present, cancel)

    def _let_go(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None
