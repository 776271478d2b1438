"""The seats of a desk, and the lane processes that serve them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batch.production.calls import Limits
from batch.production.mandate import Mandate
from drivers.feeders.port import Feeder
from drivers.process import Child


@dataclass(frozen=True)
class Seat:
    """One configured seat: its token driver with options, its feeder, what its process needs, its limits."""

    name: str
    driver: str
    options: Mapping[str, Any]
    feeder: Feeder
    environment: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)


LANE = "batch.production.lane:Lane"
"""What serves a seat, unless something else is to be done there."""


def lane_process(
    seat: Seat, run_directory: Path, mandate: Mandate | None = None, served: str = LANE
) -> Child:
    """A fresh lane process for a seat; its lock keeps two of them apart. It makes tokens with a mandate."""
    return Child(
        f"lane {seat.name}",
        served,
        (seat.name, seat.driver, dict(seat.options), run_directory / f"{seat.name}.lock", mandate),
        environment=seat.environment,
    )
