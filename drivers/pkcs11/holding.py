"""What the drivers of a slot have in common: they wait for its token, hold one, and let go of it."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

import pkcs11

from drivers.errors import NoToken
from drivers.pkcs11.seat import Seat
from drivers.tokens import Cancel


class _Closing(Protocol):
    def close(self) -> None: ...


Held = TypeVar("Held", bound=_Closing)


class SlotDriver(Generic[Held]):
    """One seat behind a PKCS#11 module, and what its token is held as while it is; `place` as ports say."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._held: Held | None = None
        self.place = seat.place

    def await_token(self, cancel: Cancel) -> bool:
        """Block until a token is in the seat; False when cancelled."""
        return self._await(True, cancel)

    def await_removal(self, cancel: Cancel) -> bool:
        """Block until the seat is empty; False when cancelled."""
        return self._await(False, cancel)

    def close(self) -> None:
        """Let go of token and module."""
        self._let_go()
        self._seat.module.close()

    def _found(self, wanted: str) -> pkcs11.Token:
        """The token in the seat, the one before let go of; raises `NoToken` that asks for `wanted`."""
        self._let_go()
        token = self._seat.look()
        if token is None:
            raise NoToken("there is no token in the seat", where=self._seat.name, next=f"insert {wanted}")
        return token

    def _await(self, present: bool, cancel: Cancel) -> bool:
        self._let_go()
        return self._seat.wait(present, cancel)

    def _let_go(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None
