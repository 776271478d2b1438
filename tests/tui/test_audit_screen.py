"""The audit log on the screen: how its chain stands, what happened, and who may look after it."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path
from typing import Any

import pytest

from batch.store.audit import entry
from batch.store.database import Records
from tests.tui.playing import NORMAL, SIZES, WIDE, Player, in_area


def at_the_log(
    home: Path, who: str = "otto", size: tuple[int, int] = NORMAL
) -> AbstractAsyncContextManager[Player]:
    """Somebody who is logged in looks at the area."""
    return in_area(home, who, "f10", "never signed", size=size)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_log_is_told_newest_first_with_the_state_of_its_chain(
    home: Path, size: tuple[int, int], picture: Any
) -> None:
    async with at_the_log(home, size=size) as player:
        await player.press("end")
        await player.sees("station made", "follows the entry before")
        await player.press("home")
        await player.sees("session begun")
        await player.forget_told()
        assert player.picture == picture


async def test_an_entry_is_shown_with_its_text_and_hash_and_a_changed_one_is_told(home: Path) -> None:
    async with at_the_log(home, size=WIDE) as player:
        with sqlite3.connect(home / "station.db") as database:
            database.execute("UPDATE audit SET body = replace(body, 'ada', 'eva') WHERE sequence = 2")
        await player.press("end")
        with closing(Records(home / "station.db")) as records:
            first = entry(records, 1)
        assert first is not None
        await player.sees("✓ follows the entry before", first.hash.hex()[:20], '{"at":"')
        await player.press("up")
        await player.sees("✗ does not follow the entry before: verify")


async def test_the_log_is_narrowed_by_who_what_and_when(home: Path) -> None:
    async with at_the_log(home) as player:
        await player.press("slash")
        await player.sees("Narrow the log by")
        await player.press("down", "enter")
        await player.sees("item begun")
        while player.app.screen.query_one("#options").highlighted_option.prompt != "order received":  # type: ignore[attr-defined]
            await player.press("down")
        await player.press("enter")
        await player.sees("Only event order received")
        await player.settled()
        assert "session begun" not in player.text
        await player.press("slash", *["down"] * 4, "enter")
        await player.type("yesterday")
        await player.press("enter")
        await player.is_told("yesterday is no day")
        await player.press("a")
        await player.sees("session begun")
        await player.press("slash", *["down"] * 4, "enter")
        await player.type("2999-01-01")
        await player.press("enter")
        await player.sees("No entry is like that")
        await player.press("a")
        await player.sees("session begun")


async def test_a_scanned_number_shows_what_happened_to_that_token(home: Path) -> None:
    with closing(Records(home / "station.db")) as records:
        number = records.row("SELECT max(item_number) FROM log_facts")[0]  # type: ignore[index]
    async with at_the_log(home) as player:
        await player.type(number)
        await player.press("enter")
        await player.sees(f"Only token {number}", "item begun")


async def test_verifying_shows_what_was_found_and_counts_as_done(home: Path) -> None:
    async with at_the_log(home) as player:
        await player.sees("verified: never")
        await player.press("v")
        await player.sees("entries hold", "Close")
        await player.press("enter")
        await player.until(lambda: "verified: never" not in player.text, "the day of it")


async def test_the_log_is_exported_where_it_was_wanted(home: Path, tmp_path: Path) -> None:
    async with at_the_log(home) as player:
        await player.press("x")
        await player.sees("Where to write it")
        await player.press("ctrl+u")
        await player.type(str(tmp_path / "log.zip"))
        await player.press("enter")
        await player.until((tmp_path / "log.zip").is_file, "the file")
        await player.settled()


async def test_who_does_not_keep_the_log_is_told_so_and_nothing_happens(home: Path) -> None:
    async with at_the_log(home, "dirk") as player:
        for key in "vcx":
            await player.press(key)
            await player.is_told("Not for you to do")
            await player.forget_told()
        await player.sees("verified: never", "never signed")
