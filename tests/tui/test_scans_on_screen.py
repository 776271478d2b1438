"""A scan in the wrong field, or one that was misread, is noticed before anything rests on it."""

from __future__ import annotations

from pathlib import Path

from layouts.scans import Kind, content
from tests.tui.letters_at_desk import ORDER, acknowledged, letters_at, numbered_forms, printed, states
from tests.tui.playing import Player, in_area

EACH = ("000004", "000005", "000006")


async def scan(player: Player, text: str) -> None:
    await player.type(text)
    await player.press("enter")


async def test_forms_are_told_from_letters_by_their_bar_codes(home: Path) -> None:
    numbered_forms(home)
    acknowledged(home, *EACH)
    printed(home, *EACH)
    async with in_area(home, "pim", "f4", ORDER, "May be printed") as player:
        await scan(player, content(Kind.LETTER, EACH[1]))
        await player.sees(f"{EACH[1]} · {ORDER}")
        misread = content(Kind.LETTER, EACH[0]).replace("4", "5", 1)
        await scan(player, misread)
        await player.sees("was misread")

        await player.press("c")
        await player.sees("Scan the number of each form")
        await player.press("enter")
        await player.sees("Letter 000004, 1 of 3")
        await scan(player, content(Kind.LETTER, EACH[0]))
        await player.sees("is the number of a letter or token")
        for number in ("A-0001", "A-0002", "A-0003"):
            await scan(player, content(Kind.FORM, number))
        await player.until(lambda: set(states(home).values()) == {"confirmed"}, "confirmed")
        await player.settled()
        with letters_at(home) as desk:
            assert desk.form("A-0003") == "printed"


async def test_a_form_is_no_token_that_goes_into_a_parcel(home: Path) -> None:
    async with in_area(home, "dirk", "f5", "Dispatch") as player:
        await player.press("v")
        await player.sees("3 tokens may go")
        await player.press("enter")
        await player.sees("One parcel: scan")
        await player.press("down", "enter")
        await player.sees("Scan each token")
        await scan(player, content(Kind.FORM, "A-0001"))
        await player.sees("is the number of a form")
        for number in EACH[:2]:
            await scan(player, content(Kind.LETTER, number))
        await player.sees("2 scanned", "000005")
