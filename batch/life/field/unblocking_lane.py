"""A lane that sets a new PIN on a finished token; the holder's codes are in clear here and nowhere else."""

from __future__ import annotations

from batch.custody.codes import trivial
from batch.model.codes import Binding
from batch.production.assignment import Stepped
from batch.production.lane import Lane, spending
from drivers.errors import TokenLost, Unsupported
from drivers.secret import Secret
from drivers.tokens import Code, CodeRules, TokenSession, Tries

_SHORTEST = 6
"""Digits of a PIN (R19)."""


class UnblockingLane(Lane):
    """Serves one seat; a token is looked at and held as in any lane."""

    def check_new(self, new: Secret) -> None:
        """Raise `Unsupported` for a PIN that the token would not take, or that people try first (R19)."""
        refused = refusal(new, self._driver.rules)
        if refused is not None:
            raise Unsupported(refused, where="new PIN", next="choose another; nothing was tried")

    def unblock(self, code: Secret, new: Secret, left: Tries) -> Stepped:
        """Set a new PIN by the code of the letter, once, and show it; `left` are the tries to reckon with."""
        self.check_new(new)
        session = self._held_session()
        return spending(session, left, lambda: _unblock(session, code, new))

    def unblock_by_admin(self, binding: Binding, for_lane: bytes, new: Secret, left: Tries) -> Stepped:
        """The same by the admin credential of an item, wrapped to `lane_key`."""
        self.check_new(new)
        session, admin = self._held_session(), self._admin(binding, for_lane)
        return spending(session, left, lambda: _unblock(session, admin, new))

    def _held_session(self) -> TokenSession:
        if self._session is None:
            raise TokenLost("no token is held", where=self._seat, next="put the token back")
        return self._session


def refusal(new: Secret, rules: CodeRules) -> str | None:
    """Why a PIN is none that a holder may choose, None where it may be (R17, R19)."""
    value = new.reveal().decode("utf-8", "replace")
    shortest, longest = max(_SHORTEST, rules.pin[0]), rules.pin[-1]
    if not (value.isascii() and value.isdecimal()):
        return "a PIN has digits only"
    if not shortest <= len(value) <= longest:
        return f"a PIN of this token has {shortest} to {longest} digits"
    return "a PIN that people try first: a date, a run, a line on the keypad" if trivial(value) else None


def _unblock(session: TokenSession, code: Secret, new: Secret) -> None:
    session.unblock(code, new)
    session.prove(Code.PIN, new)
