"""What the desk needs, on the screen: looked at in a process of its own, with how to mend it."""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from station.exit_codes import ExitCode
from station.tui.acts import Outcome
from station.tui.screens import health
from tests.tui.playing import SIZES, Player, in_area, playing

CHECKS = (
    '[{"name": "python", "state": "ok", "found": "3.11.2", "mend": null},'
    '{"name": "disk", "state": "warn", "found": "0.7 GiB free", "mend": "make room soon"},'
    '{"name": "pc/sc", "state": "fail", "found": "no service answers", '
    '"mend": "sudo systemctl enable --now pcscd.socket"},'
    '{"name": "printer", "state": "ok", "found": "ready", "mend": null}]'
)

NO_BACKUP = "last backup: never"


def at_health(home: Path, who: str = "ann") -> AbstractAsyncContextManager[Player]:
    """Somebody who is logged in looks at the area."""
    return in_area(home, who, "f12", NO_BACKUP)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_checks_are_told_with_a_sign_and_how_to_mend_them(
    home: Path, size: tuple[int, int], picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with playing(home, size, "ann") as player:
        run = player.app.run_act

        async def answered(*arguments: str) -> Outcome:
            found = Outcome(ExitCode.CHECK_FAILED, CHECKS)
            return found if arguments[0] == "doctor" else await run(*arguments)

        monkeypatch.setattr(player.app, "run_act", answered)
        await player.press("f12")
        await player.sees(NO_BACKUP, "✗ 1 must be mended", "! 1 wants attention")
        await player.press("down", "down")
        await player.sees("sudo systemctl enable")
        player.app.feeding.seats = {}
        await player.forget_told()
        assert player.picture == picture


async def test_the_desk_is_really_looked_at_and_again_on_request(home: Path) -> None:
    async with at_health(home) as player:
        await player.sees("must be mended", "configuration")
        home.joinpath("station.toml").rename(home / "away.toml")
        await player.press("r")
        await player.sees("configuration  ", "station.toml")


async def test_checks_that_hang_are_told_to_hang_and_keys_go_on(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_LONG", 0.0)
    async with playing(home, who="ann") as player:
        run = player.app.run_act

        async def silent(*arguments: str) -> Outcome:
            if arguments[0] == "doctor":
                held.set()
                await never.wait()
            return await run(*arguments)

        held, never = asyncio.Event(), asyncio.Event()
        monkeypatch.setattr(player.app, "run_act", silent)
        await player.press("f12")
        await player.sees(NO_BACKUP, "a device or module hangs")
        await player.press("f7")
        await player.sees("Due today")


async def test_records_are_backed_up_where_it_was_wanted(home: Path, tmp_path: Path) -> None:
    place = tmp_path / "records.backup"
    async with at_health(home) as player:
        await player.press("b")
        await player.sees("Where to write it")
        await player.press("ctrl+u")
        await player.type(str(place))
        await player.press("enter")
        await player.until(place.is_file, "the backup")
        await player.sees("read back and sound", "Close")
        assert stat.S_IMODE(os.stat(place).st_mode) & 0o077 == 0
        await player.press("enter")
        await player.until(lambda: NO_BACKUP not in player.text, "its day")


async def test_who_does_not_keep_the_desk_makes_no_backup(home: Path) -> None:
    async with at_health(home, "dirk") as player:
        for key in "bk":
            await player.press(key)
            await player.is_told("Not for you to do")
            await player.forget_told()
