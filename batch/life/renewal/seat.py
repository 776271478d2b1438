"""The token whose keys are renewed, in its seat: held, its codes shown once, places found for new keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from batch.life.renewal import renewing
from batch.life.renewal.lane import Answer, Value
from batch.life.renewal.mandate import RenewalMandate
from batch.model.codes import Binding, SealedCodes
from batch.model.errors import Refused
from batch.model.orders import Item
from batch.model.renewals import Renewal, RenewalKey
from batch.model.states import RenewalState
from batch.people.acting import Actor
from batch.people.ceremonies import Room
from batch.people.register import REGISTER_ACTS, Trust
from batch.people.separation import Act
from batch.production.admin_proof import need_set, recover, sealed_of
from batch.production.assignment import LaneFacts
from batch.production.budget import Budget
from batch.production.plan import Kind
from batch.production.reset import Held, need_own
from batch.production.seats import Seat
from batch.store import items, journal, renewals, statements
from batch.store.clock import now
from batch.store.database import Records
from drivers.errors import NoToken, Unsupported
from drivers.process import Child
from drivers.secret import Secret
from drivers.tokens import Beside, Code, TokenState
from layouts.token import TokenLayout

_LOOK = 5.0
"""Seconds to wait for a token."""

AdminKeys = Callable[[Item, SealedCodes], AbstractContextManager[Room]]
"""The process that has a token's admin credential: custody's, or that of the diversification keys."""


@dataclass(frozen=True)
class Bench:
    """What a renewal on a token is done with: the seat it is in, its layout, the CA, what the bench's key
    token keeps of the register, where the token's codes are from, who does it, and who is told each step.
    """

    seat: Seat
    run_directory: Path
    layout: TokenLayout
    authority: Child
    trust: Trust
    pin: Callable[[], Secret]
    admin: AdminKeys
    operator: Actor
    tell: Callable[[str], None]


class AtSeat:
    """One renewal and the seat that its token is in; the lane's process ends with `held`."""

    def __init__(self, records: Records, renewal: Renewal, bench: Bench, held: ExitStack) -> None:
        self.records, self.renewal, self.bench, self._stack = records, renewal, bench, held
        self.item = items.item_of(records, renewal.item_id)
        self.wanted = renewing.wanted(records, renewal, bench.layout)
        self.names = list(self.wanted.certificates)
        assert self.item.token_serial is not None, "a finished token has a serial"
        self.serial = self.item.token_serial
        self.budget = Budget(records, bench.seat.driver, self.item, self.serial)
        self.lane = self._start()

    def begin(self) -> None:
        """Hold the token, have what is to be made verified, and its codes shown once."""
        state = self.ask("look", _LOOK)
        if state is None:
            raise NoToken(
                "no token is in the reader", where=self.bench.seat.name, next="insert it, run this again"
            )
        assert isinstance(state, TokenState)
        need_own(self.item, self.bench.seat, Held(state, None, self.lane))
        reason = self.ask("keeps_old_key")
        if reason is not None:
            raise Unsupported(
                str(reason),
                where=f"token {self.item.mailer_number}",
                next=f"renew on a new token: station renew order {self.renewal.number}",
            )
        keys = renewals.keys(self.records, self.renewal)
        not_before = next((key.not_before for key in keys.values()), now().replace(microsecond=0))
        self.ask("take", self.wanted, not_before)
        facts = self.ask("describe")
        assert isinstance(facts, LaneFacts)
        takes_admin = Code.ADMIN in facts.rules.renewed_by
        if takes_admin:
            self._give_admin(facts)
        pin = self.bench.pin()
        with self.records.transaction():
            self.budget.looked_at(state)
            left = self.budget.left()
            booked = self.budget.book(Kind.GENERATE, in_doubt=False)
            self.tell("renewal.codes-shown", {"booked": booked})
        answer = self.lane.ask("show_codes", pin, takes_admin, left, timeout=self.seconds)
        self.settled("show-codes", answer)
        if self.renewal.state is RenewalState.APPROVED:
            with self.records.transaction():
                self.renewal = renewals.set_state(self.records, self.renewal, RenewalState.MAKING)
                by = {"carried_out_by": self.bench.operator.name}
                self.renewal = renewals.put(self.records, self.renewal, by)
                self.tell("renewal.making", {"model": state.identity.model})
        self._reserve(not_before)

    # For what is done with it

    def key(self, name: str) -> RenewalKey:
        """A key that is made anew, as it is on record by now."""
        return renewals.keys(self.records, self.renewal)[name]

    def settled(self, step: str, answer: object) -> Value:
        """What an act in the lane gave, its tries put on record; raises the error it met."""
        assert isinstance(answer, Answer)
        with self.records.transaction():
            self.spent(step, answer)
            self.tell("step.tries", {"step": step})
        if answer.error is not None:
            raise answer.error
        return answer.value

    def spent(self, step: str, answer: Answer) -> None:
        """Correct the tries that were booked, and tell of refused ones, in the caller's transaction."""
        if refused := self.budget.settle(answer.shown):
            self.tell("code.refused", {"step": step, **refused})

    @property
    def seconds(self) -> float:
        """How long the seat's token may take to answer."""
        return self.bench.seat.limits.answer

    def ask(self, method: str, *arguments: object) -> object:
        """Ask the lane's process."""
        return self.lane.ask(method, *arguments, timeout=self.seconds)

    def tell(self, name: str, detail: Mapping[str, object], kept: Mapping[str, object] | None = None) -> None:
        """Tell the log, in the caller's transaction; what is `kept` goes to the ledger."""
        renewing.tell(self.records, name, self.bench.operator.name, self.renewal, detail, kept)

    def _start(self) -> Child:
        seat = self.bench.seat
        chain = tuple(statements.chain(self.records, *REGISTER_ACTS))
        asked = statements.of_subject(self.records, Act.RENEW, self.renewal.number)[-1]
        approved = statements.signed(self.records, self.renewal.statement or "")
        if approved is None:
            raise Refused("nobody signed its approval", where=self.renewal.number)
        role = renewing.role_signed(self.records, self.renewal)
        mandate = RenewalMandate(self.bench.trust, chain, asked, approved, role, self.bench.layout)
        lock = self.bench.run_directory / f"{seat.name}.lock"
        child = Child(
            f"lane {seat.name}",
            "batch.life.renewal.lane:RenewalLane",
            (seat.name, seat.driver, dict(seat.options), lock, mandate),
            environment=seat.environment,
        )
        self._stack.callback(child.close)
        return child

    def _give_admin(self, facts: LaneFacts) -> None:
        need_set(self.records, self.item, facts)
        sealed = sealed_of(self.records, self.item)
        with self.bench.admin(self.item, sealed) as opened:
            for_lane = recover(self.records, self.item, sealed, opened, self.lane, facts)
        self.ask("give_admin", Binding(self.item.id, self.item.mailer_number), for_lane)

    def _reserve(self, not_before: datetime) -> None:
        """Give every new key a place and a number of its own, before any is made."""
        known = renewals.keys(self.records, self.renewal)
        taken = {place for key in known.values() for place in (key.made_at, key.kept_at)}
        for name, key in journal.keys(self.records, self.item.id).items():
            if name in known or name not in self.names:
                continue
            with self.records.transaction():
                left = self.budget.left()
                booked = self.budget.book(Kind.GENERATE, in_doubt=False)
                self.tell("step.begun", {"step": f"reserve:{name}", "tries booked": booked})
            answer = self.lane.ask("places", name, key.slot, taken, left, timeout=self.seconds)
            places = self.settled(f"reserve:{name}", answer)
            assert isinstance(places, Beside)
            taken |= {places.made_at, places.kept_at}
            generation = renewals.next_generation(self.records, self.item.id, name)
            new = RenewalKey(
                self.renewal.id, name, key.slot, places.made_at, places.kept_at, not_before, generation
            )
            with self.records.transaction():
                renewals.add_key(self.records, new)
                where = {"made at": places.made_at, "kept at": places.kept_at}
                self.tell("renewal.key-reserved", {"key": name, "generation": generation, **where})
