"""What is under way while the screen is open: acts of dialogs, and the production of this home."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from station.feed.messages import Ended, Stop
from station.tui.acts import Act
from station.tui.desk_screen import DeskScreen
from station.tui.dialogs.starting import ProductionResult, counted
from station.tui.feeding import Feeding
from station.tui.instructions import instruction
from station.tui.producing import Producing
from station.tui.scanning import Scanning
from station.tui.words import _

if TYPE_CHECKING:
    from station.tui.app import StationApp
    from station.tui.dialogs.act import ActDialog

_FRAME = 0.25
"""Seconds between two pictures of the bench, however much it tells: to draw sixteen lanes takes a while."""

_BENEATH = 1.0
"""The same beneath a dialog, where all of both is drawn again."""

_LOOK = 1.0
"""Seconds after which a need counts as one that a feeder does not settle by itself."""


class UnderWay:
    """Kept by the app, for all its screens.

    `acts` are told by their titles; one without a title is of no interest to who leaves. `dialogs` are those
    in which acts are shown. `producing` is the production that was started here.
    """

    def __init__(self, app: StationApp) -> None:
        self._app = app
        self.acts: dict[Act, str] = {}
        self.dialogs: set[ActDialog] = set()
        self.feeding = Feeding(app.home / "run")
        self.scanning = Scanning(app)
        self.producing: Producing | None = None
        self._shown, self._shown_at = 0, -_BENEATH
        self._ended: Ended | None = None
        self._called: frozenset[tuple[str, float]] = frozenset()

    def watch(self) -> None:
        """Follow the production of this home from now on, whoever starts it."""
        self._app.run_worker(self.feeding.follow(), group="feed")
        self._app.run_worker(self.scanning.follow(), group="scanner")
        self._app.set_interval(_FRAME, self.show)
        self._app.set_interval(_LOOK, self.call_for_hands)

    def watch_seats(self) -> None:
        """Have what is in the seats told, from now on."""
        if not any(one.group == "seats" for one in self._app.workers):
            self._app.run_worker(self.feeding.look_at_seats(self._app.home), group="seats")

    @property
    def running(self) -> bool:
        """Whether tokens are being made, by this screen or another process."""
        return self.feeding.state.running

    @property
    def starting(self) -> bool:
        """Whether a production was started here, and has not told anything yet."""
        return self._mine and not self.running

    @property
    def _mine(self) -> bool:
        return self.producing is not None and self.producing.running

    def produce(self, order: str, seats: Sequence[str]) -> Producing:
        """A production that is about to be started here."""
        self.producing = Producing(order, seats, self._app.home)
        return self.producing

    def tell_end(self, producing: Producing) -> None:
        """Have the end of a production that has begun told when it comes, wherever somebody is by then."""
        self._app.run_worker(self._tell_end(producing), group="produced")

    async def _tell_end(self, producing: Producing) -> None:
        outcome = await producing.outcome()
        # Nobody is to type a PIN into it, and who is locked out learns nothing.
        while self._app.screen.is_modal or self._app.operator is None:
            await asyncio.sleep(_FRAME)
        self._app.reload()
        await self._app.push_screen(ProductionResult(outcome))

    def show(self) -> None:
        """Have the open screens show what the bench told since they did last."""
        at = time.monotonic()
        early = self._app.screen.is_modal and at - self._shown_at < _BENEATH
        if early or self.feeding.changes == self._shown:
            return
        self._shown, self._shown_at = self.feeding.changes, at
        for screen in self._app.screen_stack:
            if isinstance(screen, DeskScreen) and screen.is_mounted:
                screen.bench_changed()
        before, self._ended = self._ended, self.feeding.state.ended
        ended = self._ended
        if ended is not None and ended is not before and self.producing is None:
            text = _("Order {number}: {counts}").format(number=ended.order, counts=counted(ended.counts))
            self._app.notify(text, title=_("The production has ended"), markup=False)

    def call_for_hands(self) -> None:
        """Call once for each need that lasts."""
        at = self.feeding.clock()
        needs = frozenset(
            (lane.seat, lane.since)
            for lane in self.feeding.standing()
            if instruction(lane, "").needed and at - lane.since >= _LOOK
        )
        if needs - self._called:
            self._app.call_attention()
        self._called = needs

    async def stop(self) -> None:
        """Have every lane of what is produced on this home end the step it is in."""
        if self.producing is not None and self.producing.running:
            await self.producing.stop()
        else:
            await self.feeding.send(Stop(self._app.operator))

    async def end(self) -> None:
        """End all acts; a production that has begun goes on."""
        ending = [act.end() for act in self.acts]
        if self.producing is not None and self.starting:
            ending.append(self.producing.act.end())
        elif self.producing is not None:
            self.producing.leave()
        await asyncio.gather(*ending)

    def hang_up(self) -> None:
        """Have the lanes of what was started here stop, as they do when a terminal is closed."""
        if self.producing is not None:
            self.producing.act.stop()
