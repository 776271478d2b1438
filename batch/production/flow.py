"""One lane's way through an order: look, choose, make, put out, and again.

Written as a generator: between two yields everything written is one transaction, and what is yielded is
done only after that is committed. So the intent of a step is always durable before the step.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Generator
from typing import Any, Protocol

from batch.audit.log import log
from batch.model.codes import Binding, SealedCodes
from batch.model.events import Event
from batch.model.orders import Epoch, Item, Order
from batch.model.states import ItemState, StepState
from batch.production.assignment import Assignment, KeyMade, LaneFacts, Verified
from batch.production.calls import Call, Flow, Pause
from batch.production.events import LaneEvent, What
from batch.production.plan import Kind, Step, plan
from batch.store import codes, journal, letters, orders
from batch.store.database import Records
from drivers.authorities.port import CertificateRequest
from drivers.errors import CaUnavailable, DriverError, NoToken, ProcessDied, TokenLost
from drivers.feeders.port import Feeder, Tray
from drivers.process import Child, Reply
from drivers.tokens import TokenIdentity, TokenState

_LOOK = 0.5
"""Seconds a lane looks for a token before it asks whether to go on."""

_LIKE_FAILURES = 3
"""So many like failures in a row stop a lane (its reader or its box of blanks is at fault)."""

_RESTARTS = 3
_CA_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


class Desk(Protocol):
    """What a lane's flow needs of the production it is part of."""

    records: Records
    order: Order
    operator: str
    authority: Child
    keeper: Child
    epoch: Epoch
    stopping: bool

    def start_lane(self, seat: str) -> Child: ...
    def feeder(self, seat: str) -> Feeder: ...
    def assignment(self, item: Item, facts: LaneFacts) -> Assignment: ...
    def choose(self, seat: str, driver: str, state: TokenState) -> Item | None: ...
    def work_left(self, driver: str, empty_handed: int) -> bool: ...
    def ended_at(self, seat: str) -> bool: ...
    def tell(self, event: LaneEvent) -> None: ...


class LaneFlow:
    """Drives one seat; all its decisions are written into the records as they are made."""

    def __init__(self, desk: Desk, seat: str, driver: str) -> None:
        self._desk, self.seat, self._driver = desk, seat, driver
        self._records = desk.records
        self._child = desk.start_lane(seat)
        self._facts: LaneFacts | None = None
        self._failures: deque[tuple[str, str]] = deque(maxlen=_LIKE_FAILURES)
        self._restarts = 0
        self.current: Item | None = None
        self.stopped: str | None = None

    def run(self) -> Flow:
        """The whole life of the lane in this production."""
        try:
            self._facts = yield from self._ask("describe")
        except DriverError as error:
            self._stop(str(error))
        if self.stopped is None and self._desk.ended_at(self.seat):
            yield from self._look_behind()
        empty_handed = 0
        while self.stopped is None and not self._desk.stopping:
            if not self._desk.work_left(self._driver, empty_handed):
                break
            worked = yield from self._next_token()
            empty_handed = 0 if worked else empty_handed + 1
        self._child.close()
        if self.stopped is None:
            self._tell(What.LANE_ENDED)

    def _next_token(self) -> Generator[Call | Pause, Reply | None, bool]:
        """Look for a token and do what it calls for; False where there was nothing to do."""
        self._tell(What.WAITING, text="insert a token")
        self._desk.feeder(self.seat).feed(self.seat)
        state = yield from self._look()
        if state is None:
            return False
        item = self._desk.choose(self.seat, self._driver, state)
        if item is None:
            yield from self._turn_away(state)
            return False
        self.current = item
        try:
            yield from self._make(item, state)
        except (TokenLost, NoToken, ProcessDied, CaUnavailable) as error:
            yield from self._interrupt(item, error)
        except DriverError as error:
            yield from self._quarantine(item, state, error)
        finally:
            self.current = None
        return True

    def _look(self) -> Generator[Call | Pause, Reply | None, TokenState | None]:
        """What is in the reader; None for nothing, and for what the lane's process could not read."""
        try:
            state = yield from self._ask("look", _LOOK)
        except (NoToken, TokenLost):
            return None
        except ProcessDied as error:
            self._restart(str(error))
            return None
        except DriverError as error:
            yield from self._refuse(None, str(error))
            return None
        assert state is None or isinstance(state, TokenState)
        return state

    def _look_behind(self) -> Generator[Call | Pause, Reply | None, None]:
        """Have taken out what a desk that was killed left in the reader, even if no work is left."""
        state = yield from self._look()
        if state is not None and self._desk.choose(self.seat, self._driver, state) is None:
            yield from self._turn_away(state)

    def _make(self, item: Item, state: TokenState) -> Generator[Call | Pause, Reply | None, None]:
        assert self._facts is not None
        serial = state.identity.serial
        fresh = item.state is ItemState.PLANNED
        if fresh:
            orders.begin_item(self._records, item, self.seat, self._driver, serial)
        else:
            orders.bind_token(self._records, item.id, self.seat, serial)
        item = self.current = orders.item_of(self._records, item.id)
        self._log("item.begun" if fresh else "item.resumed", item, serial, {"model": state.identity.model})
        self._tell(What.BEGUN if fresh else What.RESUMED, item, serial, state.identity.model)
        binding = Binding(item.id, item.mailer_number)
        assignment = self._desk.assignment(item, self._facts)
        steps = plan(self._facts.sequence, [task.name for task in assignment.keys])
        for task in assignment.keys:
            journal.add_key(self._records, item.id, task.name, task.spec.slot)
        states = journal.steps(self._records, item.id)
        sealed = codes.sealed(self._records, item.id)
        if sealed is None:
            yield from self._seal(item, assignment, serial)
        else:
            yield from self._restore(assignment, sealed, released=_released(states))
        for step in steps[1:]:
            if self._desk.stopping:
                return (yield from self._leave(item))
            before = states.get(step.name)
            if before is StepState.DONE:
                continue
            serial = yield from self._step(item, assignment, step, serial, in_doubt=before is not None)
        yield from self._produced(item, binding, serial)

    def _seal(
        self, item: Item, assignment: Assignment, serial: str | None
    ) -> Generator[Call | Pause, Reply | None, None]:
        """Codes are drawn and sealed, and the sealed blob is durable, before the token is written to."""
        self._intend(item, Step(Kind.SEAL), serial)
        resume = yield from self._ask("new_key", assignment.binding, child=self._desk.keeper)
        sealed = yield from self._ask("seal", assignment, self._desk.epoch.public_key, resume)
        assert isinstance(sealed, SealedCodes)
        codes.keep(self._records, item.id, self._desk.epoch, sealed)
        self._done(item, Step(Kind.SEAL), serial)

    def _restore(
        self, assignment: Assignment, sealed: SealedCodes, *, released: bool
    ) -> Generator[Call | Pause, Reply | None, None]:
        """Give the lane its codes again; not needed, and not possible, once the resume key may be gone."""
        if released:
            return
        lane_key = yield from self._ask("lane_key")
        for_lane = yield from self._ask(
            "rewrap", assignment.binding, sealed.for_resume, lane_key, child=self._desk.keeper
        )
        yield from self._ask("restore", assignment, sealed, for_lane)

    def _step(
        self, item: Item, assignment: Assignment, step: Step, serial: str | None, *, in_doubt: bool
    ) -> Generator[Call | Pause, Reply | None, str | None]:
        self._intend(item, step, serial)
        self._tell(What.STEP, item, serial, step.name)
        if step.kind is Kind.CERTIFY:
            certificate = yield from self._certify(item, assignment, step)
            journal.set_certificate(self._records, item.id, step.key or "", certificate)
        elif step.kind is Kind.RELEASE:
            yield from self._ask("destroy", assignment.binding, child=self._desk.keeper)
        else:
            keys = journal.keys(self._records, item.id)
            certificates = {name: key.certificate for name, key in keys.items() if key.certificate}
            publics = {name: key.public_key for name, key in keys.items() if key.public_key}
            done = frozenset(
                name for name, at in journal.steps(self._records, item.id).items() if at is StepState.DONE
            )
            outcome = yield from self._ask("step", step, done, in_doubt, certificates, publics)
            if isinstance(outcome, TokenIdentity):
                serial = serial or outcome.serial
                orders.bind_token(self._records, item.id, self.seat, serial)
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

    def _certify(
        self, item: Item, assignment: Assignment, step: Step
    ) -> Generator[Call | Pause, Reply | None, bytes]:
        """Ask the CA under one transaction per key made: a lost answer is found, never issued twice."""
        key = journal.keys(self._records, item.id)[step.key or ""]
        assert key.csr is not None, "a key is certified after it was made"
        request = CertificateRequest(
            f"{item.mailer_number}/{key.name}/{key.generations}", key.csr, assignment.key(step.key).template
        )
        for pause in _CA_PAUSES:
            try:
                return bytes((yield from self._ask("issue", request, child=self._desk.authority)))
            except CaUnavailable as error:
                self._tell(What.STEP, item, None, f"{step.name}: {error}")
            if self._desk.stopping:
                break
            yield Pause(pause)
        return bytes((yield from self._ask("issue", request, child=self._desk.authority)))

    def _produced(
        self, item: Item, binding: Binding, serial: str | None
    ) -> Generator[Call | Pause, Reply | None, None]:
        codes.forget_resume(self._records, item.id)
        orders.end_item(self._records, item.id, ItemState.PRODUCED)
        letters.add(self._records, item.mailer_number, item.id)
        self._log("item.produced", item, serial)
        self._failures.clear()
        self._tell(What.PRODUCED, item, serial)
        yield from self._put_out(Tray.GOOD, f"envelope {binding.mailer_number}")

    def _leave(self, item: Item) -> Generator[Call | Pause, Reply | None, None]:
        """Stop between two steps, as asked; the same command goes on from here."""
        self._tell(What.INTERRUPTED, item, item.token_serial, "stopped between two steps")
        self._log("item.interrupted", item, item.token_serial, {"reason": "stopped by the operator"})
        yield from self._ask("let_go")

    def _interrupt(self, item: Item, error: DriverError) -> Generator[Call | Pause, Reply | None, None]:
        """The outcome of the step is unknown; the item waits for its token to come back."""
        self._doubt(item, StepState.UNKNOWN, error)
        self._log("item.interrupted", item, item.token_serial, {"reason": str(error)})
        self._tell(What.INTERRUPTED, item, item.token_serial, str(error))
        if isinstance(error, ProcessDied) and error.where == self._child.name:
            self._restart(str(error))
        elif isinstance(error, ProcessDied | CaUnavailable):
            self._stop(str(error))
        else:
            yield from self._ask("let_go")

    def _quarantine(
        self, item: Item, state: TokenState, error: DriverError
    ) -> Generator[Call | Pause, Reply | None, None]:
        step = self._doubt(item, StepState.FAILED, error)
        reason = f"{step}: {error}" if step else str(error)
        orders.end_item(self._records, item.id, ItemState.QUARANTINED, reason)
        self._log("item.quarantined", item, state.identity.serial, {"reason": reason})
        self._tell(What.QUARANTINED, item, state.identity.serial, reason)
        yield from self._put_out(Tray.QUARANTINE, f"{item.mailer_number}: {reason}")
        self._count_failure(type(error).__name__, step or "")

    def _turn_away(self, state: TokenState) -> Generator[Call | Pause, Reply | None, None]:
        """A token no item of this order is waiting for: another's, a finished one, or no blank."""
        serial = state.identity.serial
        owner = orders.item_of_token(self._records, self._driver, serial) if serial else None
        if owner is not None and owner.state is ItemState.PRODUCED and owner.seat == self.seat:
            # A desk that was killed had no time left to have it taken out.
            yield from self._put_out(Tray.GOOD, f"envelope {owner.mailer_number}")
        elif owner is not None:
            reason = f"it is token {owner.mailer_number}, {owner.state}"
            yield from self._refuse(state, reason, "begun before")
        elif not state.blank:
            yield from self._refuse(state, f"not blank: {', '.join(state.marks)}")

    def _refuse(
        self, state: TokenState | None, reason: str, kind: str | None = None
    ) -> Generator[Call | Pause, Reply | None, None]:
        """A token that must not be written to; no item is spent on it. `kind` is what is alike in reasons."""
        serial = state.identity.serial if state else None
        log(
            self._records,
            Event(
                "token.refused",
                self._desk.operator,
                order=self._desk.order.number,
                seat=self.seat,
                token=serial,
                detail={"reason": reason},
            ),
        )
        self._tell(What.REFUSED, None, serial, reason)
        yield from self._put_out(Tray.QUARANTINE, reason)
        self._count_failure("refused", kind or reason)

    def _put_out(self, tray: Tray, note: str) -> Generator[Call | Pause, Reply | None, None]:
        """Let the token be taken out and wait until it is; a crash here loses nothing."""
        try:
            yield from self._ask("let_go")
            self._tell(What.REMOVE, text=f"take out: {tray}, {note}")
            self._desk.feeder(self.seat).take(self.seat, tray, note)
            while not self._desk.stopping and self._desk.work_left(self._driver, 0):
                if (yield from self._ask("await_removal", _LOOK)):
                    break
        except ProcessDied as error:
            self._restart(str(error))
        except DriverError as error:
            self._stop(str(error))

    def _count_failure(self, kind: str, step: str) -> None:
        self._failures.append((kind, step))
        if len(self._failures) == _LIKE_FAILURES and len(set(self._failures)) == 1:
            self._stop(f"{_LIKE_FAILURES} like failures in a row: {kind}, {step}")

    def _restart(self, reason: str) -> None:
        self._child.kill()
        self._restarts += 1
        if self._restarts > _RESTARTS:
            self._stop(f"the lane's process ended {self._restarts} times, last: {reason}")
        else:
            self._child = self._desk.start_lane(self.seat)

    def _stop(self, reason: str) -> None:
        self.stopped = reason
        log(
            self._records,
            Event(
                "lane.stopped",
                self._desk.operator,
                order=self._desk.order.number,
                seat=self.seat,
                detail={"reason": reason},
            ),
        )
        self._tell(What.LANE_STOPPED, text=reason)

    def _ask(
        self, method: str, *arguments: Any, child: Child | None = None
    ) -> Generator[Call | Pause, Reply | None, Any]:
        reply = yield Call(child or self._child, method, arguments)
        assert reply is not None, "a call is answered"
        return reply.result()

    def _intend(self, item: Item, step: Step, serial: str | None) -> None:
        journal.intend(self._records, item.id, step.name)
        self._log("step.begun", item, serial, {"step": step.name})

    def _done(self, item: Item, step: Step, serial: str | None) -> None:
        journal.settle(self._records, item.id, step.name, StepState.DONE)
        self._log("step.done", item, serial, {"step": step.name})

    def _doubt(self, item: Item, state: StepState, error: DriverError) -> str | None:
        """Settle the step that was under way; its name, None where none was."""
        steps = journal.steps(self._records, item.id)
        name = next((name for name, at in steps.items() if at is StepState.INTENT), None)
        if name is not None:
            journal.settle(self._records, item.id, name, state, str(error))
        return name

    def _log(
        self, name: str, item: Item, serial: str | None, detail: dict[str, object] | None = None
    ) -> None:
        log(
            self._records,
            Event(
                name,
                self._desk.operator,
                order=self._desk.order.number,
                item=item.mailer_number,
                seat=self.seat,
                token=serial,
                detail=detail,
            ),
        )

    def _tell(self, what: What, item: Item | None = None, serial: str | None = None, text: str = "") -> None:
        self._desk.tell(LaneEvent(what, self.seat, item.mailer_number if item else None, serial, text))


def _released(states: dict[str, StepState]) -> bool:
    return Step(Kind.RELEASE).name in states
