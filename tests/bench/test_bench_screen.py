"""A production seen and steered from the screen; it outlives the screen where whoever leaves wants that."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from batch.production.events import What
from batch.production.lock import only_one
from station.conversation.messages import AskSecret
from station.tui.dialogs.act import ActDialog
from station.tui.dialogs.starting import ChooseSeats
from station.tui.widgets.lane_panel import LanePanel, PanelFacts
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.tui.playing import Player, playing

pytestmark = pytest.mark.bench

STICK = {"group": "Balie Noord", "layout": "group-usb:p-256"}


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory) -> Desk:
    return desk_factory(piv=0, pkcs11=2)


class Operator(Player):
    """Somebody who knows the PINs of a desk."""

    desk: Desk

    async def answer(self) -> None:
        """Type each PIN that is asked for, until the act's dialog is closed."""
        while True:
            await self.until(lambda: self._asked() is not None or not self._acting(), "a question")
            asked = self._asked()
            if asked is None:
                return
            await self.secret(self.desk.pins[asked.name].reveal().decode())
            await self.until(lambda asked=asked: self._asked() is not asked, "the next")  # type: ignore[misc]

    async def answer_all(self) -> None:
        """Type each PIN that is asked for, until the act has ended and is shown still."""
        while not self._ended():
            asked = self._asked()
            if asked is not None:
                await self.secret(self.desk.pins[asked.name].reveal().decode())
            await self.until(lambda asked=asked: self._asked() is not asked or self._ended(), "the next")  # type: ignore[misc]

    async def enter(self, name: str) -> None:
        """Log in by name, unless this terminal's session is still there."""
        await self.until(lambda: self.app.operator == name or name in self.text, "the login")
        if self.app.operator == name:
            return
        people = self.app.screen.query_one("#people")
        await self.press("home")
        while people.highlighted_option.prompt != name:  # type: ignore[attr-defined]
            await self.press("down")
        await self.press("enter")
        await self.until(self._acting, "the login")
        await self.answer()
        await self.until(lambda: self.app.operator == name, f"{name} logged in")

    async def start(self, order: str) -> None:
        """Start the only order that may be produced, in all seats."""
        await self.press("s")
        await self.sees("Which order?", order)
        await self.press("enter")
        await self.until(lambda: isinstance(self.app.screen, ChooseSeats), "the seats")
        await self.press("enter")
        await self.until(self._acting, "the start")
        await self.answer()
        await self.until(lambda: self.app.feeding.state.running, "the production")

    def lane(self, seat: str) -> PanelFacts:
        """What the panel of a seat shows."""
        (found,) = (
            panel.facts
            for screen in self.app.screen_stack
            for panel in screen.query(LanePanel)
            if panel.facts and panel.facts.seat == seat
        )
        return found

    async def told(self, seat: str, words: str) -> None:
        """Wait until a panel's instruction, or its state, has these words."""
        await self.until(
            lambda: words in f"{self.lane(seat).instruction.text} / {self.lane(seat).instruction.state}",
            f"{words!r} at {seat}",
        )

    def _ended(self) -> bool:
        return isinstance(self.app.screen, ActDialog) and self.app.screen._outcome is not None

    def _acting(self) -> bool:
        return isinstance(self.app.screen, ActDialog)

    def _asked(self) -> AskSecret | None:
        screen = self.app.screen
        asked = screen._asked if isinstance(screen, ActDialog) else None
        return asked if isinstance(asked, AskSecret) else None


def free(desk: Desk) -> bool:
    """Whether no process produces on the desk's home any more, not even one whose lanes have all ended."""
    with only_one(desk.home / "run" / "production.lock", "production"):
        return True


@asynccontextmanager
async def at(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Operator]:
    for name, value in desk.environment.items():
        if os.environ.get(name) != value:
            monkeypatch.setenv(name, value)
    async with playing(desk.home, (100, 30)) as player:
        operator = Operator(player.app, player.pilot)
        operator.desk = desk
        yield operator


async def test_lanes_are_started_paused_resumed_and_ended_by_keys(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = desk.approved(STICK | {"count": "24"})
    async with at(desk, monkeypatch) as player:
        await player.enter("ada")
        await player.sees("No production is under way", "usb-1", "usb-2")
        await player.start(order)
        await player.sees(order, "of 24 produced")
        assert player.app.focused is not None
        await player.press("p")
        await player.told("usb-1", "paused")
        assert player.app.feeding.state.lanes["usb-2"].what is not What.PAUSED
        await player.press("r")
        await player.until(lambda: player.lane("usb-1").instruction.state != "paused", "it goes on")
        await player.press("right", "e")
        await player.sees("End lane usb-2?")
        await player.press("right", "enter")
        await player.told("usb-2", "ended")
        await player.sees("The production has ended", "24 produced", "Next: send the tokens")
        await player.press("enter")
        # The bench's feeder took the last token out.
        await player.told("usb-1", "start an order")
    asked = desk.rows(
        "SELECT body ->> '$.detail.\"asked by\"' FROM audit WHERE body ->> '$.event' LIKE 'lane.%'"
    )
    assert asked == [("ada",)] * 3


async def test_a_production_goes_on_without_the_screen_and_is_found_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk.cleared():
        desk.feed_by_hand("usb-1", "usb-2")
        order = desk.approved(STICK | {"count": "2"})
        async with at(desk, monkeypatch) as player:
            await player.enter("ada")
            await player.start(order)
            await player.told("usb-1", "insert a blank token")
            await player.press("ctrl+q")
            await player.sees("Leave the screen?", "Tokens are being made")
            left_up: list[bool] = []
            player.app.let_bench_go = lambda: left_up.append(True)
            await player.press("right", "enter")
            await player.until(lambda: player.app._exit, "the end of the screen")
            assert left_up, "a bench that began with the screen goes on with the production"
        async with at(desk, monkeypatch) as player:
            await player.enter("ada")
            await player.told("usb-1", "insert a blank token")
            desk.bench.insert("usb-1")
            await player.told("usb-1", "take out, put in envelope")
            number = player.lane("usb-1").number
            assert number in player.text
            await player.sees("1 of 2 produced", f"{number} produced")
            await player.press("x")
            await player.sees("Stop all lanes?")
            await player.press("down", "enter")
            await player.sees("stopped")
            await player.until(lambda: player.app.feeding.state.ended is not None, "the end")
            await player.until(lambda: free(desk), "the end of its process")

            # A terminal that is closed stops what was started at it.
            await player.start(order)
            await player.told("usb-2", "insert a blank token")
            assert player.app.under_way.producing is not None
            act = player.app.under_way.producing.act
            player.app.hang_up()
            await player.until(lambda: player.app._exit, "the end of the screen")
            process = act._process
            await player.until(lambda: process is not None and process.poll() is not None, "its end")
    assert desk.states(order) == {"produced": 1, "planned": 1}
    (ended,) = set(desk.rows("SELECT count(*) FROM audit WHERE body ->> '$.event' = 'production.ended'"))
    assert ended >= (2,)
    desk.run("audit", "verify")
