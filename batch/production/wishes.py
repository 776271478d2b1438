"""What a person wants of lanes while they run: each lane carries it out between two tokens."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Will(enum.StrEnum):
    """What a lane shall do once its token is done with."""

    GO_ON = "go-on"
    PAUSE = "pause"
    END = "end"


@dataclass(frozen=True)
class Wish:
    """What somebody wants of a lane; `by` is who it is said to be, None where nobody said."""

    will: Will = Will.GO_ON
    by: str | None = None

    def detail(self) -> dict[str, object]:
        """What the log tells of it."""
        return {"asked by": self.by or "not told"}


_NONE = Wish()


class LaneWishes:
    """The newest wish for every lane; may be asked for from any thread, and taken back by the next one."""

    def __init__(self) -> None:
        # One item is read or set at a time, which no other thread can see half done.
        self._wishes: dict[str, Wish] = {}

    def pause(self, seat: str, by: str | None = None) -> None:
        """Let a lane wait after its token, its seat free for other commands, until it shall go on."""
        self._wishes[seat] = Wish(Will.PAUSE, by)

    def resume(self, seat: str, by: str | None = None) -> None:
        """Let a lane go on that waits, or that should have waited or ended and has not yet."""
        self._wishes[seat] = Wish(Will.GO_ON, by)

    def end(self, seat: str, by: str | None = None) -> None:
        """Let a lane end after its token, the others going on."""
        self._wishes[seat] = Wish(Will.END, by)

    def of(self, seat: str) -> Wish:
        """What is wanted of a lane."""
        return self._wishes.get(seat, _NONE)
