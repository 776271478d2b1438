"""How a production ended, for whoever started it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from batch.model.orders import Order
from batch.model.states import ItemState


@dataclass(frozen=True)
class Result:
    """How a production ended: items by state, and the lanes that stopped with their reasons.

    `misissued` counts certificates found that nobody asked for. `missing` are the unfinished items as
    `named`, `waiting` the numbers of those that the CA has not answered, `aside` of those in quarantine;
    `unseated` tells how many planned ones want a driver
    that none of the seats has, `clock_moved` how far somebody set the clock meanwhile.
    """

    order: Order
    counts: Mapping[ItemState, int]
    stopped_lanes: Mapping[str, str]
    interrupted: bool
    misissued: int
    missing: Sequence[str]
    waiting: Sequence[str]
    aside: Sequence[str]
    unseated: Mapping[str, int]
    clock_moved: timedelta
