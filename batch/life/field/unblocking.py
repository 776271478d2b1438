"""Unblocking a finished token's PIN at the desk, by what its driver names: PUK or admin credential."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from batch.audit.log import log
from batch.model.codes import Binding
from batch.model.errors import Refused
from batch.model.field import Done, FieldAct
from batch.model.orders import Item
from batch.model.states import ItemState, LifeState
from batch.production.admin_proof import Keys, recover, sealed_of
from batch.production.assignment import LaneFacts, Stepped
from batch.production.budget import Budget
from batch.production.quarantine import event_of
from batch.production.reset import Held, held, need_own
from batch.production.seats import Seat
from batch.store import field, lives
from batch.store.database import Records
from drivers.errors import AuthenticationFailed
from drivers.secret import Secret
from drivers.tokens import Code

SERVED = "batch.life.field.unblocking_lane:UnblockingLane"
_ANSWER = 120.0

_NOT_HERE = (LifeState.LOST, LifeState.DESTROYED)


@dataclass(frozen=True)
class HolderCodes:
    """What the holder gave: the code of the letter, None where the desk has it, and the PIN they chose."""

    code: Secret | None
    new: Secret


Ask = Callable[[Code], HolderCodes]
"""Asks the holder, once it is known by which code a token is unblocked."""


def unblock(
    records: Records,
    item: Item,
    seat: Seat,
    run_directory: Path,
    ask: Ask,
    keys: Keys,
    *,
    officers: Sequence[str],
    persons: int,
    at: datetime,
) -> Code:
    """Set a new PIN on the token of an item in a seat; the code that did it.

    `persons` officers do it, two where the admin credential does: custody or the diversification keys give
    it to the lane (`keys`). Raises `Refused`, `WrongToken` or `RetryBudget` before any try is made,
    `AuthenticationFailed` where the code is wrong, and what the driver raises.
    """
    refuse_not_here(records, item)
    with held(seat, run_directory, SERVED) as found:
        need_own(item, seat, found)
        facts = found.lane.ask("describe", timeout=_ANSWER)
        assert isinstance(facts, LaneFacts)
        by = facts.rules.unblocked_by
        _need_officers(item, officers, max(persons, 2 if by is Code.ADMIN else 1))
        sealed = sealed_of(records, item) if by is Code.ADMIN else None
        codes = ask(by)
        found.lane.ask("check_new", codes.new, timeout=_ANSWER)
        one_try = _Try(records, item, seat, found, facts, officers, at)
        if sealed is None:
            assert codes.code is not None, "the holder has it"
            one_try.make("unblock", codes.code, codes.new)
            return by
        with keys(item, sealed) as opened:
            for_lane = recover(records, item, sealed, opened, found.lane, facts)
        binding = Binding(item.id, item.mailer_number)
        one_try.make("unblock_by_admin", binding, for_lane, codes.new)
    return by


def refuse_not_here(records: Records, item: Item) -> None:
    """Raise `Refused` for a token that is not finished, never left the desk, or is lost or destroyed."""
    where = f"token {item.mailer_number}"
    if item.state is not ItemState.PRODUCED:
        raise Refused(
            f"it is {item.state}, and its PIN is not its holder's yet",
            where=where,
            next=f"see `station token show {item.mailer_number}`",
        )
    state = lives.life(records, item.id).state
    if state in _NOT_HERE:
        raise Refused(
            f"it is {state} on record",
            where=where,
            next=f"where it came back: `station token returned {item.mailer_number}`",
        )
    if state is LifeState.AT_DESK:
        # Whoever sets its PIN here knows it before its holder does (R7).
        raise Refused(
            "it never left the desk, and its PIN is that of its letter",
            where=where,
            next="dispatch it or hand it over; its holder may have it unblocked",
        )


def _need_officers(item: Item, officers: Sequence[str], persons: int) -> None:
    if len(officers) < persons:
        raise Refused(
            f"it takes {persons} PIN officers, and {len(officers)} is here",
            where=f"token {item.mailer_number}",
            next="name the other with --with",
        )


@dataclass(frozen=True)
class _Try:
    """One try, booked before it is made; what became of it is on record after it."""

    records: Records
    item: Item
    seat: Seat
    found: Held
    facts: LaneFacts
    officers: Sequence[str]
    at: datetime

    def make(self, method: str, *arguments: object) -> None:
        """Have the lane make it; raises what the lane met."""
        by, counted = self.facts.rules.unblocked_by, self.facts.rules.unblocking_counts
        budget = Budget(self.records, self.seat.driver, self.item, self.item.token_serial)
        other = ", ".join(self.officers[1:]) or None
        detail: dict[str, object] = {"by": str(by), "with": other}
        with self.records.transaction():
            budget.looked_at(self.found.state)
            left = budget.left()
            self._tell("token.unblocking", {**detail, "booked": budget.book_one(counted)})
        stepped = self.found.lane.ask(method, *arguments, left, timeout=_ANSWER)
        assert isinstance(stepped, Stepped)
        with self.records.transaction():
            budget.settle(stepped.shown)
            if stepped.error is None:
                act, operator = FieldAct.UNBLOCKED, self.officers[0]
                field.add(self.records, Done(self.item.id, act, self.at, operator, other, str(by)))
                self._tell("token.unblocked", detail)
            else:
                refused = isinstance(stepped.error, AuthenticationFailed)
                why = {} if refused else {"reason": stepped.error.what}
                self._tell("token.not-unblocked", {**detail, "refused": refused, **why})
        stepped.result()

    def _tell(self, name: str, detail: dict[str, object]) -> None:
        told = event_of(self.records, name, self.officers[0], self.item, detail, seat=self.seat.name)
        log(self.records, told)
