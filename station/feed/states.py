"""How lanes and counts stand after an event: the newest state, for who comes later."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from batch.model.states import ItemState
from batch.production.events import (
    Awaited,
    Delay,
    Feeding,
    LaneEvent,
    Missing,
    Removal,
    StepPlace,
    Trouble,
    What,
)
from station.feed.messages import Lane

_MOST = 20
"""Missing tokens that are told by name; with more of them nobody looks for one."""

_LONG = 2000
"""Characters of a text that are told."""

_IDLE = frozenset({What.WAITING, What.MISSING, What.PAUSED})
_OVER = frozenset({What.JAMMED, What.LANE_STOPPED, What.LANE_ENDED})
_IN_HAND = frozenset({What.BEGUN, What.RESUMED})
_MOVES: Mapping[What, tuple[ItemState, ItemState]] = {
    What.BEGUN: (ItemState.PLANNED, ItemState.IN_PRODUCTION),
    What.PRODUCED: (ItemState.IN_PRODUCTION, ItemState.PRODUCED),
    What.QUARANTINED: (ItemState.IN_PRODUCTION, ItemState.QUARANTINED),
}


def after(lane: Lane, event: LaneEvent, at: float) -> Lane:
    """The lane as it is after an event; the same object where the event tells nothing new."""
    detail, text = event.detail, event.text[:_LONG]
    step = detail if isinstance(detail, StepPlace) else None
    new = msgspec.structs.replace(
        lane,
        what=event.what,
        since=at,
        item=event.item,
        token=event.token,
        delay=detail if isinstance(detail, Delay) else None,
        missing=_shortened(detail) if isinstance(detail, Missing) else None,
        trouble=detail if isinstance(detail, Trouble) else None,
        feeding=detail if isinstance(detail, Feeding) else None,
        text=text,
    )
    if isinstance(detail, Removal):
        new = msgspec.structs.replace(new, removal=detail, step=None, step_begun=None)
    elif step is not None:
        new = msgspec.structs.replace(new, step=step, step_begun=at)
    elif event.what in _IN_HAND:
        new = _empty(new, begun=at)
    elif event.what in _IDLE:
        new = _empty(new, begun=None)
    elif event.what in _OVER:
        # What is still to be taken out of the reader.
        new = msgspec.structs.replace(new, item=lane.item, token=lane.token)
    elif event.what is What.PRODUCED:
        new = msgspec.structs.replace(new, made=lane.made + 1)
    # An idle lane says again and again what it waits for.
    return lane if msgspec.structs.replace(new, since=lane.since) == lane else new


def moved(counts: Mapping[ItemState, int], what: What) -> Mapping[ItemState, int]:
    """How many items are in each state after an event; the same object where it moves none."""
    if what not in _MOVES:
        return counts
    before, now = _MOVES[what]
    changed = dict(counts)
    changed[before] = changed.get(before, 0) - 1
    changed[now] = changed.get(now, 0) + 1
    return changed


def total(counts: Mapping[ItemState, int]) -> int:
    """How many tokens are to be produced in the end."""
    out = counts.get(ItemState.SPOILED, 0) + counts.get(ItemState.CANCELLED, 0)
    return sum(counts.values()) - out


def _empty(lane: Lane, begun: float | None) -> Lane:
    return msgspec.structs.replace(lane, begun=begun, step=None, step_begun=None, removal=None)


def _shortened(missing: Missing) -> Missing:
    named: tuple[Awaited, ...] = missing.tokens[:_MOST]
    return Missing(named, missing.elsewhere)
