"""Finished tokens as the records hold their way after production."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from batch.model.states import LifeState


@dataclass(frozen=True)
class Life:
    """Where one produced token is, `since` when, and when it got to each place on its way, last.

    `ended_at`: when it was lost, damaged or destroyed, or came back.
    """

    item_id: int
    state: LifeState
    since: datetime
    dispatched_at: datetime | None = None
    acknowledged_at: datetime | None = None
    handed_over_at: datetime | None = None
    activated_at: datetime | None = None
    ended_at: datetime | None = None
