"""What all work at one seat needs: the production it is part of, the lane's process, log and listeners."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, Protocol, TypeVar

from batch.audit.log import log
from batch.model.events import Event
from batch.model.orders import Epoch, Item, Order
from batch.people.warrants import Proof
from batch.production.assignment import Assignment, LaneFacts
from batch.production.calls import Call, Limits, Pause
from batch.production.events import Detail, LaneEvent, What
from batch.production.issuer import Issuer
from batch.production.wishes import LaneWishes
from batch.store.database import Records
from drivers.errors import ProcessDied
from drivers.feeders.port import Feeder
from drivers.process import Child, Reply
from drivers.tokens import TokenState

Result = TypeVar("Result")
Work = Generator[Call | Pause, Reply | None, Result]
"""Part of a lane's flow: yields what it asks for, is sent the replies, ends with a result."""


def named(item: Item) -> str:
    """An unfinished item as the operator may know its token; what has no serial yet may begin on another."""
    if item.token_serial is None:
        return f"{item.mailer_number} (last in {item.seat}, where a blank will do as well)"
    return f"{item.mailer_number} (token {item.token_serial}, last in {item.seat})"


class Desk(Protocol):
    """What the work at a seat needs of the production it is part of."""

    records: Records
    order: Order
    operator: str
    authority: Child
    issuer: Issuer
    keeper: Child
    diversification: Child | None
    diversification_key: str | None
    epoch: Epoch
    stopping: bool
    wishes: LaneWishes

    def start_lane(self, seat: str) -> Child: ...
    def feeder(self, seat: str) -> Feeder: ...
    def limits(self, seat: str) -> Limits: ...
    def assignment(self, item: Item, facts: LaneFacts) -> Assignment: ...
    def proof(self, item: Item) -> Proof: ...
    def choose(self, seat: str, driver: str, state: TokenState) -> Item | None: ...
    def lane_of(self, item: Item) -> str | None: ...
    def wants_blanks(self, driver: str) -> bool: ...
    def work_left(self, driver: str, waited: float) -> bool: ...
    def waits(self, item: Item) -> None: ...
    def waiting(self, item: Item) -> bool: ...
    def unfinished(self, driver: str) -> list[Item]: ...
    def ended_at(self, seat: str) -> bool: ...
    def tell(self, event: LaneEvent) -> None: ...


class SeatWork:
    """Asks the lane's process, writes to the log and tells who watches, all in the name of one seat."""

    def __init__(self, desk: Desk, seat: str, driver: str, child: Child) -> None:
        self.seat = seat
        self._desk, self._driver, self._child = desk, driver, child
        self._records = desk.records

    def _ask(self, method: str, *arguments: Any, makes_key: bool = False) -> Work[Any]:
        """Ask the lane's process."""
        limits = self._desk.limits(self.seat)
        seconds = limits.key if makes_key else limits.answer
        return (yield from _answered(Call(self._child, method, arguments, seconds)))

    def _ask_of(self, child: Child, method: str, *arguments: Any) -> Work[Any]:
        """Ask the CA or the bench's keys, once more where their process died and was started again.

        What they are asked may be asked twice. Raises as they did last.
        """
        while True:
            try:
                return (yield from _answered(Call(child, method, arguments)))
            except ProcessDied:
                if not child.alive:
                    raise

    def _log(
        self,
        name: str,
        item: Item | None = None,
        serial: str | None = None,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        log(self._records, self._event(name, item, serial, detail))

    def _event(
        self,
        name: str,
        item: Item | None = None,
        serial: str | None = None,
        detail: Mapping[str, object] | None = None,
    ) -> Event:
        return Event(
            name,
            self._desk.operator,
            order=self._desk.order.number,
            item=item.mailer_number if item else None,
            seat=self.seat,
            token=serial,
            detail=detail,
        )

    def _tell(
        self,
        what: What,
        item: Item | None = None,
        serial: str | None = None,
        text: str = "",
        detail: Detail | None = None,
    ) -> None:
        number = item.mailer_number if item else None
        self._desk.tell(LaneEvent(what, self.seat, number, serial, text, detail))


def _answered(call: Call) -> Work[Any]:
    reply = yield call
    assert reply is not None, "a call is answered"
    return reply.result()
