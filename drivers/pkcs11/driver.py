"""The driver of a seat for PKCS#11 tokens: USB tokens, cards behind a vendor's module, SoftHSM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drivers.pkcs11.holding import SlotDriver
from drivers.pkcs11.module import Module
from drivers.pkcs11.options import parse
from drivers.pkcs11.seat import Seat
from drivers.pkcs11.session import Pkcs11Session
from drivers.tokens import Act


class Pkcs11Driver(SlotDriver[Pkcs11Session]):
    """One seat behind a PKCS#11 module; raises `Unsupported` for options it cannot make sense of."""

    sequence: ClassVar[tuple[Act, ...]] = (Act.INITIALISE, Act.SET_PIN, Act.KEYS)

    def __init__(self, seat: str, options: Mapping[str, Any]) -> None:
        read, model = parse(seat, options)
        super().__init__(Seat(seat, Module(read.module, seat), read, model))
        self.rules = model.rules()
        self.factory = model.factory_codes()

    def connect(self) -> Pkcs11Session:
        self._held = Pkcs11Session(self._seat, self._found("a blank one"))
        return self._held
