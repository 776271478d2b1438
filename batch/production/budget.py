"""The retry budget: how many tries at a token's codes a step may spend, booked before it is done.

The program never makes the try that could block a code, whatever dies between a try and its answer: what a
step may spend is on record with its intent, an acceptance clears it, a refusal is counted, and what was never
answered stays booked until the token itself tells its counter or takes the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from batch.model.orders import Item
from batch.production.plan import Kind
from batch.store import tries as store
from batch.store.database import Records
from batch.store.tries import CodeTries
from drivers.tokens import UNLIMITED, Code, Shown, TokenState, Tries
from drivers.tries import ASSUMED, COUNTED, KEPT, spoken


@dataclass(frozen=True)
class Cost:
    """Tries in a row that a step may end with: done anew, and done again in doubt of its outcome."""

    anew: int
    in_doubt: int


_ONE, _TWO = Cost(1, 1), Cost(1, 2)

COSTS: Mapping[Kind, Mapping[Code, Cost]] = {
    Kind.INITIALISE: {Code.PIN: _ONE, Code.PUK: _ONE, Code.ADMIN: _TWO},
    Kind.GENERATE: {Code.PIN: _ONE, Code.ADMIN: _ONE},
    Kind.LOAD: {Code.PIN: _ONE, Code.ADMIN: _ONE},
    Kind.SET_ADMIN: {Code.ADMIN: _TWO},
    Kind.SET_PUK: {Code.PUK: _TWO, Code.ADMIN: _ONE},
    Kind.SET_PIN: {Code.PIN: _TWO, Code.ADMIN: _ONE},
    Kind.VERIFY: {Code.PIN: _ONE, Code.PUK: _ONE, Code.ADMIN: _ONE},
}
"""By step and code. Right values cost as much: a card counts a try down before it compares."""


class Budget:
    """The tries of one token, in the records; all but `left` is written in the caller's transaction."""

    def __init__(self, records: Records, driver: str, item: Item, serial: str | None) -> None:
        self._records, self._driver, self._item = records, driver, item
        self._token = token_name(item, serial)
        self._known = store.tries(records, driver, self._token)
        self._booked: dict[Code, CodeTries] = {}

    def bind(self, serial: str | None) -> None:
        """The token tells its serial."""
        name = token_name(self._item, serial)
        if serial and name != self._token:
            store.move(self._records, self._driver, self._token, name)
            self._token = name

    def looked_at(self, state: TokenState) -> None:
        """Take a token's own word: a counter it tells settles what was never answered, but no refusal."""
        for code in COUNTED:
            told: int | None = getattr(state.tries, code)
            one = self._of(code)
            if told is not None:
                self._keep(code, replace(one, open=0, told=told, full=max(told, one.full or 0)))

    def left(self) -> Tries:
        """What the next step may reckon with, None where nothing is on record."""
        known = {str(code): reckoned(one) for code, one in self._known.items() if one != CodeTries()}
        return Tries(**known)

    def book(self, kind: Kind, *, in_doubt: bool) -> dict[str, int]:
        """Put on record what a step may spend, before it is done; what was booked by code."""
        costs = COSTS.get(kind, {})
        return self._book({code: cost.in_doubt if in_doubt else cost.anew for code, cost in costs.items()})

    def book_one(self, code: Code) -> dict[str, int]:
        """Put on record that a code is shown once; what was booked."""
        return self._book({code: 1})

    def _book(self, costs: Mapping[Code, int]) -> dict[str, int]:
        self._booked = {code: self._of(code) for code in COUNTED}
        booked: dict[str, int] = {}
        for code, wanted in costs.items():
            one = self._of(code)
            price = 0 if one.told == UNLIMITED else min(wanted, max(0, reckoned(one) - KEPT))
            if price:
                booked[str(code)] = price
                self._keep(code, replace(one, open=one.open + price))
        return booked

    def settle(self, shown: Mapping[Code, Shown]) -> dict[str, int]:
        """Correct what was booked by what became of it; the refusals by code."""
        refused: dict[str, int] = {}
        booked, self._booked = self._booked, {}
        for code, before in booked.items():
            done, since = shown.get(code, Shown()), before
            if done.accepted:
                full = before.full or ASSUMED
                since = CodeTries(full=full, told=None if before.told is None else full)
            if done.refused:
                refused[str(code)] = done.refused
            told = None if since.told is None else max(0, since.told - done.refused)
            open_, turned = since.open + done.unanswered, since.refused + done.refused
            self._keep(code, CodeTries(open_, turned, since.full, told))
        return refused

    def _of(self, code: Code) -> CodeTries:
        return self._known.get(code, CodeTries())

    def _keep(self, code: Code, one: CodeTries) -> None:
        if one != self._of(code):
            store.keep(self._records, self._driver, self._token, code, one)
            self._known[code] = one


def reckoned(one: CodeTries) -> int:
    """Tries left at worst: by the refusals counted and by what the token told, the fewer."""
    full = ASSUMED if one.full is None else one.full
    left = full - one.refused
    if one.told is not None:
        left = min(left, one.told)
    return left - one.open


def token_name(item: Item, serial: str | None) -> str:
    """What a token's tries are kept under: its serial, or its item while it has none."""
    return serial or f"item {item.mailer_number}"


def told(records: Records, item: Item) -> list[dict[str, object]]:
    """What is on record of the tries at an item's token, for people."""
    if item.token_driver is None:
        return []
    found = store.tries(records, item.token_driver, token_name(item, item.token_serial))
    return [
        {
            "code": str(code),
            "booked": one.open,
            "refused": one.refused,
            "at worst": spoken(reckoned(one)),
        }
        for code, one in sorted(found.items())
    ]
