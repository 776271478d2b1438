"""What production tells whoever watches it: frozen facts, no code in any."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class What(enum.StrEnum):
    """What happened on a lane."""

    WAITING = "waiting"
    MISSING = "missing"
    BEGUN = "begun"
    RESUMED = "resumed"
    STEP = "step"
    DELAYED = "delayed"
    PRODUCED = "produced"
    INTERRUPTED = "interrupted"
    QUARANTINED = "quarantined"
    REFUSED = "refused"
    REMOVE = "remove"
    LANE_STOPPED = "lane-stopped"
    LANE_ENDED = "lane-ended"


@dataclass(frozen=True)
class LaneEvent:
    """One event: seat, the item's mailer number and token serial where known, `text` for the operator."""

    what: What
    seat: str
    item: str | None = None
    token: str | None = None
    text: str = ""
