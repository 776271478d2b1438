"""What somebody likes is seen everywhere at once, and found again."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace
from textual.color import Color

from station.home import Home
from station.tui.preferences import Preferences, keep
from station.tui.themes import LIGHT
from station.tui.widgets.bars import StationBar
from tests.tui.playing import Player, playing


def bar_colours(player: Player) -> set[Color]:
    """The background of the top line of every screen that is open here, a dialog's area beneath it too."""
    return {bar.styles.background for screen in player.app.screen_stack for bar in screen.query(StationBar)}


async def test_a_theme_is_seen_in_areas_open_already_and_in_those_opened_later(home: Path) -> None:
    async with playing(home, who="olga") as player:
        await player.press("f3")
        await player.settled()
        await player.press("f2")
        player.app.prefer(replace(player.app.liking, theme=LIGHT.name))
        light = {Color.parse(LIGHT.panel)}
        await player.until(lambda: bar_colours(player) == light, "the bench in it")
        for key, area in (("f3", "orders"), ("f10", "audit"), ("f2", "bench")):
            await player.press(key)
            await player.until(lambda area=area: player.app.current_mode == area, area)  # type: ignore[misc]
            await player.settled()
            assert bar_colours(player) == light, area


async def test_who_likes_another_theme_sees_it_beneath_a_dialog_that_was_left_open(home: Path) -> None:
    keep(Home(home), "bert", Preferences(theme=LIGHT.name))
    async with playing(home, who="olga") as player:
        await player.press("f10")
        await player.settled()
        await player.press("question_mark")
        await player.until(lambda: player.app.screen.is_modal, "the help")
        await player.press("ctrl+l")
        await player.log_in("bert")
        await player.press("f10")
        await player.until(lambda: player.app.screen.is_modal, "the help of before")
        await player.until(lambda: bar_colours(player) == {Color.parse(LIGHT.panel)}, "the log in it")
