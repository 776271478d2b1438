"""A lane is paused, resumed and ended between two tokens, by itself, and the log tells who asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from batch.production.events import What
from batch.store.database import Records
from tests.unit.lane_kit import USED, Lane


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
