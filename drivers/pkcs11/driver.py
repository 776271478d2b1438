"""The driver of a seat for PKCS#11 tokens: USB tokens, cards behind a vendor's module, SoftHSM."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any, ClassVar

from drivers.errors import NoToken
from drivers.pkcs11 import softhsm
from drivers.pkcs11.module import Module
from drivers.pkcs11.options import parse
from drivers.pkcs11.seat import Seat
from drivers.pkcs11.session import Pkcs11Session
from drivers.tokens import Act, Cancel

_POLL = 0.06
"""Seconds between two looks at the slots; a restart of SoftHSM without tokens writes a line to syslog."""


class Pkcs11Driver:
    """One seat behind a PKCS#11 module; raises `Unsupported` for options it cannot make sense of."""

    sequence: ClassVar[tuple[Act, ...]] = (Act.INITIALISE, Act.SET_PIN, Act.KEYS)

    def __init__(self, seat: str, options: Mapping[str, Any]) -> None:
        read, model = parse(seat, options)
        self._seat = Seat(seat, Module(read.module, seat), read, model)
        self._session: Pkcs11Session | None = None
        self._pause = threading.Event()
        store = softhsm.token_directory() or ""
        self.place = f"pkcs11 {os.path.realpath(read.module)} {store} {read.slot or ''}"
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
        while not cancel():
            if self._seat.occupied() is present:
                return True
            self._pause.wait(_POLL)
        return False

    def _let_go(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None
