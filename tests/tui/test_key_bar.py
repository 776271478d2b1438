"""The line at the bottom tells the keys that work, and is clicked as well as typed."""

from __future__ import annotations

from pathlib import Path

from station.tui.widgets.key_bar import KeyBar
from tests.tui.playing import playing


def _place(text: str, word: str) -> tuple[int, int]:
    line = text.splitlines()[-1]
    assert word in line, line
    return line.index(word), 0


async def test_a_click_on_a_key_presses_it(home: Path) -> None:
    async with playing(home) as player:
        await player.log_in("otto")
        await player.press("f6")
        await player.sees("000001")
        await player.pilot.click(KeyBar, offset=_place(player.text, "Filter"))
        await player.sees("Which are shown?")
        await player.press("escape")
        await player.settled()
        await player.pilot.click(KeyBar, offset=_place(player.text, "Commands"))
        await player.sees("Search for commands")


async def test_it_tells_the_keys_of_the_area_that_is_open(home: Path) -> None:
    async with playing(home) as player:
        await player.log_in("otto")
        assert "s Start" in player.text.splitlines()[-1]
        await player.press("f10")
        await player.sees("x Export")
        assert "s Start" not in player.text.splitlines()[-1]
