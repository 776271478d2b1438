"""At the screen, what is set aside leaves quarantine by each of its ways."""

from __future__ import annotations

import pytest

from station.exit_codes import ExitCode
from station.tui.dialogs.confirming import TypedConfirmation
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.bench.test_bench_screen import Operator, at
from tests.bench.test_quarantine import CARD, CARD_FAULT
from tests.bench.test_screen_letters import choose
from tests.bench.test_screen_tokens import acted

pytestmark = pytest.mark.bench

SEAT = "piv-1"


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory) -> Desk:
    desk = desk_factory(piv=1, pkcs11=0, faults=True)
    desk.feed_by_hand(SEAT)
    return desk


def two_aside(desk: Desk) -> tuple[str, list[tuple[str, str, str]]]:
    """An order whose two cards met a fault: its number, and number, serial and card of each."""
    order = desk.approved(CARD | {"count": "2"})
    desk.bench.arm(CARD_FAULT)
    producing = desk.start("produce", order, "--patience", "0", pins=True)
    cards = []
    for _ in range(2):
        cards.append(desk.bench.insert(SEAT))
        producing.hear("QUARANTINE")
        desk.bench.eject(SEAT)
    assert producing.end().code == ExitCode.PARTIAL
    desk.bench.disarm()
    aside = desk.tokens(order, "quarantined")
    return order, [(one["number"], one["serial"], card) for one, card in zip(aside, cards, strict=True)]


async def at_row(player: Operator, number: str) -> None:
    """Put the cursor on a token."""
    await player.until(lambda: player.app.screen._table.page.rows, "the list")  # type: ignore[attr-defined]
    await player.settled()
    await player.press("home")
    await player.settled()
    while player.app.screen._table.chosen.number != number:  # type: ignore[attr-defined]
        await player.press("down")


async def spoiled(player: Operator, again: str, serial: str) -> None:
    """Say why, whether another is made, and type its serial."""
    await player.sees("Why, in a sentence")
    await player.press("enter")
    await choose(player, again)
    await player.until(lambda: isinstance(player.app.screen, TypedConfirmation), "the confirmation")
    await player.type(serial)
    await player.press("enter", "enter")
    await acted(player)


async def gone(player: Operator, desk: Desk, number: str, state: str) -> None:
    """Wait until a token has left for another state."""
    await player.until(
        lambda: desk.rows("SELECT state FROM items WHERE mailer_number = ?", number) == [(state,)], state
    )
    await player.settled()


async def test_a_card_is_resumed_set_aside_by_hand_made_blank_destroyed_and_written_off(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, (first, second) = two_aside(desk)
    async with at(desk, monkeypatch) as player:
        await player.enter("ada")
        await player.press("f8")
        await at_row(player, first[0])
        await player.press("r")
        await gone(player, desk, first[0], "in-production")
        await player.press("a")
        await player.sees("Its number or serial")
        await player.type(first[1])
        await player.press("enter")
        await player.sees("Why, in a sentence")
        await player.type("it fell")
        await player.press("enter")
        await gone(player, desk, first[0], "quarantined")

        desk.bench.insert(SEAT, first[2])
        await at_row(player, first[0])
        await player.press("b")
        await choose(player, SEAT)
        await spoiled(player, "No, the order gets one less", first[1])
        await gone(player, desk, first[0], "spoiled")
        desk.bench.eject(SEAT)

        await at_row(player, second[0])
        await player.press("x")
        await choose(player, "bob")
        await spoiled(player, "Yes, make another", second[1])
        await gone(player, desk, second[0], "spoiled")

        third = made_again(desk, order)
        await player.press("f8")
        await at_row(player, third[0])
        await player.press("w")
        await choose(player, "bob")
        await spoiled(player, "No, the order gets one less", third[1])
        await gone(player, desk, third[0], "spoiled")
        await player.sees("Nothing is in quarantine")
    assert desk.states(order) == {"spoiled": 3}
    left = desk.rows("SELECT way, witness FROM quarantine WHERE way IS NOT NULL")
    assert dict(left) == {"resume": None, "reset": None, "destroy": "bob", "write-off": "bob"}
    desk.run("audit", "verify")


def made_again(desk: Desk, order: str) -> tuple[str, str]:
    """The replacement met the fault, too: its number and serial."""
    desk.bench.arm(CARD_FAULT)
    producing = desk.start("produce", order, "--patience", "0", pins=True)
    desk.bench.insert(SEAT)
    producing.hear("QUARANTINE")
    desk.bench.eject(SEAT)
    producing.end()
    desk.bench.disarm()
    (aside,) = desk.tokens(order, "quarantined")
    return aside["number"], aside["serial"]
