"""One lane's flow, driven by hand, without a process, a token or a production."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from batch.production.calls import Call, Limits, Pause
from batch.production.events import LaneEvent, What
from batch.production.flow import LaneFlow
from batch.production.wishes import LaneWishes
from batch.store import audit
from batch.store.database import Records
from drivers.feeders.hands import Hands
from drivers.feeders.port import Feeder
from drivers.process import Reply
from drivers.tokens import TokenIdentity, TokenState

USED = TokenState(TokenIdentity("piv", "a card", None), ("a CHUID",))


@dataclass
class Process:
    """A lane's process as a flow sees it."""

    name: str = "lane piv-1"
    gone: bool = False

    def hang_up(self) -> None:
        self.gone = True

    def kill(self) -> None:
        self.gone = True


@dataclass
class Lane:
    """One lane's flow, driven by hand: what it asks for next, what it told, its processes."""

    records: Records
    wishes: LaneWishes = field(default_factory=LaneWishes)
    told: list[LaneEvent] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    work: bool = True
    blanks: bool = True
    feeder: Feeder = field(default_factory=lambda: Hands({}))
    limits: Limits = field(default_factory=lambda: Limits(1.0, 1.0))

    def __post_init__(self) -> None:
        self.desk: Any = SimpleNamespace(
            records=self.records,
            operator="ada",
            order=SimpleNamespace(number="2026-0001", id=1),
            stopping=False,
            wishes=self.wishes,
            start_lane=self._start,
            limits=lambda seat: self.limits,
            tell=self.told.append,
            ended_at=lambda seat: False,
            work_left=lambda driver, waited: self.work,
            unfinished=lambda driver: [],
            wants_blanks=lambda driver: self.blanks,
            feeder=lambda seat: self.feeder,
            choose=lambda seat, driver, state: None,
            lane_of=lambda item: None,
        )
        self.lane = LaneFlow(self.desk, "piv-1", "piv")
        self.flow = self.lane.run()

    def _start(self, seat: str) -> Process:
        self.processes.append(Process())
        return self.processes[-1]

    def go_on(self, value: object = None) -> str | None:
        """Answer what was asked for; the method called next, `pause`, or None where the lane ended."""
        with self.records.transaction():
            try:
                wish = self.flow.send(Reply(0, value, None))
            except StopIteration:
                return None
        if isinstance(wish, Pause):
            return "pause"
        assert isinstance(wish, Call)
        assert id(wish.child) == id(self.processes[-1])
        return wish.method

    def begin(self) -> None:
        """Let it come to where it looks for a blank."""
        with self.records.transaction():
            next(self.flow)
        assert self.go_on("facts") == "look"

    def logged(self) -> list[tuple[str, str]]:
        bodies = [json.loads(entry.body) for entry in audit.entries(self.records)]
        return [(body["event"], body["detail"]["asked by"]) for body in bodies if "detail" in body]

    def last(self) -> What:
        return self.told[-1].what
