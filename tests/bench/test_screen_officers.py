"""At the screen, officers with cards share one seat: two print through a jam, a new one is enrolled."""

from __future__ import annotations

import pytest
from textual.widgets import DataTable, OptionList

from batch.people.separation import Act
from drivers.secret import Secret
from simulators.faults.model import Fault
from station.tui.dialogs.act import ActDialog
from station.tui.dialogs.confirming import TypedConfirmation
from station.tui.screens.registry_operators import OperatorsScreen
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.bench.test_bench_screen import STICK, Operator, at
from tests.bench.test_screen_letters import choose, signed
from tests.tui.playing import button

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory) -> Desk:
    """Cards are put into the operators' seat by hand; Eva has one, and does not work here yet."""
    desk = desk_factory(piv=0, pkcs11=1, operators=("carl", "dora", "eva"), faults=True).letters_first()
    desk.pins["eva"] = Secret(desk.bench.people.pin_file("eva").read_bytes().strip())

    def change(text: str) -> str:
        head, found, rest = text.partition("[operators]\n")
        assert found
        return head + found + rest.replace('feeder = "bench"', 'feeder = "hands"', 1)

    desk.configure(change)
    return desk


async def log_in_with_card(player: Operator, name: str) -> None:
    """Put a card into the seat and press Enter, as the login asks."""
    player.desk.bench.people.present(name)
    await player.until(lambda: player.app.screen.query_one("#people", OptionList).option_count > 1, "names")
    await player.press("home", "enter")
    await player.secret(player.desk.pins[name].reveal().decode())
    await player.until(lambda: player.app.operator == name, f"{name} logged in")
    await player.settled()


def wanted(player: Operator) -> list[str]:
    """Whose cards were asked for, because another's or none is in the seat, one after the other."""
    lines = player.app.screen._lines if isinstance(player.app.screen, ActDialog) else []
    return [one.split()[4] for one in lines if one.startswith("put the token of") and ";" in one]


async def exchange(player: Operator) -> list[str]:
    """Put in each card that is asked for and type each PIN, until the act ends: whose, in this order."""
    asked_for: list[str] = []
    cards = 0
    await player.until(player._acting, "the act")

    def over() -> bool:
        return not player._acting() or player._ended()

    while True:
        await player.until(lambda: over() or player._asked() or wanted(player)[cards:], "a question")  # noqa: B023
        if over():
            return asked_for
        if (asked := player._asked()) is None:
            player.desk.bench.people.present(wanted(player)[cards])
            cards += 1
            continue
        asked_for.append(asked.name)
        for _ in range(1 + asked.again):
            await player.secret(player.desk.pins[asked.name].reveal().decode())
        await player.until(lambda: player._asked() is not asked, "the next")


async def back(player: Operator, name: str) -> None:
    """Put the card of who is logged in back into the seat, which the screen asks for."""
    await player.is_told(f"put the token of {name} into the operators' seat")
    player.desk.bench.people.present(name)
    await player.forget_told()


async def test_two_officers_print_through_a_jam_and_a_session_ends_without_its_card(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = desk.approved(STICK | {"count": "3"})
    desk.run("produce", order, pins=True)
    _first, torn, _third = desk.letters(order)
    async with at(desk, monkeypatch) as player:
        await log_in_with_card(player, "carl")
        await player.press("f4")
        await player.sees(order, "May be printed 3")
        await player.settled()
        await player.press("p")
        await player.sees("Who does this with you?")
        assert [str(one.prompt) for one in player.app.screen.query_one(OptionList).options] == ["dora"]
        await player.press("enter")
        await player.until(lambda: wanted(player) == ["dora"], "carl's card is not the second officer's")
        desk.bench.people.present("dora")
        await player.until(lambda: player._asked() is not None, "the PIN of dora")
        await player.press("escape")
        await player.settled()
        assert Act.RELEASE not in signed(desk)
        await back(player, "carl")

        desk.bench.arm(Fault("printer", "jam", 2))
        await player.press("p")
        await choose(player, "dora")
        assert await exchange(player) == ["dora", "carl", "dora"]
        await player.closes(f"stopped: {torn}: the paper has jammed")
        desk.bench.disarm()
        await back(player, "carl")
        await player.type(torn)
        await player.press("enter")
        await player.sees(f"{torn} · ", "! say what became of its form")
        await player.settled()
        await player.press("s")
        await choose(player, "torn, creased")
        await player.sees("What was seen")
        await player.type("torn")
        await player.press("enter", "enter")
        await player.sees("✗ void")
        await player.settled()
        await player.press("r")
        await player.sees("What became of its form")
        await player.type("torn")
        await player.press("enter")
        assert await exchange(player) == ["carl"]
        await choose(player, "dora")
        assert await exchange(player) == ["dora"]
        await back(player, "carl")
        await player.press("p")
        await choose(player, "dora")
        assert set(await exchange(player)) == {"carl", "dora"}
        await player.closes("2 letters printed")
        assert player.app.operator == "carl"
        desk.bench.people.present("carl")
        await player.press("c")
        await player.sees("letters were printed")
        await player.press("right", "enter")
        await player.until(lambda: set(desk.letters(order).values()) == {"confirmed"}, "confirmed")
        await player.settled()

        # The guard knows the card again before it can leave.
        await player.until(lambda: player.app.guard.sees, "the guard sees carl's card")
        desk.bench.people.present(None)
        await player.is_told("carl is logged out: the token left the operators' seat")
        await player.until(lambda: player.app.operator is None, "the lock")
    assert signed(desk)[Act.REPRINT] == signed(desk)[Act.RELEASE] == {"carl", "dora"}
    assert len(desk.printed()) == 4, "the torn form, and three letters"


async def test_a_new_officer_is_enrolled_with_their_card_gets_other_roles_and_is_retired(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A card that lies in the seat is not taken for the new one.
    desk.bench.people.present("carl")
    async with at(desk, monkeypatch) as player:
        await player.enter("ann")
        await player.press("f9", "o")
        await player.sees("carl")
        await player.press("e")
        await player.sees("Their name, without spaces")
        await player.type("eva")
        await player.press("enter")
        await mark(player, "pin officer")
        await choose(player, "With a token")
        await choose(player, "Another administrator is here")
        await choose(player, "ben")
        assert await exchange(player) == ["ben", "eva", "ann", "bench"]
        await player.sees("eva   pin officer")

        await about_eva(player)
        await player.press("c")
        await mark(player, "auditor")
        await choose(player, "completes it later")
        assert await exchange(player) == ["ann"]
        await player.sees("! eva", "ann; w: complete it")
        await player.press("ctrl+l")
        await log_in_with_card(player, "eva")
        await player.sees("eva (pin officer)")
        await player.press("ctrl+l")

        await player.until(lambda: player.app.operator is None, "the lock")
        await player.enter("ben")
        await about_eva(player)
        await player.press("w")
        await player.sees("ann signed for this:", "Roles: auditor, pin officer")
        await player.press("right", "enter")
        assert await exchange(player) == ["ben", "bench"]
        await player.until(lambda: "! eva" not in player.text, "nothing waits")
        await player.sees("auditor, pin officer")
        await about_eva(player)
        await player.press("x")
        await player.sees("Why, in a sentence")
        await player.type("left us")
        await player.press("enter")
        await choose(player, "Another administrator is here")
        await choose(player, "ann")
        await player.until(lambda: isinstance(player.app.screen, TypedConfirmation), "the confirmation")
        await player.type("eva")
        await player.press("enter", "enter")
        assert await exchange(player) == ["ann", "ben", "bench"]
        await player.until(lambda: "eva" not in player.text, "eva gone from the list")
        await player.press("ctrl+l")
        await player.until(lambda: player.app.operator is None, "the lock")
        desk.bench.people.present("eva")
        await player.sees("whose token is in the seat")
        await player.press("home", "enter")
        await player.closes("no operator is registered with the token in the operators' seat")
    desk.run("audit", "verify")


async def mark(player: Operator, role: str) -> None:
    """Mark one role more, and go on."""
    await player.sees("Space marks", role)
    await player.press("home")
    while role not in str(player.app.screen.query_one("#some", OptionList).highlighted_option.prompt):  # type: ignore[union-attr]
        await player.press("down")
    await player.press("space")
    await button(player, "Save")


async def about_eva(player: Operator) -> None:
    """Put the cursor on her in the list of who works here."""
    await player.press("f9")
    if not isinstance(player.app.screen, OperatorsScreen):
        await player.press("o")
    await player.sees("eva")
    await player.settled()
    table = player.app.screen.query_one("#operators", DataTable)
    await player.press("home")
    while "eva" not in str(table.get_row_at(table.cursor_row)[0]):
        await player.press("down")
