"""A production as its feed tells it, at a time of its own, for tests of the bench."""

from __future__ import annotations

from typing import Any

from batch.model.quarantine import Cause
from batch.model.states import ItemState
from batch.production.events import Removal, StepPlace, Trouble, What
from drivers.feeders.port import Tray
from station.feed.messages import Happened, Lane, Production, Seat
from station.tui.bench_state import BenchState, after

BEGUN = 1_900_000_000.0
AT = BEGUN + 300
ORDER = "2031-0001"

COUNTS = {ItemState.PLANNED: 25, ItemState.IN_PRODUCTION: 2, ItemState.PRODUCED: 120, ItemState.SPOILED: 1}

_KINDS: tuple[dict[str, Any], ...] = (
    {"what": What.WAITING},
    {
        "what": What.STEP,
        "item": "000123",
        "token": "A1B2",
        "step": StepPlace("generate:authentication", 4, 12),
        "step_begun": AT - 12,
    },
    {"what": What.REMOVE, "item": "000124", "removal": Removal(Tray.GOOD)},
    {
        "what": What.REMOVE,
        "item": "000125",
        "removal": Removal(
            Tray.QUARANTINE,
            Trouble("verify: key authentication does not sign", Cause.READ_BACK, "verify"),
        ),
    },
)


def production(count: int, driver: str = "piv") -> Production:
    """A production over so many lanes that made 120 of 147 tokens."""
    seats = tuple(Seat(f"{driver}-{place:02}", driver) for place in range(1, count + 1))
    counts = {**COUNTS, ItemState.QUARANTINED: 1}
    return Production(ORDER, "olga", seats, BEGUN, 148, counts)


def busy(count: int) -> BenchState:
    """Lanes that wait for a blank, work, are done, and failed, in turn; 60 tokens in five minutes."""
    told = production(count)
    state = after(BenchState(), told, BEGUN)
    for place in range(60):
        lane = Lane("piv-01", What.PRODUCED, AT - 120 + 2 * place, f"{place:06}", made=place + 1)
        state = after(state, Happened(lane), lane.since)
    for place, seat in enumerate(told.seats):
        state = after(state, Happened(Lane(seat.name, since=AT - 12, **_KINDS[place % 4])), AT - 12)
    return state
