"""Tokens at the screen: found while somebody types, shown whole, and what is done with one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import OptionList

from batch.model.renewals import Renewal
from batch.model.states import LifeState
from batch.people.separation import Act
from batch.store import items, lives, renewals, statements
from batch.store.database import Records
from station.home import Home
from station.tui.dialogs.confirming import TypedConfirmation
from station.tui.screens.tokens import TokensScreen
from tests.tui.playing import SIZES, Player, playing
from tests.unit.finished_kit import THERE, moved
from tests.unit.login_kit import passphrase


@contextmanager
def records(home: Path) -> Iterator[Records]:
    with closing(Records(Home(home).records)) as found:
        yield found


def at(home: Path, number: str) -> LifeState:
    with records(home) as found:
        return lives.life(found, items.item(found, number).id).state


def begun(home: Path) -> list[str]:
    """The tokens whose revocation waits for another officer."""
    with records(home) as found:
        return [number for number, _at in statements.begun(found, Act.REVOKE)]


def renewal_of(home: Path) -> Renewal | None:
    """The only renewal on record."""
    with records(home) as found:
        return next(iter(renewals.renewals(found)), None)


def state_of_renewal(home: Path) -> str | None:
    found = renewal_of(home)
    return None if found is None else str(found.state)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_tokens_and_all_of_one(home: Path, size: tuple[int, int], picture: Any) -> None:
    with records(home) as found:
        moved(found, "000005", *THERE, LifeState.LOST)
    async with playing(home, who="olga", size=size) as player:
        await player.press("f6")
        await player.settled()
        await player.sees("000006", "✗ lost", "Keys and certificates")
        assert player.picture == picture


async def opened(player: Player, number: str) -> None:
    """The area is open with the cursor on a token."""
    player.app.find(number)
    await player.until(lambda: player.app.current_mode == "tokens", "the area")
    await player.settled()
    screen = player.app.screen
    assert isinstance(screen, TokensScreen)
    await player.until(lambda: screen.details and screen.details.number == number, f"token {number}")


async def chooses(player: Player, label: str) -> None:
    """Take one of several that are offered."""
    await player.sees(label)
    options = player.app.screen.query_one("#options", OptionList)
    while label not in str(options.highlighted_option.prompt if options.highlighted_option else ""):
        await player.press("down")
    await player.press("enter")


async def writes(player: Player, label: str, text: str) -> None:
    """Type a line where it is asked for."""
    await player.sees(label)
    await player.type(text)
    await player.press("enter")


async def confirms(player: Player, typed: str) -> None:
    """Type a name before what cannot be undone."""
    await player.until(lambda: isinstance(player.app.screen, TypedConfirmation), "the confirmation")
    await player.type(typed)
    await player.press("enter", "enter")


async def test_what_is_typed_is_found_at_once(home: Path) -> None:
    async with playing(home, who="otto") as player:
        await opened(player, "000006")
        await player.sees("1 token")
        await player.press("escape")
        await player.sees("6 tokens", "000001")
        await player.press("slash")
        await player.type("a-1")
        await player.sees("3 tokens")
        assert "Zeehavens" not in player.text
        await player.press("enter")
        await player.sees("· planned", "000003 · A-1")
        await player.press("escape")
        await player.sees("6 tokens")


async def test_a_pin_typed_where_none_is_asked_is_shown_nowhere(home: Path) -> None:
    pin = "972239"
    async with playing(home, who="olga") as player:
        for digit in pin:
            await player.press(digit)
            assert pin[:2] not in player.text
        await player.sees("A number, typed or scanned", "not shown", "••••••")
        await player.press(*["backspace"] * 6)
        await player.type("00000")
        await player.sees("00000", "A number, typed or scanned")
        await player.press("escape")
        await player.until(lambda: not player.app.screen.is_modal)
        for key in "f6", "f4", "f11":
            await player.press(key)
            await player.settled()
            await player.forget_told()
            await player.type(pin)
            await player.press("enter")
            await player.is_told("Nothing on record has that number.")
            assert pin not in player.text
            assert pin not in player._notes


async def test_a_number_scanned_anywhere_finds_its_token(home: Path) -> None:
    async with playing(home, who="otto") as player:
        await player.until(lambda: player.app.operator is not None, "the session")
        await player.press("f7")
        await player.settled()
        with records(home) as found:
            serial = items.item(found, "000005").token_serial
        await player.type(str(serial))
        await player.press("enter")
        await player.until(lambda: player.app.current_mode == "tokens", "the area")
        await player.sees("1 token", "000005 · Zeehavens")


async def test_all_of_a_token_takes_the_screen_and_gives_it_back(home: Path, picture: Any) -> None:
    async with playing(home, who="otto") as player:
        await opened(player, "000004")
        await player.press("enter")
        await player.sees("▶ Log (2)")
        assert player.picture == picture
        await player.press("escape")
        await player.sees("Holder")


async def test_states_narrow_the_list(home: Path, picture: Any) -> None:
    with records(home) as found:
        moved(found, "000005", *THERE)
    async with playing(home, who="otto") as player:
        await opened(player, "000006")
        await player.press("escape", "f")
        await player.sees("Which are shown?")
        assert player.picture == picture
        await chooses(player, "✓ acknowledged")
        await player.sees("1 token", "000005")
        await player.press("escape")
        await player.sees("6 tokens")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_certificates_are_listed_with_how_they_stand(
    home: Path, size: tuple[int, int], picture: Any
) -> None:
    async with playing(home, who="otto", size=size) as player:
        await opened(player, "000006")
        await player.press("escape", "c")
        await player.sees("3 certificates", "authentication")
        await player.settled()
        text = re.sub(r" \d{2,4} (?= )", " 1095 ", player.picture)
        assert text == picture
        await player.press("f")
        await chooses(player, "ends within 30 days")
        await player.sees("0 certificates", "Escape shows all")


@pytest.mark.parametrize(
    ("number", "keys", "state"),
    [
        ("000004", "l", LifeState.LOST),
        ("000004", "d", LifeState.DAMAGED),
        ("000005", "b", LifeState.RETURNED),
    ],
)
async def test_what_happened_to_a_token_is_put_on_record(
    home: Path, number: str, keys: str, state: LifeState
) -> None:
    with records(home) as found:
        moved(found, "000005", *THERE)
    async with playing(home, who="dirk") as player:
        await opened(player, number)
        await player.press(keys)
        await writes(player, "What happened", "it fell")
        await player.until(lambda: at(home, number) is state, f"the token {state}")
        await player.settled()
        await player.sees(str(state))


async def test_a_token_is_handed_over_to_a_manager_and_put_into_use(home: Path) -> None:
    with records(home) as found:
        moved(found, "000004", *THERE)
    async with playing(home, who="dirk") as player:
        await opened(player, "000004")
        await player.press("h")
        await chooses(player, "Noëlle van der Testen")
        await player.until(lambda: at(home, "000004") is LifeState.HANDED_OVER, "the hand-over")
        await player.settled()
        await player.press("a")
        await chooses(player, "Put it on record")
        await player.until(lambda: at(home, "000004") is LifeState.ACTIVE, "the token in use")
        await player.settled()
        await player.sees("✓ active")


async def test_a_token_is_destroyed_before_a_witness_who_shows_who_they_are(home: Path, picture: Any) -> None:
    async with playing(home, who="dirk") as player:
        await opened(player, "000004")
        await player.press("x")
        await chooses(player, "ann")
        await writes(player, "Why, in a sentence", "bent")
        await player.until(lambda: isinstance(player.app.screen, TypedConfirmation), "the confirmation")
        await player.pilot.pause()
        assert player.picture == picture
        with records(home) as found:
            serial = items.item(found, "000004").token_serial
        await confirms(player, str(serial))
        await player.secret(passphrase("ann"))
        await player.until(lambda: at(home, "000004") is LifeState.DESTROYED, "the token destroyed")
        await player.settled()


async def test_two_officers_revoke_the_second_by_the_same_key(home: Path) -> None:
    async with playing(home, who="rosa") as player:
        await opened(player, "000004")
        await player.press("r")
        await chooses(player, "Without it: two revocation officers")
        await chooses(player, "keyCompromise")
        await chooses(player, "Another ground")
        await writes(player, "On what ground", "its holder rang")
        await chooses(player, "signs later")
        await confirms(player, "000004")
        await player.secret(passphrase("rosa"))
        await player.until(lambda: begun(home) == ["000004"], "the first signature")
        await player.settled()


async def test_a_revocation_code_is_asked_for_last_and_never_shown(home: Path, picture: Any) -> None:
    async with playing(home, who="dirk") as player:
        await opened(player, "000004")
        await player.press("r")
        await player.sees("It is final")
        assert player.picture == picture
        await chooses(player, "By the revocation code")
        await chooses(player, "unspecified")
        await confirms(player, "000004")
        await player.secret("ABCD-EFGH-JKMN")
        await player.sees("✗", "Close")
        assert "ABCD" not in player.text
        await player.press("enter")
        await player.settled()


async def test_a_renewal_is_begun_and_kept_by_one_key(home: Path, picture: Any) -> None:
    with records(home) as found:
        moved(found, "000004", *THERE)
    async with playing(home, who="olga") as player:
        await opened(player, "000004")
        await player.press("n")
        await chooses(player, "As its layout prefers")
        await chooses(player, "end by themselves")
        await writes(player, "Why earlier?", "a new name")
        await player.until(lambda: renewal_of(home) is not None, "the renewal")
        await player.settled()
        screen = player.app.screen
        assert isinstance(screen, TokensScreen)
        await player.until(lambda: screen.details and screen.details.renewal, "the renewal on the screen")
        await player.press("n")
        await player.sees("Say what of its data still holds")
        assert player.picture == picture
        await chooses(player, "Let it wait")
        await chooses(player, "for payment")
        await player.until(lambda: state_of_renewal(home) == "paused", "the renewal paused")
        await player.settled()
        await player.press("n")
        await player.sees("waits for payment")
        await chooses(player, "Go on with it")
        await writes(player, "The reference of its payment", "2031-77")
        await player.until(lambda: state_of_renewal(home) == "begun", "the renewal going on")
        await player.settled()


@pytest.mark.parametrize(
    ("who", "key", "why"),
    [
        ("bert", "l", "bert is no dispatcher"),
        ("olga", "u", "olga is no PIN officer"),
        ("bert", "x", "bert is no dispatcher"),
        ("bert", "n", "bert is no order officer"),
        ("otto", "a", "otto is no dispatcher"),
    ],
)
async def test_who_may_not_is_told_why(home: Path, who: str, key: str, why: str) -> None:
    with records(home) as found:
        moved(found, "000004", *THERE)
    async with playing(home, who=who) as player:
        await opened(player, "000004")
        await player.press(key)
        await player.is_told(why)
        assert not player.app.screen.is_modal
        assert at(home, "000004") is LifeState.ACKNOWLEDGED


@pytest.mark.parametrize(
    ("number", "key", "why"),
    [
        ("000001", "l", "only a finished token is"),
        ("000004", "a", "at-desk does not lead to active"),
        ("000004", "v", "This station has no seat"),
    ],
)
async def test_what_its_state_does_not_allow_is_told(home: Path, number: str, key: str, why: str) -> None:
    async with playing(home, who="dirk") as player:
        await opened(player, number)
        await player.press(key)
        await player.is_told(why)
        assert not player.app.screen.is_modal
