"""What the bench is known to do, by the messages of its feed."""

from __future__ import annotations

import pytest

from batch.model.states import ItemState
from batch.production.events import What
from station.feed.messages import Ended, Happened, Lane, Production
from station.tui.bench_state import BenchState, after, broken
from tests.tui.bench_kit import AT, BEGUN, ORDER, busy, production


def finished(state: BenchState, at: float, seat: str = "piv-01") -> BenchState:
    lane = state.lanes[seat]
    return after(state, Happened(Lane(seat, What.PRODUCED, at, "000001", made=lane.made + 1)), at)


def test_a_production_begins_with_all_its_lanes_and_forgets_the_one_before() -> None:
    state = after(busy(4), Production("2031-0002", "olga", production(2).seats, AT, 3, {}), AT)
    assert list(state.lanes) == ["piv-01", "piv-02"]
    assert all(lane.what is None for lane in state.lanes.values())
    assert state.events == ()
    assert state.running


def test_new_counts_leave_lanes_and_events_as_they_are() -> None:
    state = busy(2)
    counted = after(state, production(2), AT)
    assert (counted.lanes, counted.events, counted.made) == (state.lanes, state.events, state.made)
    assert counted.left == 27


def test_the_rate_is_that_of_the_last_ten_minutes() -> None:
    state = after(BenchState(), production(1), BEGUN)
    assert state.rate(BEGUN) is None
    for second in range(0, 1200, 60):
        state = finished(state, BEGUN + second)
    assert state.rate(BEGUN + 1200) == pytest.approx(60, abs=7)
    for second in range(1200, 1800, 10):
        state = finished(state, BEGUN + second)
    assert state.rate(BEGUN + 1800) == pytest.approx(360, abs=7)
    assert state.completion(BEGUN + 1800) == pytest.approx(BEGUN + 1800 + 27 * 10, abs=10)


def test_who_comes_later_takes_the_rate_of_the_whole_production() -> None:
    state = after(BenchState(), production(2), BEGUN + 3600)
    for seat in state.lanes:
        state = after(state, Lane(seat, What.WAITING, BEGUN, made=50), BEGUN + 3600)
    assert state.rate(BEGUN + 3600) == 100


def test_events_are_kept_up_to_a_bound_and_passing_ones_are_not() -> None:
    state = after(BenchState(), production(1), BEGUN)
    for number in range(1000):
        for what in (What.WAITING, What.BEGUN, What.STEP, What.REMOVE):
            state = after(state, Happened(Lane("piv-01", what, BEGUN, f"{number:06}")), BEGUN)
    assert {lane.what for lane in state.events} == {What.BEGUN}
    assert len(state.events) == 200
    assert state.events[-1].item == "000999"


def test_the_end_takes_its_counts_and_a_feed_that_breaks_off_is_told_apart_from_it() -> None:
    state = busy(1)
    assert broken(state).lost
    counts = {ItemState.PRODUCED: 147, ItemState.QUARANTINED: 1}
    ended = after(state, Ended(ORDER, "produced", counts, {}, (), (), False), AT)
    assert not broken(ended).lost
    assert not ended.running
    assert (ended.count(ItemState.PRODUCED), ended.left) == (147, 0)
    assert ended.rate(AT) is None
