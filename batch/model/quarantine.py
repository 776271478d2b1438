"""Quarantine: why an item was set aside, and by which way it left."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class Cause(enum.StrEnum):
    """Why an item was set aside; what may be done about it depends on this and on the step."""

    UNSUPPORTED = "unsupported"
    CODE_REFUSED = "code-refused"
    CODE_BLOCKED = "code-blocked"
    UNDECIDED = "undecided"
    NOT_BLANK = "not-blank"
    NO_EVIDENCE = "no-evidence"
    READ_BACK = "read-back"
    WRONG_CERTIFICATE = "wrong-certificate"
    DEVICE_FAILED = "device-failed"
    CA_REFUSED = "ca-refused"
    OTHER = "other"
    TAKEN_OUT = "taken-out"
    RESTORED = "restored"


class Way(enum.StrEnum):
    """The ways out of quarantine. All but RESUME spoil the item."""

    RESUME = "resume"
    RESET = "reset"
    DESTROY = "destroy"
    WRITE_OFF = "write-off"

    @property
    def done(self) -> str:
        """What it made of the token, in a word."""
        return {"resume": "resumed", "reset": "reset", "destroy": "destroyed", "write-off": "lost"}[self]


@dataclass(frozen=True)
class Stay:
    """One item's time in quarantine: since when, put there by whom and why, and how it left.

    `way`, `way_by`, `witness` and `why` are on record from the moment the way out is begun (`begun_at`);
    `blank_at` is when a reset token was read blank, `left_at` when the item left. `replaced`: a replacement
    is wanted where the item is spoiled.
    """

    id: int
    item_id: int
    since: datetime
    put_by: str
    cause: Cause
    step: str | None
    reason: str
    way: Way | None
    way_by: str | None
    witness: str | None
    why: str | None
    replaced: bool
    begun_at: datetime | None
    blank_at: datetime | None
    left_at: datetime | None
