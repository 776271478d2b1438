"""A lane fed by a machine: what jams is told, rests, and goes on where somebody says so; no guessing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from batch.production.calls import Limits
from batch.production.events import Feeding, LaneEvent, Removal, What
from batch.store import audit
from batch.store.database import Records
from drivers.errors import DriverError, FeederEmpty, FeederFailed
from drivers.feeders.port import Tray
from station.feed.messages import Lane as Feed
from station.feed.states import after
from tests.unit.lane_kit import USED, Lane

JAM = FeederFailed("next: stuck at gate 2", where="piv-1", next="clear it")


@dataclass
class Machine:
    """A machine that is at work until the reader tells, or fails as it is told to."""

    moves: list[str] = field(default_factory=list)
    failure: DriverError | None = None
    at_work: bool = False
    by_hand: bool = False

    def ready(self) -> str | None:
        return None

    def feed(self, seat: str) -> None:
        if not self.moving(seat):
            self.moves.append("next")
            self.at_work = True

    def take(self, seat: str, tray: Tray, note: str) -> None:
        self.moves.append(tray.value)
        self.at_work = True

    def moving(self, seat: str) -> bool:
        if self.failure is not None:
            failure, self.failure, self.at_work = self.failure, None, False
            raise failure
        return self.at_work

    def settled(self, seat: str) -> None:
        self.at_work = False


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def lane(tmp_path: Path, machine: Machine) -> Iterator[Lane]:
    with closing(Records.create(tmp_path / "station.db")) as records:
        yield Lane(records, feeder=machine)


def jams(lane: Lane) -> list[str]:
    bodies = [json.loads(entry.body) for entry in audit.entries(lane.records)]
    return [body["detail"]["reason"] for body in bodies if body["event"] == "lane.jammed"]


def test_nothing_is_put_into_a_reader_that_was_not_seen_empty(lane: Lane, machine: Machine) -> None:
    lane.begin()
    assert machine.moves == []
    assert lane.go_on(None) == "look"
    assert machine.moves == ["next"]
    assert lane.told[-1].detail == Feeding(empty=False)
    assert [lane.go_on(None) for _ in range(3)] == ["look"] * 3
    assert machine.moves == ["next"], "asked once for one token"


def test_a_token_that_is_taken_out_makes_room_for_the_next(lane: Lane, machine: Machine) -> None:
    lane.begin()
    assert lane.go_on(USED) == "let_go"
    assert lane.go_on() == "await_removal"
    assert machine.moves == ["quarantine"]
    removal = lane.told[-1].detail
    assert isinstance(removal, Removal)
    assert removal.by_machine, "no hand is asked for what the machine does"
    assert lane.go_on(False) == "await_removal"
    assert lane.go_on(True) == "look"
    assert machine.moves == ["quarantine", "next"]


def test_a_jam_lets_the_lane_rest_with_its_seat_free_until_somebody_cleared_it(
    lane: Lane, machine: Machine
) -> None:
    lane.begin()
    assert lane.go_on(None) == "look"
    machine.failure = JAM
    assert lane.go_on(None) == "pause"
    assert (lane.last(), lane.told[-1].text) == (What.JAMMED, "next: stuck at gate 2; clear it")
    assert [process.gone for process in lane.processes] == [True]
    assert [lane.go_on() for _ in range(3)] == ["pause"] * 3
    assert jams(lane) == ["next: stuck at gate 2; clear it"]

    lane.wishes.resume("piv-1", "pim")
    assert lane.go_on() == "describe"
    assert lane.go_on("facts") == "look"
    assert machine.moves == ["next"], "what is in the reader is looked at first"
    assert lane.go_on(None) == "look"
    assert machine.moves == ["next", "next"]


def test_a_jam_of_a_token_that_leaves_tells_whose_it_is(lane: Lane, machine: Machine) -> None:
    lane.begin()
    assert lane.go_on(USED) == "let_go"
    assert lane.go_on() == "await_removal"
    machine.failure = FeederFailed("reject: tray full", where="piv-1", next="clear it")
    assert lane.go_on(False) == "pause"
    assert lane.told[-1].text == "reject: tray full; clear it (not blank: a CHUID)"
    assert [event.what for event in lane.told[-2:]] == [What.REMOVE, What.JAMMED]


def test_a_jam_after_the_reader_was_empty_is_told_before_another_token_is_fed(
    lane: Lane, machine: Machine
) -> None:
    lane.begin()
    assert lane.go_on(USED) == "let_go"
    assert lane.go_on() == "await_removal"
    assert machine.moves == ["quarantine"]
    machine.settled = lambda seat: None  # type: ignore[method-assign]
    assert lane.go_on(True) == "look"
    machine.failure = FeederFailed("reject: it fell beside the tray", where="piv-1")
    assert lane.go_on(None) == "pause"
    assert lane.told[-1].text == "reject: it fell beside the tray (not blank: a CHUID)"
    assert machine.moves == ["quarantine"]


def test_a_token_is_not_worked_on_while_the_machine_that_brought_it_moves(
    lane: Lane, machine: Machine
) -> None:
    lane.begin()
    assert lane.go_on(None) == "look"
    machine.settled = lambda seat: None  # type: ignore[method-assign]
    assert lane.go_on(USED) == "pause"
    assert lane.go_on() == "pause"
    machine.at_work = False
    assert lane.go_on() == "let_go"


def test_an_empty_feeder_is_told_and_asked_again_later_without_a_jam(lane: Lane, machine: Machine) -> None:
    lane.begin()
    assert lane.go_on(None) == "look"
    machine.failure = FeederEmpty("no blank left", where="piv-1")
    assert lane.go_on(None) == "look"
    assert lane.told[-1].detail == Feeding(empty=True)
    assert lane.go_on(None) == "look"
    assert machine.moves == ["next"], "not asked again at once"
    assert jams(lane) == []


def test_a_jam_that_nobody_clears_stops_the_lane_in_the_end(lane: Lane, machine: Machine) -> None:
    lane.limits = Limits(1.0, 1.0, jam=0.0)
    lane.begin()
    assert lane.go_on(None) == "look"
    machine.failure = JAM
    assert lane.go_on(None) is None
    assert lane.last() is What.LANE_STOPPED
    assert lane.lane.stopped == "next: stuck at gate 2; clear it"


def test_a_jam_that_ends_with_the_work_or_by_a_stop_is_told_as_what_stopped_the_lane(
    lane: Lane, machine: Machine
) -> None:
    lane.begin()
    assert lane.go_on(None) == "look"
    machine.failure = JAM
    assert lane.go_on(None) == "pause"
    lane.desk.stopping = True
    assert lane.go_on() is None
    assert lane.last() is What.LANE_STOPPED


def test_a_jammed_lane_that_somebody_ends_ends(lane: Lane, machine: Machine) -> None:
    lane.begin()
    assert lane.go_on(None) == "look"
    machine.failure = JAM
    assert lane.go_on(None) == "pause"
    lane.wishes.end("piv-1", "olga")
    assert lane.go_on() is None
    assert lane.last() is What.LANE_ENDED


def test_a_lane_ends_when_its_machine_is_at_rest_and_a_blank_brought_for_nothing_stays(
    lane: Lane, machine: Machine
) -> None:
    lane.begin()
    assert lane.go_on(None) == "look"
    assert machine.moves == ["next"]
    lane.work = False
    settled, machine.settled = machine.settled, lambda seat: None  # type: ignore[method-assign]
    assert lane.go_on(None) == "pause"
    settled("piv-1")
    assert lane.go_on() is None
    assert lane.last() is What.LANE_ENDED


def test_who_watches_sees_whose_token_a_machine_dropped_until_the_next_is_fed() -> None:
    out = Removal(Tray.GOOD, by_machine=True)
    leaving = after(Feed("piv-1"), LaneEvent(What.REMOVE, "piv-1", "000007", "AB12", detail=out), 1.0)
    jammed = after(leaving, LaneEvent(What.JAMMED, "piv-1", text="good: stuck"), 2.0)
    assert (jammed.what, jammed.item, jammed.token, jammed.removal) == (What.JAMMED, "000007", "AB12", out)
    fed = after(jammed, LaneEvent(What.WAITING, "piv-1", detail=Feeding()), 3.0)
    assert (fed.item, fed.removal, fed.feeding) == (None, None, Feeding())
