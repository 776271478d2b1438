"""What production tells whoever watches it: frozen facts, no code in any.

What the hands are to do follows from `What` and the typed detail; `text` is the same in English words.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from batch.model.quarantine import Cause
from drivers.feeders.port import Tray


class What(enum.StrEnum):
    """What happened on a lane."""

    WAITING = "waiting"
    MISSING = "missing"
    BEGUN = "begun"
    RESUMED = "resumed"
    STEP = "step"
    DELAYED = "delayed"
    PRODUCED = "produced"
    PENDING = "pending"
    INTERRUPTED = "interrupted"
    QUARANTINED = "quarantined"
    REFUSED = "refused"
    REMOVE = "remove"
    PAUSED = "paused"
    JAMMED = "jammed"
    LANE_STOPPED = "lane-stopped"
    LANE_ENDED = "lane-ended"


class Refusal(enum.StrEnum):
    """Why a token is not written to: nothing was done to it, and no item is spent on it."""

    NOT_BLANK = "not-blank"
    BEGUN_BEFORE = "begun-before"
    FINISHED = "finished"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class StepPlace:
    """Of STEP: the step that begins, by its name in the journal; `done` of the token's `of` steps are."""

    name: str
    done: int
    of: int


@dataclass(frozen=True)
class Awaited:
    """An unfinished token: its item's mailer number, its serial, the seat it was in last.

    Without a serial a blank in that seat will do as well.
    """

    item: str
    token: str | None
    seat: str | None


@dataclass(frozen=True)
class Missing:
    """Of MISSING: the tokens of which one is to be put back; `elsewhere` is the seat that works on the token
    in this one.
    """

    tokens: tuple[Awaited, ...] = ()
    elsewhere: str | None = None


@dataclass(frozen=True)
class Delay:
    """Of DELAYED: the CA is asked again after so many seconds, because of `reason`."""

    seconds: float
    reason: str


@dataclass(frozen=True)
class Trouble:
    """Of QUARANTINED its cause and the step it came of, of REFUSED why; `reason` in words."""

    reason: str
    cause: Cause | None = None
    step: str | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Removal:
    """Of REMOVE: the tray the token goes to, into the envelope of its item where that is the good one, else
    because of `why`; `by_machine`: no hand is needed.
    """

    tray: Tray
    why: Trouble | None = None
    by_machine: bool = False


@dataclass(frozen=True)
class Feeding:
    """Of WAITING: a machine brings the next blank; `empty`: it has none left, and is to be loaded."""

    empty: bool = False


Detail = StepPlace | Missing | Delay | Trouble | Removal | Feeding


@dataclass(frozen=True)
class LaneEvent:
    """One event: seat, the item's mailer number and token serial where known, `text` for the operator."""

    what: What
    seat: str
    item: str | None = None
    token: str | None = None
    text: str = ""
    detail: Detail | None = None
