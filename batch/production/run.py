"""A production: one order over all lanes, until nothing is left to do or someone says stop.

One loop waits for all child processes. Whatever they answered meanwhile is written in one transaction,
together with the intents that follow; only then are the next calls sent.
"""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from multiprocessing.connection import wait
from pathlib import Path

from batch.audit.clock import SLACK
from batch.audit.log import log
from batch.model.codes import Binding
from batch.model.events import Event
from batch.model.orders import Item, Order
from batch.model.people import Signed
from batch.model.states import ItemState, OrderState, StepState
from batch.people.register import NOTE
from batch.people.warrants import Proof
from batch.production.assignment import Assignment, LaneFacts
from batch.production.briefing import token_guid
from batch.production.calls import Call, Flow, Limits, Pause
from batch.production.commission import Commission
from batch.production.ending import end_produced, follow
from batch.production.events import LaneEvent
from batch.production.flow import LaneFlow
from batch.production.issuer import Issuer
from batch.production.issuing import look_for_others, unanswered
from batch.production.plan import Kind, Step
from batch.production.result import Result
from batch.production.revocation import carry_out
from batch.production.seats import Seat, lane_process
from batch.production.seatwork import named
from batch.production.startable import newest_key, startable
from batch.production.wishes import LaneWishes
from batch.store import items, journal, orders
from batch.store.clock import moved, now
from batch.store.database import Records
from drivers.errors import ProcessDied
from drivers.feeders.port import Feeder
from drivers.process import Child, Reply
from drivers.tokens import TokenState
from layouts.token import TokenLayout

_READY = 60.0
"""Seconds within which the CA and the bench's keys must have answered that they are there."""

_BEGIN = 60.0
"""Seconds a child has beside those of its first call: to start, and to wait for one before it to be gone."""

_RESTARTS = 3
"""How often the CA's process, and that of the bench's keys, is started again in one production."""

_TICK = 0.25
"""Seconds after which the loop looks at the clock and at `stopping` even if nothing is answered."""

Briefing = Callable[[Item, LaneFacts], Assignment]
"""Makes an item's assignment from its layout; raises `Refused` where layout and token do not fit."""


class Production:
    """Makes the tokens of one approved order; `stop()` ends it between two steps, `wishes` steer a lane."""

    def __init__(
        self,
        records: Records,
        order: Order,
        seats: Sequence[Seat],
        *,
        operator: str,
        authority: Child,
        keeper: Child,
        diversification: Child | None = None,
        briefing: Briefing,
        layouts: Mapping[str, TokenLayout],
        run_directory: Path,
        tell: Callable[[LaneEvent], None],
        ordered: Signed,
        patience: float = 5.0,
    ) -> None:
        """`ordered` is what a personaliser signed for it; `layouts` are those of its items, by reference.

        `diversification` is needed where one of them says so; `patience` is how long a lane waits for the
        token of an unfinished item, in seconds.
        """
        self.records, self.operator, self.authority, self.keeper = records, operator, authority, keeper
        self.order, self.epoch = order, startable(records, order)
        self.diversification = diversification
        self.diversification_key: str | None = None
        self.issuer: Issuer
        self.stopping = False
        self.wishes = LaneWishes()
        self._briefing, self._layouts, self._tell = briefing, layouts, tell
        self._seats = {seat.name: seat for seat in seats}
        self._run_directory = run_directory
        self._patience = patience
        self._flows: dict[Flow, LaneFlow] = {}
        self._asked: dict[Child, deque[tuple[Flow, Call]]] = {}
        self._deadlines: dict[Child, tuple[float, float]] = {}
        self._restarts: Counter[Child] = Counter()
        self._paused: list[tuple[float, Pause, Flow]] = []
        self._failed: list[tuple[Flow, Reply | None]] = []
        self._told: list[LaneEvent] = []
        self._moved = timedelta()
        self._waiting: set[int] = set()
        self._commission = Commission(records, order, layouts, ordered)

    def stop(self) -> None:
        """End between two steps; safe from a signal handler."""
        self.stopping = True

    def run(self) -> Result:
        """Run until nothing is left to do; the same call on the same order goes on later."""
        self._begin()
        lanes = [LaneFlow(self, seat.name, seat.driver) for seat in self._seats.values()]
        try:
            ready: list[tuple[Flow, Reply | None]] = []
            for lane in lanes:
                flow = lane.run()
                self._flows[flow] = lane
                ready.append((flow, None))
            while self._flows:
                self._advance(ready)
                ready = self._wait() if self._flows else []
            look_for_others(self.records, self.order, self.authority, self.issuer, self.operator)
            carry_out(self.records, self.authority, self.operator)
            return self._end(lanes)
        finally:
            for lane in lanes:
                lane.close()

    def start_lane(self, seat: str) -> Child:
        """A fresh lane process for a seat."""
        return lane_process(self._seats[seat], self._run_directory, self._commission.mandate)

    def feeder(self, seat: str) -> Feeder:
        """Whoever feeds a seat."""
        return self._seats[seat].feeder

    def limits(self, seat: str) -> Limits:
        """How long the tokens in a seat may take for an answer."""
        return self._seats[seat].limits

    def assignment(self, item: Item, facts: LaneFacts) -> Assignment:
        """What a lane is told about an item."""
        return self._briefing(item, facts)

    def proof(self, item: Item) -> Proof:
        """What proves to a lane that an item was approved; raises `DriverError` where nothing does."""
        return self._commission.proof(item)

    def tell(self, event: LaneEvent) -> None:
        """Tell whoever watches, once it is on record: a watcher that is slow must not hold up the records."""
        self._told.append(event)

    def choose(self, seat: str, driver: str, state: TokenState) -> Item | None:
        """The item for the token in a reader: its own unfinished one, else the next planned for a blank."""
        identity = state.identity
        bound = items.item_of_serial(self.records, driver, identity.serial)
        if bound is not None:
            mine = bound.order_id == self.order.id and bound.token_driver == driver
            free = bound.state is ItemState.IN_PRODUCTION and self.lane_of(bound) is None
            return bound if mine and free else None
        for item in self.unfinished(driver):
            if item.token_serial is None and self._may_be(item, seat, state):
                return item
        if not state.blank:
            return None
        return self._next_planned(driver)

    def wants_blanks(self, driver: str) -> bool:
        """Whether there is an item to begin on a blank token of this kind."""
        return self._next_planned(driver) is not None

    def work_left(self, driver: str, waited: float) -> bool:
        """Whether a lane has anything to wait for, having waited in vain for so many seconds."""
        # An unfinished token may come back in any reader of its kind.
        return self.wants_blanks(driver) or (bool(self.unfinished(driver)) and waited < self._patience)

    def waits(self, item: Item) -> None:
        """Only the CA can go on with an item; its token is not asked for in this production any more."""
        self._waiting.add(item.id)

    def waiting(self, item: Item) -> bool:
        """Whether only the CA can go on with an item."""
        return item.id in self._waiting

    def unfinished(self, driver: str) -> list[Item]:
        """Items begun, not ended, in no lane now and not waiting for the CA, that a token of this driver may
        belong to.
        """
        begun = items.items(self.records, self.order, ItemState.IN_PRODUCTION)
        mine = (item for item in begun if item.token_driver == driver and not self.waiting(item))
        return [item for item in mine if self.lane_of(item) is None]

    def ended_at(self, seat: str) -> bool:
        """Whether tokens of this order were ended, or left to the CA, at a seat: the last of them may still
        be in its reader.
        """
        begun = items.items(self.records, self.order, ItemState.IN_PRODUCTION)
        ended = items.items(self.records, self.order, ItemState.PRODUCED, ItemState.QUARANTINED)
        left = itertools.chain(ended, filter(self.waiting, begun))
        return any(item.seat == seat for item in left)

    def _begin(self) -> None:
        # A wrong PIN must show before a token is spent on it.
        self.issuer = Issuer(self.authority.ask("chain", timeout=_READY))
        self.issuer.check_validity(now())
        self._commission.trust(self.keeper.ask("note", NOTE, timeout=_READY))
        if self.diversification is not None:
            self.diversification_key = newest_key(self.diversification)
        with self.records.transaction():
            if self.order.state is OrderState.APPROVED:
                orders.set_order_state(self.records, self.order, OrderState.IN_PRODUCTION)
            doubtful = journal.doubt(self.records)
            detail = {"seats": list(self._seats), "steps in doubt": doubtful, **self._commission.detail()}
            self._log("production.begun", detail)
        self.order = orders.order(self.records, self.order.number)
        for item in items.items(self.records, self.order, ItemState.IN_PRODUCTION):
            self._finish_verified(item)
        carry_out(self.records, self.authority, self.operator)
        self._waiting = unanswered(self.records, self.order, self.authority)

    def _finish_verified(self, item: Item) -> None:
        """Produced but for the resume key's end: needs no token any more, only the bench's keys."""
        states = journal.steps(self.records, item.id)
        release = Step(Kind.RELEASE).name
        if states.get(Step(Kind.VERIFY).name) is not StepState.DONE or release not in states:
            return
        self.keeper.ask("destroy", Binding(item.id, item.mailer_number), timeout=60)
        with self.records.transaction():
            journal.settle(self.records, item.id, release, StepState.DONE)
            end_produced(self.records, item, self._event("item.produced", None, item))

    def _end(self, lanes: Sequence[LaneFlow]) -> Result:
        with self.records.transaction():
            counts = items.counts(self.records, self.order)
            self._log("production.ended", {str(state): number for state, number in counts.items() if number})
            self.order = follow(self.records, self.order, self.operator)
        stopped = {lane.seat: lane.stopped for lane in lanes if lane.stopped is not None}
        begun = list(items.items(self.records, self.order, ItemState.IN_PRODUCTION))
        missing = [named(item) for item in begun if not self.waiting(item)]
        waiting = [item.mailer_number for item in begun if self.waiting(item)]
        set_aside = items.items(self.records, self.order, ItemState.QUARANTINED)
        return Result(
            self.order,
            counts,
            stopped,
            self.stopping,
            self.issuer.misissued,
            missing,
            waiting,
            [item.mailer_number for item in set_aside],
            self._unseated(),
            self._moved,
        )

    def _unseated(self) -> Mapping[str, int]:
        drivers = {seat.driver for seat in self._seats.values()}
        planned = items.items(self.records, self.order, ItemState.PLANNED)
        wanted = Counter(self._layouts[item.layout].driver for item in planned)
        return {driver: count for driver, count in wanted.items() if driver not in drivers}

    def _advance(self, ready: list[tuple[Flow, Reply | None]]) -> None:
        """Let every flow that was answered go on, commit what they wrote, then send what they ask."""
        asked: list[tuple[Flow, Call]] = []
        with self.records.transaction():
            self._watch_clock()
            for flow, reply in ready:
                try:
                    wish = flow.send(reply)
                except StopIteration:
                    del self._flows[flow]
                    continue
                # One lane's event must not stand in for another's.
                self.records.check_told()
                if isinstance(wish, Pause):
                    self._paused.append((time.monotonic() + wish.seconds, wish, flow))
                else:
                    asked.append((flow, wish))
        told, self._told = self._told, []
        for flow, call in asked:
            self._send(flow, call)
        for event in told:
            self._tell(event)

    def _watch_clock(self) -> None:
        """Put on record that somebody set the clock; what is on record goes on by the time before."""
        if abs(moved() - self._moved) > SLACK:
            self._moved = moved()
            self._log("clock.set", {"seconds": round(self._moved.total_seconds())})

    def _send(self, flow: Flow, call: Call) -> None:
        seconds = call.seconds if call.child in self._asked else call.seconds + _BEGIN
        queue = self._asked.setdefault(call.child, deque())
        if not queue:
            self._deadlines[call.child] = time.monotonic() + seconds, seconds
        queue.append((flow, call))
        try:
            call.child.call(call.method, *call.arguments)
        except ProcessDied as error:
            self._failed += self._fail(call.child, error)

    def _wait(self) -> list[tuple[Flow, Reply | None]]:
        """Block until something is answered, a pause is over or a child overran its time."""
        while True:
            instant = time.monotonic()
            ready, self._failed = self._failed, []
            paused, self._paused = self._paused, []
            for entry in paused:
                until, pause, flow = entry
                if until <= instant or (self.stopping and not pause.whole):
                    ready.append((flow, None))
                else:
                    self._paused.append(entry)
            children = [child for child, queue in self._asked.items() if queue]
            for child in children:
                deadline, seconds = self._deadlines[child]
                if deadline <= instant:
                    child.kill()
                    what = f"no answer within {seconds:g} s, ended"
                    ready += self._fail(child, ProcessDied(what, where=child.name))
            if ready:
                return ready
            pipes = {child.fileno(): child for child in children}
            # Also where nobody is asked for anything: then only a pause can be over.
            for answered in wait(list(pipes), timeout=_TICK):
                assert isinstance(answered, int)
                ready += self._receive(pipes[answered])
            if ready:
                return ready

    def _receive(self, child: Child) -> list[tuple[Flow, Reply | None]]:
        try:
            reply = child.receive()
        except ProcessDied as error:
            return self._fail(child, error)
        queue = self._asked[child]
        flow, _ = queue.popleft()
        if queue:
            # Whoever waits behind others is given its own time from when it is its turn.
            seconds = queue[0][1].seconds
            self._deadlines[child] = time.monotonic() + seconds, seconds
        return [(flow, reply)]

    def _fail(self, child: Child, error: ProcessDied) -> list[tuple[Flow, Reply | None]]:
        waiting = self._asked.pop(child)
        if child in (self.authority, self.keeper, self.diversification) and self._restarts[child] < _RESTARTS:
            self._restarts[child] += 1
            child.restart()
            with self.records.transaction():
                self._log("process.restarted", {"process": child.name, "reason": str(error)})
        return [(flow, Reply(0, None, error)) for flow, _ in waiting]

    def _next_planned(self, driver: str) -> Item | None:
        fitting = [name for name, layout in self._layouts.items() if layout.driver == driver]
        taken = [lane.current.id for lane in self._flows.values() if lane.current]
        return items.next_planned(self.records, self.order, fitting, taken)

    def lane_of(self, item: Item) -> str | None:
        """The seat whose lane has an item in hand, None where none has."""
        lanes = self._flows.values()
        return next((one.seat for one in lanes if one.current and one.current.id == item.id), None)

    def _may_be(self, item: Item, seat: str, state: TokenState) -> bool:
        """Whether a token of no bound serial may be this item's: by label or GUID, or blank in its seat."""
        identity = state.identity
        if identity.label is not None and item.mailer_number in re.findall(r"\d+", identity.label):
            return True
        if identity.serial is not None and token_guid(item).hex == identity.serial.replace("-", "").lower():
            return True
        return state.blank and item.seat == seat

    def _log(self, name: str, detail: Mapping[str, object] | None) -> None:
        log(self.records, self._event(name, detail))

    def _event(self, name: str, detail: Mapping[str, object] | None, item: Item | None = None) -> Event:
        return Event(
            name,
            self.operator,
            order=self.order.number,
            item=item.mailer_number if item else None,
            token=item.token_serial if item else None,
            detail=detail,
        )
