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


def lane_process(seat: Seat, run_directory: Path, mandate: Mandate | None = None) -> Child:
    """A fresh lane process for a seat; its lock keeps two of them apart. It makes tokens with a mandate."""
    return Child(
        f"lane {seat.name}",
        "batch.production.lane:Lane",
        (seat.name, seat.driver, dict(seat.options), run_directory / f"{seat.name}.lock", mandate),
        environment=seat.environment,
    )
