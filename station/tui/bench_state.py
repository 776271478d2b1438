"""What the bench does by what its feed told: the newest of each lane, what happened, how fast it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from batch.model.states import ItemState
from batch.production.events import What
from station.feed.messages import Ended, Happened, Lane, Production, Told

_WINDOW = 600.0
"""Seconds over which tokens per hour are counted."""

_KEPT = 200
"""Events that are kept to be shown."""

_TOLD = frozenset(What) - {What.WAITING, What.STEP, What.REMOVE}
"""What stands among the events; the rest is told by the lane's panel, and for a moment only."""


@dataclass(frozen=True)
class BenchState:
    """A production as a watcher knows it; times are seconds since 1970.

    `events` are lanes as they were when something happened, the newest last; `made` is when tokens were
    finished, as far back as the rate looks; `since` is when watching began. `lost`: the feed broke off.
    """

    production: Production | None = None
    lanes: Mapping[str, Lane] = field(default_factory=dict)
    events: tuple[Lane, ...] = ()
    made: tuple[float, ...] = ()
    since: float = 0.0
    ended: Ended | None = None
    lost: bool = False

    @property
    def running(self) -> bool:
        """Whether tokens are being made."""
        return self.production is not None and self.ended is None and not self.lost

    def driver(self, seat: str) -> str:
        """The kind of token that goes into a seat; empty for a seat of no production."""
        seats = self.production.seats if self.production else ()
        return next((one.driver for one in seats if one.name == seat), "")

    def count(self, *states: ItemState) -> int:
        """How many items of the order are in any of these states."""
        counts = self.production.counts if self.production else {}
        return sum(counts.get(state, 0) for state in states)

    @property
    def left(self) -> int:
        """How many tokens are still to be made or finished."""
        return self.count(ItemState.PLANNED, ItemState.IN_PRODUCTION)

    def rate(self, at: float) -> float | None:
        """Tokens per hour, lately; None before the first."""
        if self.production is None or not self.running:
            return None
        begun = max(self.production.begun, at - _WINDOW)
        number = sum(one >= begun for one in self.made)
        if self.since > begun:
            begun, number = self.production.begun, sum(lane.made for lane in self.lanes.values())
        return number * 3600 / (at - begun) if number and at > begun else None

    def completion(self, at: float) -> float | None:
        """When the last token will be made, at the rate of `at`."""
        rate = self.rate(at)
        return at + self.left * 3600 / rate if rate else None


def after(state: BenchState, told: Told, at: float) -> BenchState:
    """The bench after a message that came at `at`."""
    if isinstance(told, Production):
        return _counted(state, told, at)
    if isinstance(told, Lane):
        return replace(state, lanes={**state.lanes, told.seat: told})
    if isinstance(told, Ended):
        production = state.production
        if production is not None:
            production = Production(
                production.order,
                production.operator,
                production.seats,
                production.begun,
                production.total,
                told.counts,
            )
        return replace(state, ended=told, production=production)
    return _happened(state, told, at)


def broken(state: BenchState) -> BenchState:
    """The bench after its feed broke off: what it did last stands, and nobody says that it still does."""
    return replace(state, lost=state.running)


def _counted(state: BenchState, told: Production, at: float) -> BenchState:
    before = state.production
    if before is not None and (before.order, before.begun) == (told.order, told.begun):
        return replace(state, production=told, lost=False)
    lanes = {seat.name: Lane(seat.name) for seat in told.seats}
    return BenchState(told, lanes, since=at)


def _happened(state: BenchState, told: Happened, at: float) -> BenchState:
    lane = told.lane
    lanes = {**state.lanes, lane.seat: lane}
    events, made = state.events, state.made
    if lane.what in _TOLD:
        events = (*events, lane)[-_KEPT:]
    if lane.what is What.PRODUCED:
        made = (*(one for one in made if one >= at - _WINDOW), at)
    return replace(state, lanes=lanes, events=events, made=made)
