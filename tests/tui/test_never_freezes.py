"""Whatever hangs, keys are answered: areas and help open, dialogs close, and the screen can be left."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drivers.errors import ToldError
from station import tui
from station.feed.place import reachable
from station.tui.app import StationApp
from station.tui.desk_screen import ACTS
from station.tui.dialogs.leaving import Leaving
from station.tui.dialogs.picking import PickFile
from station.tui.reading import Reader
from station.wiring import Desk
from tests.tui.playing import PATIENCE, Player, in_area, playing


@pytest.fixture
def hung() -> Iterator[threading.Event]:
    """What the disk waits for; it comes at the end of the test."""
    answers = threading.Event()
    yield answers
    answers.set()


async def leaves(player: Player) -> None:
    """Leave, though something hangs."""
    await player.press("ctrl+q")
    await player.until(lambda: isinstance(player.app.screen, Leaving), "the question")
    await player.press("right", "enter")
    await player.until(lambda: player.app._exit, "the end of the screen")


async def helped(player: Player) -> None:
    """Help opens, and closes."""
    await player.press("?")
    await player.sees("Help")
    await player.press("escape")
    await player.until(lambda: not player.app.screen.is_modal, "the help gone")


async def test_a_disk_that_hangs_at_opening_is_told_and_left(
    home: Path, hung: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = StationApp.desk

    def hanging(app: StationApp) -> Desk:
        hung.wait(PATIENCE)
        return desk(app)

    monkeypatch.setattr(StationApp, "desk", hanging)
    app = StationApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        player = Player(app, pilot)
        await player.sees("The records are opened", "^q leaves.")
        await leaves(player)
        assert not app.opened


async def test_a_command_that_hangs_at_opening_is_told_and_left(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nexec sleep 600\n")
    hanging.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(hanging))
    app = StationApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        player = Player(app, pilot)
        await player.sees("Who is logged in at this terminal", "^q leaves.")
        assert not app.opened
        await leaves(player)


async def test_a_home_that_cannot_be_read_is_told_by_the_command(home: Path) -> None:
    (home / "station.toml").write_text("[station\n")
    app = StationApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await Player(app, pilot).until(lambda: app._exit, "the end of the screen")
    assert app.failure is not None
    assert "station.toml" in str(app.failure)


async def test_records_that_do_not_answer_hold_up_no_key(home: Path, hung: threading.Event) -> None:
    async with playing(home) as player:
        await player.log_in("olga")
        reads = threading.Event()

        def waits() -> None:
            reads.set()
            hung.wait(PATIENCE)

        player.app.run_worker(player.app.reader.read(lambda _desk, _records: waits()), exit_on_error=False)
        await player.until(reads.is_set, "the reading")
        # Also where the session would be renewed, and preferences kept, at this moment.
        player.app.use._last = player.app.use._passed()
        player.app.use._renewed -= 60
        player.app.prefer(player.app.liking)
        for key, area in (("f3", "orders"), ("f8", "quarantine"), ("f12", "health"), ("f2", "bench")):
            await player.press(key)
            await player.until(lambda area=area: player.app.current_mode == area, area)  # type: ignore[misc]
        await helped(player)
        await leaves(player)


async def test_a_run_directory_that_hangs_holds_up_no_key(
    home: Path, hung: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with playing(home) as player:
        await player.log_in("olga")
        entered = threading.Event()

        @contextmanager
        def hanging(run_directory: Path) -> Iterator[str]:
            entered.set()
            hung.wait(PATIENCE)
            with reachable(run_directory) as address:
                yield address

        monkeypatch.setattr("station.feed.client.reachable", hanging)
        await player.until(entered.is_set, "a look for a production")
        await player.press("f3")
        await player.until(lambda: player.app.current_mode == "orders", "orders")
        await helped(player)
        await leaves(player)
        hung.set()


async def test_a_folder_that_hangs_can_be_left_and_another_path_typed(
    home: Path, hung: threading.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, listed = tmp_path / "gone", Path.iterdir
    gone.mkdir()
    (tmp_path / "order.csv").touch()
    entered = threading.Event()

    def hanging(path: Path) -> Iterator[Path]:
        if path == gone:
            entered.set()
            # Longer than anything here is waited for.
            hung.wait(3 * PATIENCE)
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", hanging)
    async with playing(home) as player:
        await player.log_in("olga")
        player.app.remember_folder(tmp_path)
        await player.press("f3", "i")
        await player.sees("▸ gone", "· order.csv")
        await player.press("down", "enter")
        await player.until(entered.is_set, "the folder")
        await player.press("down")
        await player.sees("order.csv")
        await player.press("escape")
        await player.until(lambda: not isinstance(player.app.screen, PickFile), "the picker gone")

        # Also as the folder that the picker begins in.
        entered.clear()
        player.app.remember_folder(gone)
        await player.press("i")
        await player.until(entered.is_set, "the folder")
        await player.press("/")
        await player.type("nowhere.csv")
        await player.press("enter")
        await player.sees("There is no such file.")
        await player.press("escape")
        await player.until(lambda: not isinstance(player.app.screen, PickFile), "the picker gone")
        hung.set()


async def test_what_keeps_an_act_from_being_begun_is_told_and_the_screen_stays(home: Path) -> None:
    async with in_area(home, "pim", "f6", "000001") as player:
        await player.press("u")
        await player.is_told("it never left the desk")
        await helped(player)


async def test_a_production_that_cannot_be_started_for_the_disk_ends_no_screen(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_reader: Reader, _read: object) -> None:
        raise ToldError("the records cannot be read", where="station.db", next="look at the disk")

    async with in_area(home, "olga", "f2", "No production is under way") as player:
        with monkeypatch.context() as patched:
            patched.setattr(Reader, "read", fails)
            await player.press("s")
            await player.is_told("the records cannot be read", "look at the disk")
        await helped(player)


def test_no_act_that_cannot_be_begun_ends_the_screen() -> None:
    for module in Path(tui.__path__[0]).rglob("*.py"):
        begun = tuple(f'@work(group="{group}"' for group in ACTS)
        workers = [line for line in module.read_text().splitlines() if line.strip().startswith(begun)]
        assert all("exit_on_error=False" in line for line in workers), module
