"""Making one token: step by step, each intent on record before the step, each outcome after it."""

from __future__ import annotations

import enum
import json
from collections.abc import Collection, Mapping
from typing import Any

from batch.model.codes import Binding, DerivedAdmin, SealedCodes
from batch.model.orders import Item
from batch.model.states import ItemState, StepState
from batch.production.assignment import Assignment, KeyMade, LaneFacts, Stepped, StepTask, Verified
from batch.production.budget import Budget
from batch.production.ending import end_produced
from batch.production.events import StepPlace, What
from batch.production.issuing import Issuing
from batch.production.plan import Kind, Step, plan
from batch.production.seatwork import Desk, SeatWork, Work
from batch.store import codes, items, journal
from drivers.errors import AuthenticationFailed, CaPending, DriverError, NoToken, ProcessDied, ReadBackFailed
from drivers.process import Child
from drivers.tokens import TokenIdentity, TokenState


class KeysFailed(DriverError):
    """The bench's own keys could not be used; the token in the reader is not at fault."""


class Made(enum.Enum):
    """How far an item came: PRODUCED, STOPPED between two steps as asked, or WAITING for the CA."""

    PRODUCED = "produced"
    STOPPED = "stopped"
    WAITING = "waiting"


class Making(SeatWork):
    """The way of one item from its first step, or from where it was left, to `produced`."""

    def __init__(
        self, desk: Desk, seat: str, driver: str, child: Child, facts: LaneFacts, assignment: Assignment
    ) -> None:
        super().__init__(desk, seat, driver, child)
        self._facts, self._assignment = facts, assignment
        self._issuing = Issuing(desk, seat, driver, child)
        self._budget: Budget

    def make(self, item: Item, state: TokenState) -> Work[Made]:
        """Make the item with the token that is held, as far as it goes without what the CA has not answered.

        Raises what a step met; its outcome is not on record then.
        """
        serial = state.identity.serial
        fresh = item.state is ItemState.PLANNED
        if fresh:
            items.begin_item(self._records, item, self.seat, self._driver, serial)
        else:
            items.bind_token(self._records, item.id, self.seat, serial)
        self._log("item.begun" if fresh else "item.resumed", item, serial, {"model": state.identity.model})
        self._tell(What.BEGUN if fresh else What.RESUMED, item, serial, state.identity.model)
        self._budget = Budget(self._records, self._driver, item, serial)
        self._budget.looked_at(state)
        steps = plan(self._facts.sequence, [task.name for task in self._assignment.keys])
        for task in self._assignment.keys:
            journal.add_key(self._records, item.id, task.name, task.spec.slot)
        states = journal.steps(self._records, item.id)
        sealed = codes.sealed(self._records, item.id)
        if sealed is None:
            yield from self._seal(item, serial)
        else:
            yield from self._restore(sealed, released=_released(states))
        waiting: set[str] = set()
        for done, step in enumerate(steps[1:], start=1):
            if waiting and step.kind is Kind.VERIFY:
                self._log("item.waiting", item, serial, {"keys": sorted(waiting)})
                return Made.WAITING
            # Codes are set all the same: for days the factory's would not be the token's only ones to try.
            if step.kind is Kind.LOAD and step.key in waiting:
                continue
            if self._desk.stopping:
                return (yield from self._leave(item, serial, waiting))
            before = states.get(step.name)
            if before is StepState.DONE:
                continue
            place = StepPlace(step.name, done, len(steps))
            try:
                serial = yield from self._step(item, step, place, serial, in_doubt=before is not None)
            except CaPending as error:
                journal.settle(self._records, item.id, step.name, StepState.WAITING, error.what)
                self._log("step.waiting", item, serial, {"step": step.name})
                waiting.add(step.key or "")
        self._produced(item, serial)
        return Made.PRODUCED

    def _seal(self, item: Item, serial: str | None) -> Work[None]:
        """Codes are drawn and sealed, and the sealed blob is durable, before the token is written to."""
        self._intend(item, Step(Kind.SEAL), serial)
        resume = yield from self._ask_keeper("new_key", self._assignment.binding)
        derived = None
        if self._assignment.diversified:
            lane_key = yield from self._ask("lane_key")
            derived = yield from self._derived(self._desk.diversification_key, lane_key)
        sealed = yield from self._ask("seal", self._assignment, self._desk.epoch.public_key, resume, derived)
        assert isinstance(sealed, SealedCodes)
        codes.keep(self._records, item.id, self._desk.epoch, sealed)
        self._done(item, Step(Kind.SEAL), serial, {"diversified_from": derived.key_name} if derived else None)

    def _derived(self, key_name: str | None, lane_key: bytes) -> Work[DerivedAdmin]:
        """The admin credential of a diversified token, for the lane alone."""
        keys = self._desk.diversification
        if keys is None or key_name is None:
            raise KeysFailed("no diversification key is at hand", where=self.seat, next="produce it again")
        binding, length = self._assignment.binding, self._facts.rules.admin
        derived = yield from self._of_keys(keys, "derive", key_name, binding, self._driver, length, lane_key)
        assert isinstance(derived, DerivedAdmin)
        return derived

    def _restore(self, sealed: SealedCodes, *, released: bool) -> Work[None]:
        """Give the lane its codes again; not needed, and not possible, once the resume key may be gone."""
        if released:
            return
        binding = self._assignment.binding
        lane_key = yield from self._ask("lane_key")
        try:
            for_lane = yield from self._ask_of(
                self._desk.keeper, "rewrap", binding, sealed.for_resume, lane_key
            )
        except (NoToken, AuthenticationFailed) as error:
            raise KeysFailed(error.what, where=error.where, next=error.next) from error
        derived = None
        if sealed.diversified_from is not None:
            derived = yield from self._derived(sealed.diversified_from, lane_key)
        yield from self._ask("restore", self._assignment, sealed, for_lane, derived)

    def _step(
        self, item: Item, step: Step, place: StepPlace, serial: str | None, *, in_doubt: bool
    ) -> Work[str | None]:
        left = self._budget.left()
        self._intend(item, step, serial, self._budget.book(step.kind, in_doubt=in_doubt))
        self._tell(What.STEP, item, serial, step.name, place)
        if step.kind is Kind.CERTIFY:
            key = journal.keys(self._records, item.id)[step.key or ""]
            template = self._assignment.key(step.key).template
            certificate = yield from self._issuing.certificate(item, serial, step, key, template)
            journal.set_certificate(self._records, item.id, step.key or "", certificate)
        elif step.kind is Kind.RELEASE:
            yield from self._ask_keeper("destroy", self._assignment.binding)
        else:
            keys = journal.keys(self._records, item.id)
            certificates = {name: key.certificate for name, key in keys.items() if key.certificate}
            publics = {name: key.public_key for name, key in keys.items() if key.public_key}
            done = frozenset(
                name for name, at in journal.steps(self._records, item.id).items() if at is StepState.DONE
            )
            task = StepTask(step, done, in_doubt, certificates, publics)
            stepped = yield from self._ask("step", task, left, makes_key=step.kind is Kind.GENERATE)
            assert isinstance(stepped, Stepped)
            if refused := self._budget.settle(stepped.shown):
                self._log("code.refused", item, serial, {"step": step.name, **refused})
            outcome = stepped.result()
            if isinstance(outcome, TokenIdentity):
                serial = serial or outcome.serial
                self._bind(item, serial)
            elif isinstance(outcome, KeyMade):
                evidence = json.dumps(
                    {
                        "kind": outcome.evidence.kind,
                        "attributes": dict(outcome.evidence.attributes),
                        "chain": [certificate.hex() for certificate in outcome.evidence.chain],
                    }
                )
                journal.set_generated(self._records, item.id, step.key or "", outcome.public_key, evidence)
                journal.set_csr(self._records, item.id, step.key or "", outcome.csr)
            elif isinstance(outcome, Verified):
                codes.keep_hash(self._records, item.id, outcome.revocation_hash)
        self._done(item, step, serial)
        return serial

    def _bind(self, item: Item, serial: str | None) -> None:
        owner = items.item_of_serial(self._records, self._driver, serial)
        if owner is not None and owner.id != item.id:
            raise ReadBackFailed(
                f"its serial {serial} is that of token {owner.mailer_number}",
                next="use tokens with serials of their own",
            )
        items.bind_token(self._records, item.id, self.seat, serial)
        self._budget.bind(serial)

    def _produced(self, item: Item, serial: str | None) -> None:
        end_produced(self._records, item, self._event("item.produced", item, serial))
        self._tell(What.PRODUCED, item, serial)

    def _leave(self, item: Item, serial: str | None, waiting: Collection[str]) -> Work[Made]:
        """Stop between two steps, as asked; the same command goes on from here."""
        for key in waiting:
            # It does not only wait for the CA.
            journal.settle(self._records, item.id, Step(Kind.CERTIFY, key).name, StepState.UNKNOWN)
        self._tell(What.INTERRUPTED, item, serial, "stopped between two steps")
        self._log("item.interrupted", item, serial, {"reason": "stopped by the operator"})
        yield from self._ask("let_go")
        return Made.STOPPED

    def _ask_keeper(self, method: str, binding: Binding) -> Work[bytes]:
        answer: bytes = yield from self._of_keys(self._desk.keeper, method, binding)
        return answer

    def _of_keys(self, keys: Child, method: str, *arguments: Any) -> Work[Any]:
        try:
            return (yield from self._ask_of(keys, method, *arguments))
        except ProcessDied:
            raise
        except DriverError as error:
            raise KeysFailed(error.what, where=error.where, next=error.next) from error

    def _intend(
        self, item: Item, step: Step, serial: str | None, booked: Mapping[str, int] | None = None
    ) -> None:
        journal.intend(self._records, item.id, step.name)
        detail = {"step": step.name, **({"tries booked": dict(booked)} if booked else {})}
        self._log("step.begun", item, serial, detail)

    def _done(
        self, item: Item, step: Step, serial: str | None, more: Mapping[str, object] | None = None
    ) -> None:
        journal.settle(self._records, item.id, step.name, StepState.DONE)
        self._log("step.done", item, serial, {"step": step.name, **(more or {})})


def _released(states: dict[str, StepState]) -> bool:
    return Step(Kind.RELEASE).name in states
