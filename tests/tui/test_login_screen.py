"""Logging in and out at the screen: nothing is open before, and no PIN is ever on it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import OptionList

from batch.model.people import Role
from batch.production.events import Removal, What
from drivers.feeders.port import Tray
from station.conversation.messages import Failed
from station.exit_codes import ExitCode
from station.feed.messages import Lane
from station.home import Home
from station.terminal import Terminal
from station.tui.acts import Act, Outcome
from station.tui.bench_state import BenchState, broken
from station.tui.dialogs.act import ActDialog
from station.tui.feeding import SeatSight
from tests.tui.bench_kit import production
from tests.tui.playing import PATIENCE, SIZES, playing
from tests.unit.login_kit import passphrase, staffed
from tests.unit.restore_kit import home_of


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


async def test_an_unused_screen_locks_itself_and_says_so(home: Path) -> None:
    async with playing(home) as player:
        await player.log_in("olga")
        player.app.use._last -= 3600
        await player.is_told("locked itself")
        await player.until(lambda: player.app.operator is None, "the lock")
        await player.sees("choose your name")


async def test_who_locks_and_leaves_at_once_is_logged_out(home: Path) -> None:
    terminal = Terminal(Home(home))
    async with playing(home, who="olga") as player:
        assert terminal.kept() is not None
        await player.pilot.press("ctrl+l")
        await player.until(lambda: player.app.operator is None, "the lock")
        await player.app.end()
    latest = time.monotonic() + PATIENCE
    while terminal.kept() is not None:
        assert time.monotonic() < latest
        await asyncio.sleep(0.05)


async def test_a_session_that_cannot_be_ended_does_not_open_the_screen_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Act.run

    async def full(act: Act) -> Outcome:
        if "logout" in act.arguments:
            failed = Failed(ExitCode.CONFIGURATION, None, "No space left on device", None)
            return Outcome(ExitCode.CONFIGURATION, "", failed=failed)
        return await run(act)

    async with playing(home, who="olga") as player:
        with monkeypatch.context() as patched:
            patched.setattr(Act, "run", full)
            await player.press("ctrl+l")
            await player.is_told("could not be ended: No space left on device")
            await player.settled()
            assert player.app.operator is None
            assert player.app.current_mode == "login"


@pytest.mark.parametrize("slow", ["logout", "whoami"])
async def test_who_comes_right_after_a_lock_is_not_logged_out_by_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    goes_on, run = asyncio.Event(), Act.run

    async def slowly(act: Act) -> Outcome:
        if slow not in act.arguments:
            return await run(act)
        # A late end would end any session, and a late answer be about one that is over.
        outcome = await run(act) if slow == "whoami" else None
        await goes_on.wait()
        return outcome or await run(act)

    async with playing(home, who="olga") as player:
        monkeypatch.setattr(Act, "run", slowly)
        await player.press("ctrl+l")
        await player.sees("choose your name", "bert")
        await player.type("bert")
        await player.press("enter")
        await player.pilot.pause()
        assert not isinstance(player.app.screen, ActDialog)
        goes_on.set()
        await player.secret(passphrase("bert"))
        await player.until(lambda: player.app.operator == "bert", "bert")
        await player.settled()
        assert Terminal(Home(home)).kept() is not None
        assert player.app.operator == "bert"


async def test_a_lock_cuts_no_act_off(home: Path) -> None:
    async with playing(home) as player:
        await player.log_in("otto")
        await player.press("f10")
        await player.sees("never signed")
        await player.settled()
        used = Terminal(Home(home)).kept()
        await player.press("v")
        await player.until(lambda: isinstance(player.app.screen, ActDialog), "the act")
        act = player.app.screen
        assert isinstance(act, ActDialog)
        await player.until(lambda: Terminal(Home(home)).kept() != used, "the act's use of the session")
        await player.press("ctrl+l")
        await player.sees("choose your name")
        await player.until(lambda: act._outcome is not None, "its end")
        assert act._outcome is not None
        assert act._outcome.done
        await player.press("f10")
        assert player.app.current_mode == "login"


async def test_what_is_asked_of_who_is_logged_out_is_declined(home: Path, tmp_path: Path) -> None:
    async with playing(home) as player:
        await player.log_in("otto")
        await player.press("f10")
        await player.sees("never signed")
        await player.settled()
        await player.press("x")
        await player.sees("Where to write it")
        await player.press("ctrl+u")
        await player.type(str(tmp_path / "log.zip"))
        await player.press("enter")
        await player.until(lambda: isinstance(player.app.screen, ActDialog), "the act")
        await player.press("ctrl+l")
        await player.sees("choose your name")
        await player.until(lambda: not any(player.app.under_way.acts.values()), "its end")


async def test_lanes_that_need_hands_are_told_while_locked_without_a_name(home: Path) -> None:
    async with playing(home) as player:
        told = Lane("piv-1", What.REMOVE, item="000123", removal=Removal(Tray.GOOD))
        waits = Lane("usb-1", What.WAITING)
        feeding = player.app.feeding
        feeding.state = BenchState(production(1), {"piv-1": told, "usb-1": waits})
        feeding.changes += 1
        await player.sees("✓ piv-1: take out, put in envelope 000123", "! usb-1: insert a blank token")
        # The production is gone: nobody waits for a blank, and the finished one was taken out.
        feeding.state = broken(feeding.state)
        feeding.changes += 1
        await player.until(lambda: "usb-1" not in player.text, "no need for a blank")
        assert "take out, put in envelope 000123" in player.text
        feeding.seats = {"piv-1": SeatSight("piv-1", "piv", "empty")}
        feeding.changes += 1
        await player.until(lambda: "000123" not in player.text, "no need for hands")


async def test_help_opens_before_anybody_has_logged_in(home: Path) -> None:
    async with playing(home) as player:
        await player.until(lambda: player.app.screen.query_one("#people", OptionList).option_count > 1)
        await player.press("question_mark")
        await player.sees("choose your name first")


async def test_names_are_letters_and_no_markup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "C.UTF-8")
    desk = home_of(tmp_path / "home")
    name = "[red]olga[/b]"
    staffed(desk, **{name: (Role.ORDER_OFFICER,)})
    async with playing(desk.path) as player:
        await player.sees(name)
        await player.log_in(name)
        await player.sees(f"{name} (order officer)")
        await player.press("f9")
        await player.settled()
        await player.press("o")
        await player.sees("w Complete")
        await player.sees(f"{name}  order officer", "administrator  passphrase")
