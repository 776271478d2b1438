"""Logging in and out at the screen: nothing is open before, and no PIN is ever on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tui.playing import SIZES, playing
from tests.unit.login_kit import passphrase


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_login_is_all_that_is_open(home: Path, size: tuple[int, int], picture: Any) -> None:
    async with playing(home, size) as player:
        await player.sees("choose your name", "olga")
        await player.press("f3", "f12")
        assert player.app.current_mode == "login"
        assert player.picture == picture


async def test_who_logs_in_is_told_with_their_roles_and_locks_again(home: Path) -> None:
    async with playing(home) as player:
        await player.log_in("olga")
        await player.sees("olga (order officer, personaliser)")
        await player.press("ctrl+l")
        await player.until(lambda: player.app.operator is None, "the lock")
        await player.sees("choose your name")


async def test_a_wrong_passphrase_is_refused_and_none_is_ever_shown(home: Path) -> None:
    async with playing(home) as player:
        await player.sees("olga")
        await player.press("end")
        while player.app.screen.query_one("#people").highlighted_option.prompt != "olga":  # type: ignore[attr-defined]
            await player.press("up")
        await player.press("enter")
        await player.until(lambda: player.app.focused and player.app.focused.id == "secret", "the field")
        await player.type("all wrong")
        assert "all wrong" not in player.text
        assert "•" * len("all wrong") in player.text
        await player.press("enter")
        await player.sees("the passphrase is wrong", "Close")
        await player.press("enter")
        await player.settled()
        assert player.app.operator is None


async def test_a_session_of_this_terminal_is_found_again(home: Path) -> None:
    async with playing(home) as player:
        await player.log_in("dirk")
    async with playing(home) as player:
        await player.until(lambda: player.app.operator == "dirk", "dirk's session")
        assert passphrase("dirk") not in player.text
