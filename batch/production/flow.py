"""One lane's way through an order: look, choose, make, put out, and again.

Written as a generator: between two yields everything written is one transaction, and what is yielded is
done only after that is committed. So the intent of a step is always durable before the step.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace

from batch.model.orders import Item
from batch.model.states import ItemState, StepState
from batch.production.assignment import LaneFacts
from batch.production.calls import Flow, Pause
from batch.production.events import Awaited, Missing, Refusal, Removal, Trouble, What
from batch.production.feeding import FedSeat
from batch.production.making import KeysFailed, Made, Making
from batch.production.quarantine import cause_of, set_aside
from batch.production.seatwork import Desk, Work, named
from batch.production.wishes import Will, Wish
from batch.store import items, journal, orders
from batch.store.clock import now
from drivers.errors import (
    CaUnavailable,
    DeviceFailed,
    DriverError,
    FeederFailed,
    NotBlank,
    NoToken,
    ProcessDied,
    TokenLost,
    WrongToken,
)
from drivers.feeders.port import Tray
from drivers.tokens import TokenState

_LOOK = 0.5
"""Seconds a lane looks for a token before it asks whether to go on."""

_LIKE_FAILURES = 3
"""So many like failures in a row stop a lane (its reader or its box of blanks is at fault)."""

_RESTARTS = 3


class LaneFlow(FedSeat):
    """Drives one seat; all its decisions are written into the records as they are made."""

    def __init__(self, desk: Desk, seat: str, driver: str) -> None:
        super().__init__(desk, seat, driver, desk.start_lane(seat))
        self._facts: LaneFacts | None = None
        self._failures: deque[tuple[str, str]] = deque(maxlen=_LIKE_FAILURES)
        self._restarts = 0
        self._faltered: set[int] = set()
        self._blind = 0  # removals in a row that could not be waited for
        self.current: Item | None = None
        self.stopped: str | None = None

    def run(self) -> Flow:
        """The whole life of the lane in this production."""
        try:
            self._facts = yield from self._ask("describe")
            if self._desk.ended_at(self.seat):
                yield from self._look_behind()
            yield from self._work()
            yield from self._come_to_rest()
        except DriverError as error:
            self._stop(str(error))
        self._child.hang_up()
        if self.stopped is None:
            self._tell(What.LANE_ENDED)

    def close(self) -> None:
        """Make sure that the lane's process is gone; one that is in an exchange may end it first."""
        self._child.close()

    def _work(self) -> Work[None]:
        idle = time.monotonic()
        while self.stopped is None and not self._desk.stopping:
            wish = self._desk.wishes.of(self.seat)
            if wish.will is Will.END:
                self._log("lane.ended", detail=wish.detail())
                break
            if not self._desk.work_left(self._driver, time.monotonic() - idle):
                break
            if wish.will is Will.PAUSE:
                yield from self._rest(wish)
                idle = time.monotonic()
                continue
            try:
                if (yield from self._next_token()):
                    idle = time.monotonic()
            except FeederFailed as error:
                self._jammed(error)
        if self._jam is not None and self.stopped is None:
            self._stop(self._jam)

    def _rest(self, wish: Wish) -> Work[None]:
        """Wait between two tokens, as somebody wished or the feeder makes it; other commands may use the seat
        meanwhile.
        """
        self._child.hang_up()
        if self._jam is None:
            self._log("lane.paused", detail=wish.detail())
            self._tell(What.PAUSED)
        else:
            self._tell(What.JAMMED, text=self._jam)
        until = time.monotonic() + self._desk.limits(self.seat).jam
        while wish.will is Will.PAUSE:
            given_up = self._jam is not None and time.monotonic() >= until
            if given_up or self._desk.stopping or not self._desk.work_left(self._driver, 0.0):
                if given_up and self._jam is not None:
                    self._stop(self._jam)
                return
            yield Pause(_LOOK)
            wish = self._desk.wishes.of(self.seat)
        self._jam = None
        if wish.will is Will.GO_ON:
            self._log("lane.resumed", detail=wish.detail())
            self._child.kill()
            self._child, self._vacant = self._desk.start_lane(self.seat), False
            # A seat that somebody else still uses stops the lane here, before a token is blamed for it.
            self._facts = yield from self._ask("describe")

    def _next_token(self) -> Work[bool]:
        """Look for a token and do what it calls for; False where there was nothing to do."""
        if self._desk.wants_blanks(self._driver):
            self._feed()
        else:
            missing = self._desk.unfinished(self._driver)
            awaited = (Awaited(item.mailer_number, item.token_serial, item.seat) for item in missing)
            text = f"put back {', '.join(map(named, missing))}"
            self._tell(What.MISSING, text=text, detail=Missing(tuple(awaited)))
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
        finally:
            self.current = None
        return True

    def _look(self) -> Work[TokenState | None]:
        """What is in the reader; None for nothing, and for what the lane's process could not read."""
        try:
            state = yield from self._ask("look", _LOOK, True)
        except (NoToken, TokenLost):
            return None
        except ProcessDied as error:
            self._restart(str(error))
            return None
        except DriverError as error:
            yield from self._arrived()
            yield from self._refuse(None, str(error), Refusal.UNREADABLE)
            return None
        assert state is None or isinstance(state, TokenState)
        if state is None:
            self._vacant = True
        else:
            yield from self._arrived()
        return state

    def _look_behind(self) -> Work[None]:
        """Have taken out what a desk that was killed left in the reader, even if no work is left."""
        state = yield from self._look()
        item = self._desk.choose(self.seat, self._driver, state) if state is not None else None
        if state is not None and item is None:
            yield from self._turn_away(state)
        elif item is not None and self._desk.waiting(item):
            yield from self._put_away(item, Made.WAITING)

    def _make(self, item: Item, state: TokenState) -> Work[None]:
        assert self._facts is not None
        item = item if item.began_at else replace(item, began_at=now())
        # A layout that does not fit this lane's tokens stops the lane and spoils none of them.
        assignment = self._desk.assignment(item, self._facts)
        proof, custody = self._desk.proof(item), self._desk.epoch.public_key
        # What was not approved as it is stops the lane as well: nothing was done to the token yet.
        try:
            yield from self._ask("take", item, proof, assignment, custody)
        except ProcessDied as error:
            self._restart(str(error))
            return
        making = Making(self._desk, self.seat, self._driver, self._child, self._facts, assignment)
        try:
            made = yield from making.make(item, state)
        except (TokenLost, NoToken, WrongToken, ProcessDied, CaUnavailable, KeysFailed) as error:
            yield from self._interrupt(item, error)
        except NotBlank as error:
            if items.item_of(self._records, item.id).token_serial is None:
                yield from self._disown(item, error, state)
            else:
                yield from self._quarantine(item, error)
        except DeviceFailed as error:
            if item.id in self._faltered:
                yield from self._quarantine(item, error)
            else:
                yield from self._falter(item, error)
        except DriverError as error:
            yield from self._quarantine(item, error)
        else:
            if made is not Made.STOPPED:
                self._failures.clear()
                yield from self._put_away(item, made)

    def _put_away(self, item: Item, made: Made) -> Work[None]:
        """A token that is finished leaves its reader, or one that only the CA can go on with."""
        serial = items.item_of(self._records, item.id).token_serial
        number = item.mailer_number
        if made is Made.PRODUCED:
            yield from self._put_out(Removal(Tray.GOOD), item, serial, f"envelope {number}")
            return
        self._desk.waits(item)
        self._tell(What.PENDING, item, serial, "its certificates come in hours or days")
        yield from self._put_out(Removal(Tray.WAITING), item, serial, f"{number}: waits for the CA")

    def _interrupt(self, item: Item, error: DriverError) -> Work[None]:
        """The outcome of the step is unknown; the item waits for its token to come back."""
        self._doubt(item, StepState.UNKNOWN, error)
        serial = items.item_of(self._records, item.id).token_serial
        self._log("item.interrupted", item, serial, {"reason": str(error)})
        self._tell(What.INTERRUPTED, item, serial, str(error))
        if isinstance(error, ProcessDied) and error.where == self._child.name:
            self._restart(str(error))
        elif isinstance(error, ProcessDied | CaUnavailable | KeysFailed):
            self._stop(str(error))
        else:
            yield from self._let_go()

    def _falter(self, item: Item, error: DeviceFailed) -> Work[None]:
        """A token that failed once is asked afresh how far it came; the second time it is set aside."""
        self._faltered.add(item.id)
        self._doubt(item, StepState.UNKNOWN, error)
        serial = items.item_of(self._records, item.id).token_serial
        self._log("item.interrupted", item, serial, {"reason": str(error)})
        self._tell(What.INTERRUPTED, item, serial, str(error))
        self._child.kill()
        self._child = self._desk.start_lane(self.seat)
        self.current = None
        state = yield from self._look()
        again = self._desk.choose(self.seat, self._driver, state) if state is not None else None
        if state is not None and again is not None and again.id == item.id:
            self.current = again
            yield from self._make(again, state)

    def _disown(self, item: Item, error: NotBlank, state: TokenState) -> Work[None]:
        """What looked like a blank, or the item's own, is somebody else's: the item waits for another."""
        self._doubt(item, StepState.UNKNOWN, error)
        self._log("item.interrupted", item, None, {"reason": str(error)})
        self._tell(What.INTERRUPTED, item, None, str(error))
        yield from self._refuse(state, error.what, Refusal.NOT_BLANK, "not blank")

    def _quarantine(self, item: Item, error: DriverError) -> Work[None]:
        step = self._doubt(item, StepState.FAILED, error)
        reason = f"{step}: {error}" if step else str(error)
        serial = items.item_of(self._records, item.id).token_serial
        operator, cause = self._desk.operator, cause_of(error)
        set_aside(self._records, item, cause, reason, operator, step=step, seat=self.seat)
        trouble = Trouble(str(error), cause, step)
        self._tell(What.QUARANTINED, item, serial, reason, trouble)
        yield from self._put_out(
            Removal(Tray.QUARANTINE, trouble), item, serial, f"{item.mailer_number}: {reason}"
        )
        self._count_failure(type(error).__name__, step or "")

    def _turn_away(self, state: TokenState) -> Work[None]:
        """A token no item of this order waits for: another's, a finished one, no blank, or one too many."""
        serial = state.identity.serial
        owner = items.item_of_serial(self._records, self._driver, serial)
        elsewhere = self._desk.lane_of(owner) if owner is not None else None
        if elsewhere is not None:
            text = f"seat {elsewhere} works on the token in this one"
            self._tell(What.MISSING, None, serial, text, Missing(elsewhere=elsewhere))
        if elsewhere is not None or (owner is None and state.blank):
            if (yield from self._let_go()):
                yield from self._ask("await_removal", _LOOK)
        elif owner is None:
            yield from self._refuse(state, f"not blank: {', '.join(state.marks)}", Refusal.NOT_BLANK)
        elif owner.token_driver != self._driver:
            reason = f"{self._whose(owner, state)}, made as {owner.token_driver}"
            yield from self._refuse(state, reason, Refusal.BEGUN_BEFORE, "begun before")
        elif owner.state is ItemState.PRODUCED and not state.blank:
            # Such as one that a desk which was killed had no time left to have taken out.
            envelope = f"envelope {owner.mailer_number}"
            trouble = Trouble(f"it is finished: {envelope}", refusal=Refusal.FINISHED)
            self._tell(What.REFUSED, None, serial, trouble.reason, trouble)
            yield from self._put_out(Removal(Tray.GOOD), owner, serial, envelope)
        else:
            reason = self._whose(owner, state)
            yield from self._refuse(state, reason, Refusal.BEGUN_BEFORE, "begun before")

    def _whose(self, owner: Item, state: TokenState) -> str:
        order = orders.order_of(self._records, owner.order_id).number
        if owner.state is ItemState.IN_PRODUCTION and owner.order_id != self._desk.order.id:
            return f"it is token {owner.mailer_number}, unfinished; `station produce {order}` finishes it"
        blank = ", yet it is blank" if state.blank else ""
        look = ""
        if owner.state is ItemState.QUARANTINED:
            look = f"; `station quarantine show {owner.mailer_number}` tells the ways out"
        return (
            f"its serial is that of token {owner.mailer_number} of order {order}, {owner.state}{blank}{look}"
        )

    def _refuse(
        self, state: TokenState | None, reason: str, refusal: Refusal, kind: str | None = None
    ) -> Work[None]:
        """A token that must not be written to; no item is spent on it. `kind` is what is alike in reasons."""
        serial = state.identity.serial if state else None
        self._log("token.refused", None, serial, {"reason": reason})
        trouble = Trouble(reason, refusal=refusal)
        self._tell(What.REFUSED, None, serial, reason, trouble)
        yield from self._put_out(Removal(Tray.QUARANTINE, trouble), None, serial, reason)
        self._count_failure("refused", kind or reason)

    def _let_go(self) -> Work[bool]:
        """Release the token; False where the lane's process hung or crashed over it, and is another now."""
        try:
            yield from self._ask("let_go")
        except ProcessDied as error:
            self._restart(str(error))
            return False
        return True

    def _put_out(self, removal: Removal, item: Item | None, serial: str | None, note: str) -> Work[None]:
        """Let the token be taken out and wait until it is; a crash here loses nothing."""
        try:
            yield from self._ask("let_go")
            removal = replace(removal, by_machine=not self._feeder.by_hand)
            self._tell(What.REMOVE, item, serial, f"take out: {removal.tray}, {note}", removal)
            self._take(removal, note)
        except ProcessDied as error:
            self._restart(str(error))
            return
        except FeederFailed as error:
            self._jammed(error)
            return
        except DriverError as error:
            self._stop(str(error))
            return
        try:
            while self._feeder.moving(self.seat) or (
                self._goes_on() and self._desk.work_left(self._driver, 0.0)
            ):
                if (yield from self._ask("await_removal", _LOOK)):
                    self._blind = 0
                    self._left()
                    break
        except ProcessDied as error:
            self._restart(str(error))
        except FeederFailed as error:
            self._jammed(error)
        except DriverError as error:
            # What is in the reader is looked at next, and a token that was ended is known there.
            self._blind += 1
            if self._blind == _LIKE_FAILURES:
                self._stop(str(error))

    def _goes_on(self) -> bool:
        """Whether nobody wants this lane, or all of them, to end."""
        return not self._desk.stopping and self._desk.wishes.of(self.seat).will is not Will.END

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
        reason = reason.removeprefix(f"{self._child.name}: ")  # the lane is named wherever this is told
        self.stopped = reason
        self._log("lane.stopped", detail={"reason": reason})
        self._tell(What.LANE_STOPPED, text=reason)

    def _doubt(self, item: Item, state: StepState, error: DriverError) -> str | None:
        """Settle the step that was under way; its name, None where none was."""
        steps = journal.steps(self._records, item.id)
        name = next((name for name, at in steps.items() if at is StepState.INTENT), None)
        if name is not None:
            journal.settle(self._records, item.id, name, state, str(error))
        return name
