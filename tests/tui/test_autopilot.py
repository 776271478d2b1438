"""The demo at the screen presses the keys a person would; a person's own key pauses it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from station.tui.app import StationApp
from station.tui.practice import autopilot
from station.tui.practice.autopilot import Autopilot
from station.tui.practice.guiding import Practice
from station.tui.practice.play import Choose, Picture, Press, See
from tests.tui.playing import Player


async def test_steps_are_played_by_keys_paused_by_a_person_and_kept_as_pictures(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autopilot, "PATIENCE", 30.0)
    practice = Practice({}, Path("/o.csv"), Path("/r.csv"))
    steps = (
        Picture("login"),
        Press("choose your name", ("f1",)),
        See("Help"),
        Choose("Back"),
        Press("choose your name", ("end",)),
        Picture("end"),
    )
    app = StationApp(home, practice)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        player = Player(app, pilot)
        playing = Autopilot(practice, steps, pace="fast", pictures=tmp_path)
        await player.sees("choose your name", "otto")
        app.autopilot = playing
        await player.press("home")
        assert playing.paused
        await player.is_told("^o has it go on")
        run = asyncio.create_task(playing(pilot))
        await player.until((tmp_path / "login.svg").is_file, "the first picture")
        assert not (tmp_path / "end.svg").exists()
        await player.press("ctrl+o")
        await run
        assert (tmp_path / "end.svg").read_text().startswith("<svg")
        assert app.autopilot is None
        await app.end()
