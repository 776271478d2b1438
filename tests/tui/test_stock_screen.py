"""The area stock: blanks and forms taken in, counted and gone; what does not add up is marked."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path
from typing import Any

import pytest

from batch.life.dispatch import blanks
from batch.store.database import Records
from station.home import Home
from tests.tui.letters_at_desk import letters_at, numbered_forms
from tests.tui.playing import NORMAL, SIZES, Player, in_area

CARD = ("piv", "Card 5")


def at_the_stock(
    home: Path, who: str, size: tuple[int, int] = NORMAL, sees: str = "in stock"
) -> AbstractAsyncContextManager[Player]:
    """Somebody who is logged in looks at the area."""
    return in_area(home, who, "f11", sees, size=size)


def with_blanks(home: Path) -> None:
    """Twenty cards by count, of which one is not there, and a listed lot of two."""
    with closing(Records(Home(home).records)) as records:
        blanks.receive(records, *CARD, "LOT-7", [], 20, "dirk")
        blanks.receive(records, "piv", "Card 6", "LOT-8", ["C-1", "C-2"], None, "dirk")
        blanks.count(records, "piv", 21, "dirk")


def in_stock(home: Path) -> dict[str | None, int]:
    """Blanks by lot, None for those by count."""
    with closing(Records(Home(home).records)) as records:
        return {one.lot: one.counts.in_stock for one in blanks.lines(records)}


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_blanks_and_what_does_not_add_up(home: Path, size: tuple[int, int], picture: Any) -> None:
    with_blanks(home)
    numbered_forms(home, "A-0001", "A-0002")
    async with at_the_stock(home, "dirk", size, sees="there should have been 22") as player:
        await player.sees("22 blanks in stock", "! 1 too few", "Forms: 2 received = 2 in stock")
        assert player.picture == picture


async def test_blanks_come_in_by_their_serials_from_one_to_another(home: Path, picture: Any) -> None:
    async with at_the_stock(home, "dirk", sees="No blanks are on record") as player:
        await player.press("n")
        await player.sees("from one to another")
        await player.press("enter")
        await player.sees("First serial")
        assert player.picture == picture
        for typed in ("LOT-9", "piv", "Card 5"):
            for _erased in range(8):
                await player.press("backspace")
            await player.type(typed)
            await player.press("enter")
        for typed in ("C-0008", "C-0011"):
            await player.type(typed)
            await player.press("enter")
        await player.press("enter")
        await player.sees("LOT-9", "4 blanks in stock")
        await player.settled()
        assert in_stock(home) == {"LOT-9": 4}


async def test_blanks_are_counted_and_written_off(home: Path, picture: Any) -> None:
    with_blanks(home)
    async with at_the_stock(home, "dirk", sees="LOT-8") as player:
        await player.press("g")
        await player.sees("They go back to their maker")
        await player.press("down", "enter")
        await player.sees("Serials")
        await player.press("enter")
        await player.type("C-2")
        await player.press("enter")
        await player.type("bent")
        await player.press("enter", "enter")
        await player.sees("Type LOT-8 to go on")
        assert player.picture == picture
        await player.type("LOT-8")
        await player.press("enter", "enter")
        await player.until(lambda: in_stock(home)["LOT-8"] == 1, "written off")
        await player.settled()
        await player.press("u")
        await player.sees("They are")
        await player.type("20")
        await player.press("enter", "enter")
        await player.closes("20 counted, and there should be 21")
        await player.sees("there should have been 21")


async def test_forms_come_in_and_are_spoiled_and_destroyed_before_a_witness(home: Path, picture: Any) -> None:
    numbered_forms(home, "A-0001", "A-0002")
    async with at_the_stock(home, "pim") as player:
        await player.press("f")
        await player.sees("First number")
        await player.type("B-0001")
        await player.press("enter")
        await player.type("B-0010")
        await player.press("enter", "enter", "enter")
        await player.sees("B-0010", "12 received = 12 in stock")
        await player.settled()
        await player.press("s")
        await player.sees("They are torn")
        await player.press("enter")
        await player.sees("A-0001..A-0010")
        await player.type("B-0001..B-0002")
        await player.press("enter")
        await player.type("wet")
        await player.press("enter", "enter")
        await player.sees("10 in stock + 2 spoiled")
        await player.settled()
        await player.type("B-0002")
        await player.press("enter")
        await player.sees("B-0002 · ✗ spoiled")
        await player.settled()
        await player.forget_told()
        await player.press("x")
        await player.sees("Destroy spoiled forms")
        await player.press("enter")
        await player.type("shredded")
        await player.press("enter", "enter")
        await player.sees("Who does this with you?")
        await player.press("enter")
        await player.sees("They are destroyed before ann", "Type B-0002 to go on")
        assert player.picture == picture
        await player.type("B-0002")
        await player.press("enter", "enter")
        await player.secret("ann likes to walk at night")
        await player.sees("1 spoiled + 1 destroyed")
        await player.settled()
        with letters_at(home) as desk:
            assert desk.form("B-0002") == "destroyed"


@pytest.mark.parametrize(("who", "key", "role"), [("pim", "n", "dispatcher"), ("dirk", "f", "PIN officer")])
async def test_who_has_not_the_role_is_told_so(home: Path, who: str, key: str, role: str) -> None:
    async with at_the_stock(home, who) as player:
        await player.press(key)
        await player.is_told(f"{who} is no {role}")
