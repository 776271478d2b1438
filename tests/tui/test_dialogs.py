"""Dialogs: the safe way out has the focus, Escape takes it, and what cannot be undone is typed first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from textual import events
from textual.widgets import Button

from station.tui import keys_in_order
from station.tui.dialogs.asking import AskLine
from station.tui.dialogs.choosing import Choose
from station.tui.dialogs.confirming import Confirm, TypedConfirmation
from station.tui.dialogs.form import Field, Form
from station.tui.dialogs.picking import NewFile
from tests.tui.playing import Player, playing
from tests.unit.login_kit import passphrase


def focused(player: Player) -> str:
    """The words of the button that has the focus."""
    button = player.app.focused
    assert isinstance(button, Button)
    return str(button.label)


async def test_whoever_asks_to_leave_by_mistake_stays_with_enter(home: Path) -> None:
    async with playing(home) as player:
        await player.press("ctrl+q")
        await player.sees("Leave the screen?")
        assert focused(player) == "Stay"
        await player.press("enter")
        await player.until(lambda: not player.app.screen.is_modal)
        assert player.app.is_running


async def test_a_confirmation_is_no_unless_yes_is_chosen(home: Path) -> None:
    answers: list[bool | None] = []
    async with playing(home) as player:
        for keys in (("enter",), ("escape",), ("tab", "enter")):
            await player.app.push_screen(Confirm("Do it?", "It can be undone.", "Do it"), answers.append)
            await player.sees("It can be undone.")
            await player.press(*keys)
            await player.until(lambda: not player.app.screen.is_modal)
    assert answers == [None, None, True]


async def test_what_cannot_be_undone_is_chosen_only_once_its_name_is_typed(home: Path) -> None:
    answers: list[str | None] = []
    async with playing(home) as player:
        dialog = TypedConfirmation("Destroy?", "The token is destroyed.", "A1B2", "Destroy")
        await player.app.push_screen(dialog, answers.append)
        await player.sees("Type A1B2 to go on")
        await player.type("QAH6-C6EV")
        await player.sees("•••••••••")
        assert "QAH6" not in player.text
        await player.press(*["backspace"] * 9)
        await player.type("A1B")
        await player.sees(" A1B ")
        await player.press("enter", "tab", "tab", "enter")
        assert player.app.screen is dialog
        assert dialog.query_one("#choice-1", Button).disabled
        await player.press("escape")
        await player.until(lambda: not player.app.screen.is_modal)
        assert answers == [None]

        dialog = TypedConfirmation("Destroy?", "The token is destroyed.", "A1B2", "Destroy")
        await player.app.push_screen(dialog, answers.append)
        await player.sees("Type A1B2 to go on")
        await player.type("A1B2")
        await player.press("enter")
        assert answers == [None], "Enter in the field only goes to the button"
        await player.press("enter")
        await player.until(lambda: not player.app.screen.is_modal)
    assert answers == [None, "A1B2"]


async def test_a_line_is_taken_by_the_enter_of_a_scanner(home: Path) -> None:
    answers: list[str | None] = []
    async with playing(home) as player:
        await player.app.push_screen(AskLine("Find", "A number", "0"), answers.append)
        await player.type("00123")
        await player.press("enter")
        await player.until(lambda: not player.app.screen.is_modal)
    assert answers == ["000123"]


async def test_one_of_several_is_chosen_with_arrows(home: Path) -> None:
    answers: list[int | None] = []
    async with playing(home) as player:
        await player.app.push_screen(Choose("Which?", [("one", 1), ("two", 2)]), answers.append)
        await player.press("down", "enter")
        await player.until(lambda: not player.app.screen.is_modal)
    assert answers == [2]


async def test_a_scanner_that_types_all_at_once_is_understood(home: Path) -> None:
    """Its keys are there before a field for them is."""
    async with playing(home) as player:
        await player.log_in("olga")
        scanned: list[str] = []
        player.app.screen.scanned = scanned.append  # type: ignore[attr-defined]
        await player.type("P000123\r")
        await player.until(lambda: scanned == ["P000123"], "the scan")
        assert not player.app.screen.is_modal


async def test_a_scan_that_comes_in_two_pieces_is_understood_wherever_it_breaks(home: Path) -> None:
    """The second piece comes while the first is on its way, while the field opens, or once it is there."""
    async with playing(home) as player:
        await player.log_in("olga")
        scanned: list[str] = []
        desk = player.app.screen
        desk.scanned = scanned.append  # type: ignore[attr-defined]
        for turns in range(40):
            piece = 1 + turns % 6
            await player.type("P00123"[:piece], turns)
            await player.type("P00123"[piece:] + "\r", turns)
            await player.until(lambda: scanned == ["P00123"], f"the scan after {turns} turns of the loop")
            await player.until(lambda: player.app.screen is desk, "the bench")
            scanned.clear()


async def test_the_rest_of_a_scan_is_waited_for_and_no_field_is_opened_for_its_beginning(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for patience in ("_SCAN", "_BETWEEN", "_PATIENCE"):
        monkeypatch.setattr(keys_in_order, patience, 60.0)
    async with playing(home) as player:
        await player.log_in("olga")
        scanned: list[str] = []
        desk = player.app.screen
        desk.scanned = scanned.append  # type: ignore[attr-defined]
        await player.type("P00", 30)
        await player.type("0123\r")
        await player.until(lambda: scanned == ["P000123"], "the scan")
        assert player.app.screen is desk


async def test_a_number_typed_by_hand_opens_a_field_with_it(home: Path) -> None:
    async with playing(home) as player:
        await player.log_in("olga")
        scanned: list[str] = []
        desk = player.app.screen
        desk.scanned = scanned.append  # type: ignore[attr-defined]
        await player.type("P-000")
        await player.sees("A number, typed or scanned", "P-000")
        await player.type("001")
        await player.press("enter")
        await player.until(lambda: scanned == ["P-000001"], "the number")


async def test_whoever_will_not_give_a_pin_is_back_where_they_were(home: Path) -> None:
    async with playing(home) as player:
        await player.sees("olga")
        await player.press("end", "enter")
        await player.until(lambda: player.app.focused and player.app.focused.id == "secret", "the field")
        await player.press("escape")
        await player.settled()
        assert player.app.operator is None
        assert not player.app.screen.is_modal


async def test_a_command_that_is_killed_while_it_asks_is_told_to_have_ended(home: Path) -> None:
    async with playing(home) as player:
        await player.sees("olga")
        await player.press("end", "enter")
        await player.until(lambda: player.app.focused and player.app.focused.id == "secret", "the field")
        (act,) = player.app.under_way.acts
        assert act._process is not None
        act._process.kill()
        await player.closes(
            "✗ the command was ended from outside", "SIGKILL", "Next: look at what is on record"
        )
        assert player.app.operator is None


async def test_an_enter_too_many_does_not_stop_what_a_pin_began(home: Path) -> None:
    async with playing(home) as player:
        await player.sees("choose your name", "olga")
        await player.type("olga")
        await player.press("enter")
        await player.until(lambda: player.app.focused and player.app.focused.id == "secret", "the field")
        await player.type(passphrase("olga"))
        await player.press("enter")
        await player.type("\r\r\r")
        await player.until(lambda: player.app.operator == "olga", "olga logged in")


async def test_an_enter_too_many_asks_nobody_again_who_has_just_proven_who_they_are(home: Path) -> None:
    async with playing(home) as player:
        await player.sees("choose your name", "olga")
        await player.type("olga")
        await player.press("enter")
        await player.until(lambda: player.app.focused and player.app.focused.id == "secret", "the field")
        await player.type(passphrase("olga"))
        # It takes a moment to find out who is logged in.
        async with player.app._settling:
            await player.press("enter")
            await player.until(lambda: not player.app.screen.is_modal, "the login's end")
            await player.type("\r\r\r")
            assert not player.app.screen.is_modal
        await player.until(lambda: player.app.operator == "olga", "olga logged in")
        await player.sees("Bench")


async def test_what_follows_an_enter_at_once_is_for_the_next_line_of_a_form_or_its_button(home: Path) -> None:
    """A scanner types number after number, each with its Enter, before a field has drawn itself."""
    answers: list[Mapping[str, str] | None] = []
    async with playing(home) as player:
        form = Form("A parcel", (Field("courier", "Courier"), Field("number", "Number")), "It goes")
        await player.app.push_screen(form, answers.append)
        await player.sees("It goes")
        await player.type("Post\rAB12\r\r")
        await player.until(lambda: answers, "the answer")
    assert answers == [{"courier": "Post", "number": "AB12"}]


async def test_help_begins_with_what_the_area_is_for_and_every_key_is_in_reach(home: Path) -> None:
    async with playing(home) as player:
        await player.log_in("dirk")
        await player.press("f5")
        await player.settled()
        await player.press("question_mark")
        await player.sees("│  Help", "Back", "Tokens are packed")
        await player.press("pagedown", "pagedown")
        await player.sees("^l  Lock")
        assert "│  Help" in player.text


async def test_a_whole_path_that_is_pasted_takes_the_place_of_the_one_that_is_proposed(
    home: Path, tmp_path: Path
) -> None:
    answers: list[Path | None] = []
    async with playing(home) as player:
        await player.app.push_screen(NewFile("Where?", tmp_path, "papers.pdf"), answers.append)
        await player.sees("Where to write it", "papers.pdf")
        player.app.post_message(events.Paste(f"{tmp_path}/other.pdf\n"))
        await player.sees("other.pdf")
        await player.press("enter")
        await player.until(lambda: answers, "the answer")
    assert answers == [tmp_path / "other.pdf"]
