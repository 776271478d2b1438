"""At the screen, tokens are read once more for their parcel, and two officers print the letters."""

from __future__ import annotations

import pytest
from textual.widgets import OptionList

from batch.people.separation import Act
from station.tui.dialogs.act import ActDialog
from station.tui.dialogs.confirming import Confirm
from station.tui.widgets.large_text import LargeText
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.bench.test_bench_screen import Operator, at

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory) -> Desk:
    return desk_factory(piv=0, pkcs11=1)


async def test_tokens_are_read_one_after_the_other_and_their_letters_printed_by_two(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = desk.produced({"group": "Zeehavens", "layout": "group-usb:p-256", "count": "2"})
    first, second = (one["number"] for one in desk.tokens(order))
    parcel = desk.run("dispatch", "new", order, "--each", operator="emil").out.strip()
    desk.bench.eject("usb-1")
    async with at(desk, monkeypatch) as player:
        await player.enter("emil")
        await player.press("f5")
        await player.sees(parcel, f"‖ {first}")
        await player.press("k")
        await player.sees("Which seat?")
        desk.bench.insert("usb-1", desk.card(first))
        await player.press("enter")
        await player.until(lambda: isinstance(player.app.screen, Confirm), "the question")
        await player.press("right", "enter")
        await player.sees(f"token {first} is right")
        await player.until(lambda: about(player) == second, f"{second} in large figures")
        desk.bench.eject("usb-1")
        desk.bench.insert("usb-1", desk.card(second))
        await player.press("enter")
        await player.closes(f"token {second} is right; 0 to read")
        await player.sees(f"✓ {second}")
        desk.bench.take("usb-1", "good", f"envelope {second}")
        send(desk, parcel)
        await player.press("ctrl+l")
        await player.enter("carl")
        await player.press("f4")
        await player.sees(order, "May be printed 2")
        await player.settled()
        assert Act.RELEASE not in signed(desk)
        await player.press("p")
        await choose(player, "dora")
        await player.until(lambda: isinstance(player.app.screen, ActDialog), "the print dialog")
        await player.answer_all()
        await player.closes("2 letters printed")
        await player.press("c")
        await player.sees("2 letters were printed")
        await player.press("right", "enter")
        await player.until(lambda: set(desk.letters(order).values()) == {"confirmed"}, "confirmed")
        await player.settled()
        # A gap lies between a token and its letter.
        await player.press("m")
        await player.is_told("are to lie between them (R5)")
    assert signed(desk)[Act.RELEASE] == {"carl", "dora"}


async def choose(player: Operator, label: str) -> None:
    """Choose one of several by keys."""
    await player.sees(label)
    while label not in str(player.app.screen.query_one("#options", OptionList).highlighted_option.prompt):  # type: ignore[union-attr]
        await player.press("down")
    await player.press("enter")


def about(player: Operator) -> str:
    return player.app.screen.query_one("#about", LargeText).text


def send(desk: Desk, parcel: str) -> None:
    """The parcel goes, and its manager says that it came."""
    desk.run("dispatch", "close", parcel, operator="emil")
    desk.run("dispatch", "send", parcel, "--courier", "Post", "--reference", "3S1", operator="emil")
    desk.acknowledged(parcel)


def signed(desk: Desk) -> dict[str, set[str]]:
    """Who signed which kind of statement."""
    found: dict[str, set[str]] = {}
    for act, name in desk.rows("SELECT s.act, g.operator FROM statements s JOIN signatures g USING (digest)"):
        found.setdefault(act, set()).add(name)
    return found
