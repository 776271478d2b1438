"""The screen in the other languages: all of it fits a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from station.home import Home
from station.tui.areas import AREAS
from station.tui.preferences import Preferences, keep
from station.tui.widgets.bars import AreaBar
from station.tui.widgets.lane_panel import LanePanel
from station.tui.words import _, speak
from tests.tui.bench_kit import AT, busy
from tests.tui.playing import NORMAL, Player, playing
from tests.unit.login_kit import log_in


@pytest.fixture(params=["nl", "it"])
def translated(request: pytest.FixtureRequest, home: Path) -> Iterator[Path]:
    """A home at which olga is logged in, and wants another language."""
    keep(Home(home), "olga", Preferences(language=request.param))
    log_in(Home(home), "olga")
    yield home
    speak("en")


async def opened(player: Player, key: str) -> None:
    await player.until(lambda: player.app.operator == "olga", "the session")
    await player.settled()
    await player.press(key)
    await player.settled()
    await player.forget_told()


def areas_are_whole(player: Player) -> bool:
    """Whether every area stands in the bar with its key, up to the last letter."""
    bar = player.text.splitlines()[player.app.screen.query_one(AreaBar).region.y]
    shown = bar.replace("[", "").replace("]", " ")
    keys = [one.key.upper() if one is AREAS[0] else one.key.removeprefix("f") for one in AREAS]
    return shown.split() == [f"{key}{_(one.short)}" for key, one in zip(keys, AREAS, strict=True)]


async def test_the_bench_tells_the_hands_in_their_language(translated: Path, picture: Any) -> None:
    async with playing(translated, NORMAL) as player:
        await opened(player, "f2")
        player.app.feeding.clock = lambda: AT
        player.app.feeding.state = busy(4)
        player.app.feeding.changes += 1
        await player.until(lambda: len(player.app.screen.query(LanePanel)) == 4, "the panels")
        await player.settled()
        await player.until(lambda: "piv-01" in player.text and "148" in player.text, "the lanes")
        assert areas_are_whole(player), player.text
        assert player.picture == picture


@pytest.mark.parametrize("key", ["f3", "f7"], ids=["orders", "due"])
async def test_lists_and_details_fit_in_every_language(translated: Path, key: str, picture: Any) -> None:
    async with playing(translated, NORMAL) as player:
        await opened(player, key)
        await player.sees("2026-0001")
        assert areas_are_whole(player), player.text
        assert player.picture == picture


@pytest.mark.parametrize("one", AREAS, ids=lambda one: one.name)
async def test_the_bar_of_areas_is_whole_wherever_one_is(translated: Path, one: Any) -> None:
    async with playing(translated, NORMAL) as player:
        await opened(player, one.key)
        assert areas_are_whole(player), player.text
