"""What is due at the screen: for whom, what is overdue, and going to where it is done."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from batch.life.duties import Duty
from batch.model.people import Role
from batch.store.clock import now
from batch.store.database import Records, stamp
from station.home import Home
from tests.tui.playing import NORMAL, SIZES, Player, in_area, playing
from tests.unit.finished_kit import THERE, moved


@pytest.fixture
def busy(home: Path) -> Path:
    """A home at which the order that came in is overdue, and the letter of 000004 may be printed."""
    with closing(Records(Home(home).records)) as records:
        moved(records, "000004", *THERE)
        db = records.db.conn
        long_ago = stamp(now() - timedelta(days=9))
        db.execute("UPDATE orders SET imported_at = ? WHERE number = '2026-0001'", (long_ago,))
        db.commit()
    return home


def at_what_is_due(
    home: Path, who: str = "olga", size: tuple[int, int] = NORMAL
) -> AbstractAsyncContextManager[Player]:
    """Somebody who is logged in looks at the area."""
    return in_area(home, who, "f7", "due", size=size)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_what_is_due_for_everybody(busy: Path, size: tuple[int, int], picture: Any) -> None:
    async with at_what_is_due(busy, size=size) as player:
        await player.sees("for your roles", "! 2 are overdue", "assess the order")
        assert "release and print" not in player.text
        await player.press("a")
        await player.sees("for everybody", "release and print 1 letter")
        assert player.picture == picture


async def test_duties_of_one_role(busy: Path, picture: Any) -> None:
    async with at_what_is_due(busy) as player:
        await player.press("f")
        await player.sees("Whose duties are shown?")
        assert player.picture == picture
        await player.press(*["down"] * (2 + list(Role).index(Role.DISPATCHER)), "enter")
        await player.sees("dispatch 2 finished tokens", "1 thing is due dispatcher")
        assert "assess the order" not in player.text


async def test_who_has_nothing_to_do_is_told_so(busy: Path) -> None:
    async with at_what_is_due(busy, "rosa") as player:
        await player.sees("Nothing is due here")
        await player.press("enter")
        assert player.app.current_mode == "due"


async def test_enter_goes_to_where_it_is_done(busy: Path) -> None:
    async with at_what_is_due(busy) as player:
        await player.sees("station order assess 2026-0001")
        await player.press("enter")
        await player.until(lambda: player.app.current_mode == "orders", "the area of orders")


async def test_a_duty_of_a_token_opens_that_token(home: Path) -> None:
    """By its number, or by that of its renewal."""
    async with playing(home, who="olga") as player:
        player.app.open_duty(
            Duty(
                Role.DISPATCHER,
                "hand it over",
                "token 000005",
                now().date(),
                "station token hand-over 000005",
            )
        )
        await player.until(lambda: player.app.current_mode == "tokens", "the area of tokens")
        await player.sees("000005 · Zeehavens")


async def test_the_cursor_stays_on_its_duty_when_another_is_done(busy: Path) -> None:
    async with at_what_is_due(busy) as player:
        await player.press("a")
        await player.sees("for everybody")
        await player.settled()
        while "station dispatch new" not in player.text:
            await player.press("down")
        with closing(Records(Home(busy).records)) as records:
            moved(records, "000005", *THERE)
        await player.sees("dispatch 1 finished token")
        await player.settled()
        await player.sees("station dispatch new 2026-0002")


async def test_what_is_written_before_the_screen_first_looks_is_seen(
    busy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("station.tui.app._LOOK", 2.0)
    async with at_what_is_due(busy) as player:
        await player.press("a")
        await player.sees("dispatch 2 finished tokens")
        with closing(Records(Home(busy).records)) as records:
            moved(records, "000005", *THERE)
        await player.sees("dispatch 1 finished token")


@pytest.mark.parametrize(
    ("who", "what", "area", "there"),
    [
        ("pim", "station letter print 2026-0002", "letters", "000004"),
        ("dirk", "station dispatch new 2026-0002", "dispatch", "2026-0002"),
    ],
)
async def test_enter_goes_to_the_row(busy: Path, who: str, what: str, area: str, there: str) -> None:
    async with at_what_is_due(busy, who) as player:
        await player.sees(what)
        await player.press("enter")
        await player.until(lambda: player.app.current_mode == area, f"the area {area}")
        await player.sees(there)
