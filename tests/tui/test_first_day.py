"""Without a station, the screen offers one to practise at and says how a real one is made."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from station.tui.practice.first_day import FirstDayApp, practice_of
from tests.tui.playing import PATIENCE, SIZES


async def _until(pilot: Any, seen: Callable[[], object]) -> None:
    latest = time.monotonic() + PATIENCE
    while not seen():
        assert time.monotonic() < latest
        await asyncio.sleep(0.01)
        await pilot.pause()


def _text(app: FirstDayApp) -> str:
    strips = app.screen._compositor.render_strips()
    lines = ("".join(segment.text for segment in strip).rstrip() for strip in strips[: app.size.height])
    return "\n".join(lines)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_it_says_what_there_is_to_choose(size: tuple[int, int], picture: Any) -> None:
    app = FirstDayApp(Path("/home/olga/station"))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert "Set up a simulated desk" in _text(app)
        assert _text(app) == picture
        await pilot.press("ctrl+q")
    assert app.return_value is None


async def test_a_desk_that_cannot_be_set_up_says_why_and_what_next(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("not a demo's")
    app = FirstDayApp(tmp_path / "home", ("demo", "--prepare", "--json", "--dir", str(tmp_path)))
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.press("enter")
        await _until(pilot, lambda: "this folder is no demo's" in _text(app))
        assert "name another with --dir" in _text(app)
        assert (tmp_path / "mine").is_file()


def test_what_the_guide_knows_comes_from_what_preparing_told() -> None:
    told = json.loads(
        '{"people": [{"name": "olga", "roles": [], "pin": "123456"}], "keys": {"ca": "11223344"}, '
        '"order": "/o.csv", "registry": "/r.csv", "bench": {"directory": "/b", "started": true}}'
    )
    found = practice_of(told)
    assert found.bench == Path("/b")
    told["bench"]["started"] = False
    assert practice_of(told).bench is None, "one that somebody else started does not end with the screen"
    assert found.pins == {"olga": "123456", "ca": "11223344"}
    assert found.order == Path("/o.csv")
