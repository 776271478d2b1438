"""Quarantine at the screen: what was set aside and why, and its ways out."""

from __future__ import annotations

import shutil
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path
from typing import Any

import pytest

from batch.model.quarantine import Cause
from batch.model.states import ItemState, OrderState
from batch.orders.decisions import receive
from batch.production.quarantine import set_aside
from batch.store import items, orders
from batch.store.database import Records
from station.home import Home
from station.tui.dialogs.confirming import TypedConfirmation
from tests.tui.conftest import PEOPLE
from tests.tui.playing import NORMAL, SIZES, Player, in_area
from tests.unit.login_kit import passphrase, staffed
from tests.unit.order_kit import approved, draft
from tests.unit.restore_kit import home_of

ASIDE = (
    ("000004", Cause.TAKEN_OUT, "bent"),
    ("000005", Cause.CODE_BLOCKED, "a code of the token is blocked, it takes no try any more"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two tokens set aside, 000004 may go on, 000005 may not; and with a begun one, 000006."""
    home = home_of(tmp_path_factory.mktemp("aside") / "home")
    (home.path / "layouts" / "tokens" / "own.toml").unlink()
    with closing(Records(home.records)) as records:
        order = receive(records, draft(), "ada")
        order = approved(records, order.number)
        with records.transaction():
            orders.set_order_state(records, order, OrderState.IN_PRODUCTION)
            for item in list(items.items(records, order)):
                items.begin_item(records, item, "lane-1", "piv", f"11{item.mailer_number}")
            for number, cause, why in ASIDE:
                set_aside(records, items.item(records, number), cause, why, "carl")
    staffed(home, **PEOPLE)
    return home.path


@pytest.fixture
def aside(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it for one test."""
    monkeypatch.setenv("LANG", "C.UTF-8")
    return Path(shutil.copytree(made, tmp_path / "home"))


def state(home: Path, number: str) -> ItemState:
    with closing(Records(Home(home).records)) as records:
        return items.item(records, number).state


def at_quarantine(
    home: Path, who: str = "olga", size: tuple[int, int] = NORMAL
) -> AbstractAsyncContextManager[Player]:
    """Somebody who is logged in looks at the area with both tokens."""
    return in_area(home, who, "f8", "000004", "000005", size=size)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_what_was_set_aside_and_how_it_may_leave(
    aside: Path, size: tuple[int, int], picture: Any
) -> None:
    async with at_quarantine(aside, size=size) as player:
        await player.sees("bent", "✓ resume: open")
        assert player.picture == picture


async def test_a_token_is_resumed_by_one_key(aside: Path) -> None:
    async with at_quarantine(aside) as player:
        await player.press("r")
        await player.until(lambda: state(aside, "000004") is ItemState.IN_PRODUCTION, "the way out")
        await player.settled()
        await player.until(lambda: "000004" not in player.text.split("────")[0], "it left the list")


async def test_a_way_that_is_not_open_says_so(aside: Path) -> None:
    async with at_quarantine(aside) as player:
        await player.press("down", "r")
        await player.is_told("This way out is not open")
        assert state(aside, "000005") is ItemState.QUARANTINED


@pytest.mark.parametrize("key", ["r", "b", "x", "w", "a"])
async def test_who_is_no_personaliser_is_told_so(aside: Path, key: str) -> None:
    async with at_quarantine(aside, "bert") as player:
        await player.press(key)
        await player.is_told("bert is no personaliser")
        assert not player.app.screen.is_modal


async def test_a_token_is_destroyed_only_by_its_serial_before_a_witness(aside: Path, picture: Any) -> None:
    async with at_quarantine(aside) as player:
        await player.press("x")
        await player.sees("Who does this with you?", "dirk")
        assert "olga" not in [line.strip() for line in player.text.splitlines()], (
            "nobody witnesses themselves"
        )
        await player.press("enter")
        await player.sees("Why, in a sentence")
        await player.press("enter")
        await player.sees("Is another token made")
        await player.press("enter")
        await player.until(lambda: isinstance(player.app.screen, TypedConfirmation), "the confirmation")
        await player.pilot.pause()
        assert player.picture == picture
        await player.type("11000005")
        await player.press("enter")
        assert isinstance(player.app.screen, TypedConfirmation), "that is another token's serial"
        await player.press("escape")
        await player.settled()
        assert state(aside, "000004") is ItemState.QUARANTINED


async def test_what_cannot_be_done_is_told_and_leaves_the_token_aside(aside: Path) -> None:
    """This home's key tokens are nowhere; its witness has shown who they are before that matters."""
    async with at_quarantine(aside) as player:
        await player.press("w")
        await player.sees("Who does this with you?")
        await player.press("enter")
        await player.sees("Why, in a sentence")
        await player.press("enter")
        await player.sees("Is another token made")
        await player.press("down", "enter")
        await player.until(lambda: isinstance(player.app.screen, TypedConfirmation), "the confirmation")
        await player.type("11000004")
        await player.press("enter", "enter")
        await player.secret(passphrase("ann"))
        await player.sees("PIN of the bench token")
        await player.secret("123456")
        await player.sees("Close")
        await player.press("enter")
        await player.settled()
        assert state(aside, "000004") is ItemState.QUARANTINED


async def test_a_begun_token_is_set_aside_by_its_number(aside: Path) -> None:
    async with at_quarantine(aside) as player:
        await player.press("a")
        await player.sees("Its number or serial")
        await player.type("000006")
        await player.press("enter")
        await player.sees("Why, in a sentence")
        await player.type("fell")
        await player.press("enter")
        await player.until(lambda: state(aside, "000006") is ItemState.QUARANTINED, "it is aside")
        await player.settled()
        await player.sees("000006", "fell")


async def test_a_scanned_serial_goes_to_its_row_and_any_other_to_the_tokens(aside: Path) -> None:
    async with at_quarantine(aside) as player:
        await player.type("11000005")
        await player.press("enter")
        await player.sees("✗ resume: not open")
        await player.type("000001")
        await player.press("enter")
        await player.until(lambda: player.app.current_mode == "tokens", "the area of tokens")
        await player.sees("A-1")
