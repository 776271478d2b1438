"""Who is logged in to a PKCS#11 token, and whether it is still there: one session, and the tries left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pkcs11
from pkcs11 import TokenFlag

from drivers.errors import (
    AuthenticationFailed,
    Blocked,
    DeviceFailed,
    DriverError,
    EvidenceMissing,
    ReadBackFailed,
)
from drivers.pkcs11.module import MALFORMED, SO, USER, code_of, failure, flags_of, malformed, serial_of
from drivers.pkcs11.seat import Seat
from drivers.secret import Secret
from drivers.tokens import Code
from drivers.tries import Ledger

_FLAGS = {
    USER: (TokenFlag.USER_PIN_COUNT_LOW, TokenFlag.USER_PIN_FINAL_TRY, TokenFlag.USER_PIN_LOCKED),
    SO: (TokenFlag.SO_PIN_COUNT_LOW, TokenFlag.SO_PIN_FINAL_TRY, TokenFlag.SO_PIN_LOCKED),
}
_NAMES = {USER: "PIN", SO: "SO PIN"}
_CODES = {USER: Code.PIN, SO: Code.ADMIN}


class Access:
    """The token begun and one RW session with it, kept with its login as long as the same code is asked for.

    Every login looks for the token anew, every other call checks that the slot still holds it: an open
    session of SoftHSM goes on answering after its token went away.
    """

    def __init__(self, seat: Seat, token: pkcs11.Token) -> None:
        self.ledger = Ledger()
        self.seat, self.token = seat, token
        self.serial = serial_of(token)
        self._session: pkcs11.Session | None = None
        self._login: tuple[int, Secret] | None = None

    @property
    def where(self) -> str:
        """The seat and the token, for errors."""
        return f"{self.seat.name}, token {self.serial}" if self.serial else self.seat.name

    def refresh(self) -> pkcs11.Token:
        """The token as it is now, the session kept; raises `TokenLost` or `WrongToken`."""
        self.token = self.seat.refresh(self.token, self.serial)
        return self.token

    def find_again(self) -> pkcs11.Token:
        """The token looked for anew, without a session; raises `TokenLost` or `WrongToken`."""
        self.drop()
        self.token = self.seat.again(self.serial)
        return self.token

    def reread(self) -> pkcs11.Token:
        """The token after a change of its own, which may have given it another serial."""
        self.token = self.token.slot.get_token()
        self.serial = serial_of(self.token)
        return self.token

    @contextmanager
    def _exchange(self) -> Iterator[pkcs11.Session]:
        """The open session, with errors in our words; whoever enters has compared the token just now."""
        with self.lost_if_gone():
            if self._session is None:
                self._session = self.token.open(rw=True)
            yield self._session

    @contextmanager
    def lost_if_gone(self) -> Iterator[None]:
        """Errors in our words; whatever a token answers that is gone by now, it was pulled out."""
        try:
            yield
        except pkcs11.PKCS11Error as error:
            if self._gone():
                raise self.seat.lost() from error
            raise failure(code_of(error), self.where) from error
        except MALFORMED:
            # Without what it says: a code may stand in it.
            raise (self.seat.lost() if self._gone() else malformed(self.where)) from None
        except (DeviceFailed, EvidenceMissing, ReadBackFailed) as error:
            if self._gone():
                raise self.seat.lost() from error
            raise

    @contextmanager
    def reading(self) -> Iterator[pkcs11.Session]:
        """The same for reads: a module whose token is no longer there may just find nothing."""
        with self._exchange() as session:
            yield session
        self.refresh()

    @contextmanager
    def logged_in(self, user: int, code: Secret) -> Iterator[pkcs11.Session]:
        """The session logged in with this code; the token is compared first."""
        if self._login == (user, code):
            self.refresh()
        else:
            with self.lost_if_gone():
                token = self.find_again()
            if not flags_of(token):
                raise DeviceFailed("the token is not initialised", where=self.where)
            with self._exchange() as session, self.trying(user):
                self._enter(session, user, code)
        with self._exchange() as session:
            yield session

    def _enter(self, session: pkcs11.Session, user: int, code: Secret) -> None:
        try:
            self.seat.module.login(session, user, code)
        except AuthenticationFailed as error:
            self.drop()
            self.refresh()
            remaining = self.tries(user)
            what = f"the {_NAMES[user]} was refused"
            if isinstance(error, Blocked) or remaining == 0:
                raise Blocked(f"the {_NAMES[user]} is locked", remaining=0, where=self.where) from error
            raise AuthenticationFailed(what, remaining=remaining, where=self.where) from error
        self._login = (user, code)

    def drop(self) -> None:
        """Close the session, logged out."""
        session, self._session, self._login = self._session, None, None
        if session is not None:
            try:
                session.close()
            except pkcs11.PKCS11Error as error:
                if code_of(error) not in ("CKR_SESSION_HANDLE_INVALID", "CKR_SESSION_CLOSED"):
                    raise failure(code_of(error), self.where) from error

    def let_go(self) -> None:
        """Close the session; what the token no longer answers is left alone."""
        try:
            self.drop()
        except DriverError:
            self._session = self._login = None

    def _gone(self) -> bool:
        try:
            self.seat.refresh(self.token, self.serial)
            # An empty slot of SoftHSM looks like a blank until the module is initialised anew.
            return self.serial is None and not self.seat.occupied()
        except DriverError:
            return True

    def trying(self, user: int) -> AbstractContextManager[None]:
        """Around one try; raises `Blocked`, or `RetryBudget` before a code's last one (PKCS#11 step 1)."""
        tries = self.tries(user)
        if tries == 0:
            raise Blocked(f"the {_NAMES[user]} is locked", remaining=0, where=self.where)
        return self.ledger.trying(_CODES[user], tries, where=self.where)

    def tries(self, user: int) -> int | None:
        """Wrong codes that may still be given, `UNLIMITED` where it never locks, None where not told."""
        return self.seat.spare(self.token, *_FLAGS[user])
