"""What a try at a code may cost: the tries kept for the holder, and the account of one session's tries.

Drivers make no try but inside `Ledger.trying`. What the desk reckons with and what the token tells both
hold, the stricter first; a token that tells nothing is taken for one with the fewest tries there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from drivers.errors import AuthenticationFailed, RetryBudget, Unsupported
from drivers.tokens import UNLIMITED, Code, Shown, Tries

KEPT = 1
"""Tries left on every counted code, whatever this program does by itself."""

PROBE = 3
"""A code is tried only to learn its value with so many tries left (rules, PIV table)."""

ASSUMED = 3
"""Tries of a code in full where nobody tells: no common token comes with fewer."""

COUNTED = (Code.PIN, Code.PUK, Code.ADMIN)

_NAMES = {Code.PIN: "PIN", Code.PUK: "PUK", Code.ADMIN: "management key or SO PIN"}


def spoken(left: int) -> str:
    """So many tries left, for people."""
    return "never locks" if left > UNLIMITED // 2 else f"{max(left, 0)} left"


@dataclass
class _Account:
    limit: int | None = None
    accepted: bool = False
    refused: int = 0
    unanswered: int = 0

    @property
    def spent(self) -> int:
        return self.refused + self.unanswered


class Ledger:
    """The tries of one session since the desk last said how many it reckons with."""

    def __init__(self) -> None:
        self._accounts = {code: _Account() for code in COUNTED}

    def allow(self, left: Tries) -> None:
        """Begin a new account: reckon with so many left on each code, None where the desk knows nothing."""
        self._accounts = {code: _Account(getattr(left, code)) for code in COUNTED}

    def shown(self) -> Mapping[Code, Shown]:
        """What became of the codes shown since `allow`."""
        return {
            code: Shown(one.accepted, one.refused, one.unanswered)
            for code, one in self._accounts.items()
            if one.accepted or one.spent
        }

    def known(self, code: Code, told: int | None) -> int | None:
        """Tries left as desk and token tell, the fewer; None where neither does. `told` was read just now."""
        one = self._accounts[code]
        if one.limit is None:
            return told
        own = one.limit - one.spent
        return own if told is None else min(own, told)

    def left(self, code: Code, told: int | None = None) -> int:
        """The same, with the fewest there may be where nobody tells."""
        known = self.known(code, told)
        return ASSUMED - self._accounts[code].spent if known is None else known

    def accepted(self, code: Code) -> None:
        """The token took the code, or was given it: its counter is full."""
        self._accounts[code] = _Account(accepted=True)

    @contextmanager
    def trying(self, code: Code, told: int | None = None, *, where: str) -> Iterator[None]:
        """Around one try: counts it before it is made; `RetryBudget` where it could be the last.

        What ends otherwise than accepted or refused stays counted.
        """
        left = self.left(code, told)
        if left <= KEPT:
            raise RetryBudget(
                f"the {_NAMES[code]} was not tried: tries left are {max(left, 0)}, and {KEPT} is kept",
                where=where,
                next="set the token aside",
            )
        one = self._accounts[code]
        one.unanswered += 1
        try:
            yield
        except AuthenticationFailed:
            one.unanswered -= 1
            one.refused += 1
            raise
        except Unsupported:
            one.unanswered -= 1
            raise
        self.accepted(code)
