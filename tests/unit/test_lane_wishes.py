"""A lane is paused, resumed and ended between two tokens, by itself, and the log tells who asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from batch.production.calls import Call, Limits, Pause
from batch.production.events import LaneEvent, What
from batch.production.flow import LaneFlow
from batch.production.wishes import LaneWishes
from batch.store import audit
from batch.store.database import Records
from drivers.process import Reply
from drivers.tokens import TokenIdentity, TokenState


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

    def __post_init__(self) -> None:
        feeder = SimpleNamespace(feed=lambda seat: None, take=lambda seat, tray, note: None)
        self.desk: Any = SimpleNamespace(
            records=self.records,
            operator="ada",
            order=SimpleNamespace(number="2026-0001", id=1),
            stopping=False,
            wishes=self.wishes,
            start_lane=self._start,
            limits=lambda seat: Limits(1.0, 1.0),
            tell=self.told.append,
            ended_at=lambda seat: False,
            work_left=lambda driver, waited: self.work,
            wants_blanks=lambda driver: True,
            feeder=lambda seat: feeder,
            choose=lambda seat, driver, state: None,
            lane_of=lambda item: None,
        )
        self.flow = LaneFlow(self.desk, "piv-1", "piv").run()

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


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[Lane]:
    with closing(Records.create(tmp_path / "station.db")) as records:
        yield Lane(records)


def test_a_paused_lane_waits_with_its_seat_free_until_it_shall_go_on(lane: Lane) -> None:
    lane.begin()
    lane.wishes.pause("piv-1", "olga")
    assert lane.go_on() == "pause"
    assert lane.last() is What.PAUSED
    assert [process.gone for process in lane.processes] == [True]
    assert [lane.go_on() for _ in range(3)] == ["pause"] * 3

    lane.wishes.resume("piv-1", "pim")
    assert lane.go_on() == "describe"
    assert [process.gone for process in lane.processes] == [True, False]
    assert lane.go_on("facts") == "look"
    assert lane.last() is What.WAITING
    assert lane.logged() == [("lane.paused", "olga"), ("lane.resumed", "pim")]


def test_a_lane_that_is_to_end_ends_and_says_so(lane: Lane) -> None:
    lane.begin()
    lane.wishes.end("piv-1")
    assert lane.go_on() is None
    assert lane.last() is What.LANE_ENDED
    assert lane.logged() == [("lane.ended", "not told")]


def test_a_paused_lane_ends_when_it_is_to(lane: Lane) -> None:
    lane.begin()
    lane.wishes.pause("piv-1", "olga")
    assert lane.go_on() == "pause"
    lane.wishes.end("piv-1", "olga")
    assert lane.go_on() is None
    assert lane.logged() == [("lane.paused", "olga"), ("lane.ended", "olga")]


def test_a_paused_lane_ends_with_the_work_and_when_all_are_stopped(lane: Lane) -> None:
    lane.begin()
    lane.wishes.pause("piv-1")
    assert lane.go_on() == "pause"
    lane.work = False
    assert lane.go_on() is None
    assert lane.last() is What.LANE_ENDED


def test_stopping_ends_a_paused_lane(lane: Lane) -> None:
    lane.begin()
    lane.wishes.pause("piv-1")
    assert lane.go_on() == "pause"
    lane.desk.stopping = True
    assert lane.go_on() is None


def test_a_wish_that_was_taken_back_in_time_leaves_no_trace(lane: Lane) -> None:
    lane.begin()
    for wish in (lane.wishes.end, lane.wishes.pause, lane.wishes.resume):
        wish("piv-1", "olga")
    lane.wishes.pause("piv-2", "olga")
    assert lane.go_on() == "look"
    assert lane.logged() == []


USED = TokenState(TokenIdentity("piv", "a card", None), ("a CHUID",))


def test_a_pause_waits_for_the_token_to_be_taken_out_and_an_end_does_not(lane: Lane) -> None:
    lane.begin()
    assert lane.go_on(USED) == "let_go"
    assert lane.go_on() == "await_removal"
    lane.wishes.pause("piv-1")
    assert lane.go_on(False) == "await_removal"
    assert lane.last() is What.REMOVE
    lane.wishes.end("piv-1")
    assert lane.go_on(False) is None
    assert lane.last() is What.LANE_ENDED
