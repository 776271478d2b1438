"""The area letters: what may be printed and why the rest may not, forms scanned, letters accounted for."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.tui.letters_at_desk import (
    ORDER,
    acknowledged,
    confirmed,
    handled,
    letters_at,
    numbered_forms,
    printed,
    states,
)
from tests.tui.playing import NORMAL, SIZES, Player, in_area
from tests.unit.login_kit import passphrase

EACH = ("000004", "000005", "000006")


@pytest.fixture
def after_printing(home: Path) -> Path:
    """Three letters came out of a printer with numbered forms, their tokens being acknowledged."""
    numbered_forms(home)
    acknowledged(home, *EACH)
    printed(home, *EACH)
    return home


def at_the_letters(
    home: Path, who: str = "pim", size: tuple[int, int] = NORMAL
) -> AbstractAsyncContextManager[Player]:
    """Somebody who is logged in looks at the letters."""
    return in_area(home, who, "f4", ORDER, "May be printed", size=size)


async def one_of(player: Player, number: str) -> None:
    """The letters of the order are shown, the cursor on one of them."""
    for digit in number:
        await player.press(digit)
    await player.press("enter")
    await player.sees(f"{number} · {ORDER}")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_orders_tell_what_their_letters_wait_for(
    home: Path, size: tuple[int, int], picture: Any
) -> None:
    numbered_forms(home, "A-0001", "A-0002")
    acknowledged(home, "000004")
    async with at_the_letters(home, size=size) as player:
        await player.sees("2 wait: its token", "1 too few")
        assert player.picture == picture


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_letters_of_an_order_tell_what_comes_next(
    after_printing: Path, size: tuple[int, int], picture: Any
) -> None:
    async with at_the_letters(after_printing, size=size) as player:
        await player.press("enter")
        await player.sees("confirm its form", f"000004 · {ORDER}")
        assert player.picture == picture
        await player.press("escape")
        await player.sees("Subscriber")


async def test_forms_are_scanned_one_after_the_other(after_printing: Path, picture: Any) -> None:
    async with at_the_letters(after_printing) as player:
        await player.press("c")
        await player.sees("Scan the number of each form")
        await player.press("enter")
        await player.sees("Letter 000004, 1 of 3")
        await player.type("A-0001")
        await player.press("enter")
        await player.sees("letter 000004 is on form A-0001", "Letter 000005, 2 of 3")
        assert player.picture == picture
        for number in ("A-0002", "A-0003"):
            await player.type(number)
            await player.press("enter")
        await player.until(lambda: set(states(after_printing).values()) == {"confirmed"}, "confirmed")
        await player.settled()
        with letters_at(after_printing) as desk:
            assert desk.form("A-0003") == "printed"


async def test_a_wrong_form_is_told_and_asked_about(after_printing: Path, picture: Any) -> None:
    async with at_the_letters(after_printing) as player:
        await player.press("c")
        await player.sees("Scan the number of each form")
        await player.press("enter")
        await player.sees("1 of 3")
        await player.type("A-0002")
        await player.press("enter")
        await player.sees("Form A-0002 is not A-0001", "1 form before it came out without a letter")
        assert player.picture == picture
        await player.press("down", "enter")
        await player.sees("letter 000004 is on form A-0002")
        # Letters 2 and 3 lie in another order.
        await player.type("A-0004")
        await player.press("enter")
        await player.sees("Form A-0004 is not A-0003")
        await player.press("down", "down", "enter")
        await player.sees("Which letter is on form A-0004?")
        await player.type("000006")
        await player.press("enter")
        await player.sees("letter 000006 is on form A-0004", "Letter 000005, 3 of 3")
        await player.press("escape")
        await player.sees("Nothing is on record yet")
        await player.press("enter")
        await player.until(lambda: states(after_printing)["000006"] == "confirmed", "confirmed")
        await player.settled()
        assert states(after_printing)["000005"] == "printed"
        with letters_at(after_printing) as desk:
            assert desk.form("A-0001") == "spoiled"
            assert desk.form("A-0004") == "printed"


async def test_all_in_a_row_are_confirmed_from_the_first(after_printing: Path) -> None:
    async with at_the_letters(after_printing) as player:
        await player.press("c")
        await player.sees("They are in a row")
        await player.press("down", "enter")
        await player.sees("The first is letter 000004", "A-0001 is expected")
        await player.type("A-0001")
        await player.press("enter")
        await player.type("A-0002")
        await player.press("enter", "enter")
        await player.until(lambda: set(states(after_printing).values()) == {"confirmed"}, "confirmed")
        await player.settled()
        with letters_at(after_printing) as desk:
            assert desk.form("A-0002") == "spoiled"
            assert desk.form("A-0004") == "printed"


async def test_a_torn_form_is_spoiled_and_its_letter_void(after_printing: Path, picture: Any) -> None:
    async with at_the_letters(after_printing) as player:
        await one_of(player, "000005")
        await player.press("s")
        await player.sees("torn, creased or misprinted")
        await player.press("enter")
        await player.sees("What was seen")
        assert player.picture == picture
        await player.type("A-0002")
        await player.press("enter")
        await player.type("torn by the tractor")
        await player.press("enter", "enter")
        await player.until(lambda: states(after_printing)["000005"] == "void", "void")
        await player.settled()
        with letters_at(after_printing) as desk:
            assert desk.form("A-0002") == "spoiled"


async def test_a_letter_that_cannot_be_found_wants_its_number_typed(
    after_printing: Path, picture: Any
) -> None:
    async with at_the_letters(after_printing) as player:
        await one_of(player, "000006")
        await player.press("l")
        await player.sees("What is known")
        await player.type("not in the tray")
        await player.press("enter")
        await player.sees("Type 000006 to go on")
        assert player.picture == picture
        await player.type("000006")
        await player.press("enter", "enter")
        await player.closes("recall the token")
        assert states(after_printing)["000006"] == "lost"


@pytest.fixture
def in_hand(home: Path) -> Path:
    """Three letters are confirmed, of tokens that came a week ago."""
    numbered_forms(home)
    acknowledged(home, *EACH, days=7)
    printed(home, *EACH)
    confirmed(home, "A-0001", "A-0002", "A-0003")
    return home


async def test_letters_that_may_leave_are_sent_and_one_comes_back(in_hand: Path, picture: Any) -> None:
    async with at_the_letters(in_hand) as player:
        await player.press("m")
        await player.sees("3 letters may leave", "By courier")
        assert player.picture == picture
        await player.press("down", "enter")
        await player.sees("The courier's number")
        await player.type("3S1")
        await player.press("enter")
        await player.until(lambda: set(states(in_hand).values()) == {"sent"}, "sent")
        await player.settled()
        await one_of(player, "000005")
        await player.press("l")
        await player.sees("It came back")
        await player.press("enter")
        await player.sees("Why, in a sentence")
        await player.type("moved")
        await player.press("enter")
        await player.sees("! returned")
        await player.settled()
        assert states(in_hand)["000005"] == "returned"


async def test_a_letter_is_destroyed_before_a_witness(in_hand: Path, picture: Any) -> None:
    async with at_the_letters(in_hand) as player:
        await one_of(player, "000004")
        await player.press("s")
        await player.sees("before a witness")
        await player.press("down", "enter")
        await player.sees("Who does this with you?")
        await player.press("enter")
        await player.sees("Why, in a sentence")
        await player.type("not wanted")
        await player.press("enter")
        await player.sees("Type 000004 to go on")
        assert player.picture == picture
        await player.type("000004")
        await player.press("enter", "enter")
        await player.secret(passphrase("ann"))
        await player.until(lambda: states(in_hand)["000004"] == "void", "void")
        await player.settled()
        with letters_at(in_hand) as desk:
            assert desk.form("A-0001") == "destroyed"


async def test_no_letter_leaves_before_its_day(after_printing: Path) -> None:
    confirmed(after_printing, "A-0001", "A-0002", "A-0003")
    async with at_the_letters(after_printing) as player:
        await player.press("m")
        await player.is_told("Nothing of 2026-0002 may leave", "are to lie between them (R5)")
        assert set(states(after_printing).values()) == {"confirmed"}


async def test_who_had_a_token_in_hand_neither_prints_nor_sends_its_letter(in_hand: Path) -> None:
    handled(in_hand, "000004", "pim")
    async with at_the_letters(in_hand) as player:
        await one_of(player, "000004")
        await player.press("m")
        await player.is_told("who has a token in hand does not have its letter as well (R1)")
        assert set(states(in_hand).values()) == {"confirmed"}


async def test_who_dispatched_a_token_does_not_let_its_letter_be_printed(home: Path) -> None:
    acknowledged(home, *EACH)
    handled(home, "000004", "pim")
    async with at_the_letters(home) as player:
        await player.press("p")
        await player.is_told("who has a token in hand does not have its letter as well (R1)")
        assert set(states(home).values()) == {"sealed"}


async def test_only_a_void_letter_is_printed_again(after_printing: Path) -> None:
    async with at_the_letters(after_printing) as player:
        await one_of(player, "000004")
        await player.press("r")
        await player.is_told("only a void letter is printed again (R13)")
        await player.press("f")
        await player.sees("Void or lost")
        await player.press("up", "enter")
        await player.sees("No letters of this kind")


async def test_a_letter_waits_for_its_tokens_acknowledgement(home: Path) -> None:
    async with at_the_letters(home) as player:
        await player.press("p")
        await player.is_told("No letter of 2026-0002 may be printed", "nobody has acknowledged it")
        assert set(states(home).values()) == {"sealed"}


async def test_one_officer_alone_does_not_print(home: Path) -> None:
    acknowledged(home, *EACH)
    async with at_the_letters(home) as player:
        await player.press("p")
        await player.sees("Who does this with you?", "carla")
        assert "dirk" not in player.text.partition("Who does this")[2]
        await player.press("escape")
        await player.settled()
        assert set(states(home).values()) == {"sealed"}


@pytest.mark.parametrize("key", ["p", "c", "m"])
async def test_who_is_no_pin_officer_is_told_so(after_printing: Path, key: str) -> None:
    async with at_the_letters(after_printing, "dirk") as player:
        await player.press(key)
        await player.is_told("dirk is no PIN officer")
        assert set(states(after_printing).values()) == {"printed"}
