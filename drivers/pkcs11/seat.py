"""Which of a module's slots is this seat's token, and whether it is still the one begun."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass

import pkcs11
from pkcs11 import TokenFlag

from drivers.errors import DeviceFailed, DriverError, TokenLost, Unsupported, WrongToken
from drivers.pkcs11 import softhsm
from drivers.pkcs11.module import Module, flags_of, serial_of
from drivers.pkcs11.options import Model, Options
from drivers.tokens import UNLIMITED, Cancel

_POLL = 0.06
"""Seconds between two looks at the slots; a restart of SoftHSM without tokens writes a line to syslog."""

_DESCRIPTION_LENGTH = 64
"""Bytes of a slot description; longer reader names arrive cut (PKCS#11 v2.40 §3.2)."""


@dataclass(frozen=True)
class Seat:
    """A named seat: its module, and what `station.toml` says of it."""

    name: str
    module: Module
    options: Options
    model: Model

    def look(self) -> pkcs11.Token | None:
        """The token in the seat now, None where it is empty; ends sessions where the module is restarted.

        Raises `Unsupported` where several tokens are there and none is named, `DeviceFailed` otherwise.
        """
        return self._choose(self.module.tokens()) if self._scan() else None

    def occupied(self) -> bool:
        """Whether something is in the seat now, be it a token that does not answer."""
        if not self._scan():
            return False
        try:
            return self._choose(self.module.tokens()) is not None
        except DeviceFailed:
            return True

    def wait(self, present: bool, cancel: Cancel) -> bool:
        """Whether the seat came to hold a token, or none, before `cancel` said so."""
        pause = threading.Event()
        while not cancel():
            if self.occupied() is present:
                return True
            pause.wait(_POLL)
        return False

    @property
    def place(self) -> str:
        """What names the slot for everybody who might use it."""
        store = softhsm.token_directory() or ""
        return f"pkcs11 {os.path.realpath(self.options.module)} {store} {self.options.slot or ''}"

    def _scan(self) -> bool:
        """Make changes visible; False where the seat is known to be empty by that."""
        if self.options.rescan == "reinitialise":
            try:
                self.module.rescan()
            except DeviceFailed as error:
                # SoftHSM answers so when its token directory is not there.
                if error.code == "CKR_GENERAL_ERROR":
                    return False
                raise
        return True

    def _choose(self, tokens: list[pkcs11.Token]) -> pkcs11.Token | None:
        wanted = self.options.slot
        if wanted is not None:
            tokens = [token for token in tokens if _matches(token, wanted)]
        # Some modules always show one more slot with a blank in it.
        used = [token for token in tokens if token.flags & TokenFlag.TOKEN_INITIALIZED]
        choice = used or tokens
        if len(choice) > 1:
            names = ", ".join(repr(serial_of(token) or token.slot.slot_description) for token in choice)
            raise Unsupported(
                f"{self.module.path} shows {len(choice)} tokens: {names}",
                where=self.name,
                next="name one as `slot` of this seat",
            )
        return choice[0] if choice else None

    def again(self, serial: str | None) -> pkcs11.Token:
        """The token with this serial, looked for anew; raises `TokenLost` or `WrongToken`."""
        token = self.look()
        if token is None:
            raise self.lost()
        self.compare(token, serial)
        return token

    def refresh(self, token: pkcs11.Token, serial: str | None) -> pkcs11.Token:
        """The same slot's token as it is now, sessions kept; raises `TokenLost` or `WrongToken`."""
        try:
            now = token.slot.get_token()
        except pkcs11.PKCS11Error as error:
            raise self.lost() from error
        self.compare(now, serial)
        return now

    def compare(self, token: pkcs11.Token, serial: str | None) -> None:
        """Raises `WrongToken` where `token` has another serial, or has one where the one begun had none."""
        found = serial_of(token)
        if found != serial:
            what = f"token {found or 'without serial'} is in the seat, begun was {serial or 'a blank'}"
            raise WrongToken(what, where=self.name, next="put the token back that was begun")

    def lost(self) -> DriverError:
        """The error for a token that is gone."""
        return TokenLost("the token is gone", where=self.name, next="put it back; it will be looked at")

    def spare(self, token: pkcs11.Token, low: TokenFlag, final: TokenFlag, locked: TokenFlag) -> int | None:
        """Wrong codes that may still be given before the lock, as the flags tell; None where they do not."""
        tries = self.model.tries
        if tries == "unlimited":
            # SoftHSM says "locked" of a code that was never given, also where initialisation was cut off.
            return UNLIMITED
        flags = flags_of(token)
        if flags & locked:
            return 0
        if flags & final:
            return 1
        return None if tries is None or flags & low else tries


def _matches(token: pkcs11.Token, wanted: str | int) -> bool:
    slot = token.slot
    if isinstance(wanted, int):
        return slot.slot_id == wanted
    cut = wanted.encode()[:_DESCRIPTION_LENGTH].decode(errors="ignore")
    return wanted == serial_of(token) or slot.slot_description in (wanted, cut) or wanted == str(slot.slot_id)
