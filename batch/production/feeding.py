"""How a seat is fed: by the operator's hands, or by a machine that may be empty, or jam."""

from __future__ import annotations

import time

from batch.production.calls import Pause
from batch.production.events import Feeding, Removal, What
from batch.production.seatwork import Desk, SeatWork, Work
from batch.production.wishes import Will
from drivers.errors import FeederEmpty, FeederFailed
from drivers.process import Child

_STILL = 0.1
"""Seconds between two looks whether a feeding machine has come to rest."""

_REFILL = 5.0
"""Seconds after which a feeder that was empty is asked for a blank again."""


class FedSeat(SeatWork):
    """Has tokens brought to a seat and taken away from it."""

    def __init__(self, desk: Desk, seat: str, driver: str, child: Child) -> None:
        super().__init__(desk, seat, driver, child)
        self._feeder = desk.feeder(seat)
        self._vacant = False  # the reader was seen empty, and nothing was seen in it since
        self._refilled_at = 0.0  # when a feeder that had no blank left is asked again
        self._removed: str | None = None  # what the token has on its envelope that a machine takes out
        self._jam: str | None = None

    def _feed(self) -> None:
        """Have the next blank brought; by a machine only into a reader that was seen empty."""
        if self._feeder.by_hand:
            self._tell(What.WAITING, text="insert a blank token")
            self._feeder.feed(self.seat)
            return
        if not self._vacant:
            return
        try:
            # What became of the token before is told first.
            if not self._feeder.moving(self.seat) and time.monotonic() >= self._refilled_at:
                self._removed, self._refilled_at = None, 0.0
                self._tell_feeding()
                self._feeder.feed(self.seat)
        except FeederEmpty:
            self._refilled_at = time.monotonic() + _REFILL
            self._tell_feeding()

    def _tell_feeding(self) -> None:
        empty = self._refilled_at > 0
        text = "the feeder is empty: load blank tokens" if empty else "the feeder brings a blank token"
        self._tell(What.WAITING, text=text, detail=Feeding(empty))

    def _take(self, removal: Removal, note: str) -> None:
        self._removed = note
        self._feeder.take(self.seat, removal.tray, note)

    def _arrived(self) -> Work[None]:
        """A token is in the reader; it is not worked on before the machine that brought it is at rest."""
        self._vacant, self._refilled_at = False, 0.0
        self._feeder.settled(self.seat)
        while self._feeder.moving(self.seat):
            yield Pause(_STILL, whole=True)

    def _left(self) -> None:
        """The reader is empty."""
        self._vacant = True
        self._feeder.settled(self.seat)

    def _jammed(self, error: FeederFailed) -> None:
        """Let the lane rest until somebody has cleared its feeder; the other lanes go on."""
        reason = str(error).removeprefix(f"{self.seat}: ")
        self._jam = reason if self._removed is None else f"{reason} ({self._removed})"
        self._log("lane.jammed", detail={"reason": self._jam})
        if self._desk.wishes.of(self.seat).will is not Will.END:
            self._desk.wishes.pause(self.seat)

    def _come_to_rest(self) -> Work[None]:
        """Wait for what a machine still does when the lane ends; what it brings lies there for the next."""
        self._feeder.settled(self.seat)
        try:
            while self._feeder.moving(self.seat):
                yield Pause(_STILL, whole=True)
        except FeederEmpty:
            return
