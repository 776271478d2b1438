"""Orders at the screen: looked at before they are taken in, assessed, decided on, started, closed."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Button, DataTable, Input

from batch.model.orders import Order
from batch.model.people import Role
from batch.model.states import OrderState
from batch.orders import decisions, intake
from batch.orders.assessment import assess
from batch.orders.catalogue import LibraryLayouts
from batch.orders.known import RecordedOrders
from batch.people import registry_import
from batch.store import items, orders
from batch.store.database import Records
from layouts.library import Library
from station.home import Home
from station.tui.widgets.folder_tree import FolderTree
from tests.tui.playing import NORMAL, SIZES, Player, button, in_area, pick
from tests.unit.custody_kit import made_by_officers
from tests.unit.finished_kit import delivered
from tests.unit.login_kit import actor_of, passphrase, staffed
from tests.unit.restore_kit import draft, home_of
from tests.unit.signing_kit import signer

SAMPLES = Path(__file__).parents[2] / "station" / "samples"
PRODUCED, RECEIVED, DEMO = "MVV-1", "A-1", "MVV-2026-0117"


@contextmanager
def records(home: Path) -> Iterator[Records]:
    with closing(Records(Home(home).records)) as found:
        yield found


def order(home: Path, reference: str) -> Order:
    with records(home) as found:
        return orders.order(found, reference)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One's own folder, with files in it."""
    own = tmp_path / "own"
    own.mkdir()
    for name in ("demo-order.csv", "faulty-order.csv"):
        shutil.copy(SAMPLES / name, own / name)
    (own / "notes.txt").write_text("no order")
    monkeypatch.setenv("HOME", str(own))
    return own


@pytest.fixture(scope="module")
def with_demo(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the sample order of olga, its managers known, and a custody key in stock."""
    home = Path(shutil.copytree(furnished, tmp_path_factory.mktemp("demo") / "home"))
    layouts = LibraryLayouts(Library())
    with records(home) as found:
        registry = (SAMPLES / "demo-registry.csv").read_bytes()
        registry_import.take(found, registry, source="registry.csv", operator="olga")
        data = (SAMPLES / "demo-order.csv").read_bytes()
        new = intake.read(data, source="demo-order.csv", layouts=layouts, known=RecordedOrders(found))
        taken = decisions.receive(found, new, actor_of(found, "olga"))
        assess(found, taken.number, layouts, "olga")
        made_by_officers(found, [actor_of(found, "pim"), actor_of(found, "carla")])
    return home


@pytest.fixture
def arrived(with_demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LANG", "C.UTF-8")
    return Path(shutil.copytree(with_demo, tmp_path / "arrived"))


@asynccontextmanager
async def at_order(
    home: Path, who: str, number: str, size: tuple[int, int] = NORMAL
) -> AsyncIterator[Player]:
    """Somebody who is logged in looks at the orders, the cursor on one."""
    async with in_area(home, who, "f3", number, size=size) as player:
        await go_to(player, number)
        yield player


async def go_to(player: Player, number: str) -> None:
    """Put the cursor on an order."""
    table = player.app.screen.query_one("#orders", DataTable)
    for _ in range(table.row_count):
        if f"Order      {number}" in player.text:
            return
        await player.press("down")
        await player.settled()
    await player.sees(f"Order      {number}")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_orders_and_all_that_is_known_of_one(
    arrived: Path, size: tuple[int, int], picture: Any
) -> None:
    async with at_order(arrived, "olga", order(arrived, DEMO).number, size=size) as player:
        await player.sees("24 ordered = 0 produced + 24 open", "y: approve it")
        await player.forget_told()
        assert player.picture == picture


async def test_a_faulty_file_is_shown_cell_by_cell_and_taken_in_once_it_is_mended(
    home: Path, folder: Path, picture: Any
) -> None:
    file = folder / "faulty-order.csv"
    async with at_order(home, "olga", order(home, RECEIVED).number) as player:
        await player.press("i")
        await player.sees("Import an order", "demo-order.csv", "faulty-order.csv")
        assert "notes.txt" not in player.text
        await player.press("ctrl+a")
        await player.sees("notes.txt")
        await pick(player, file)
        await player.sees("13 faults, nothing was taken")
        await player.sees("row 1, adress_2")
        await player.press("n", "n")
        await player.sees("row 3, layout", "did you mean group-card?")
        await player.forget_told()
        assert player.picture == picture
        file.write_bytes((SAMPLES / "demo-order.csv").read_bytes())
        await button(player, "Look again")
        await player.sees("faulty-order.csv: no faults", "24 tokens", "! not signed", "Zoë Sampleton")
        with records(home) as found:
            assert len(orders.orders(found)) == 2
        await button(player, "Take it in")
        await player.secret(passphrase("olga"))
        await player.settled()
        new = order(home, DEMO)
        assert (new.state, new.imported_by) == (OrderState.RECEIVED, "olga")
        await player.sees(f"Order      {new.number}", "a: assess it")


async def test_what_a_good_file_holds_is_shown_before_it_is_taken(
    home: Path, folder: Path, picture: Any
) -> None:
    async with at_order(home, "olga", order(home, RECEIVED).number) as player:
        await player.press("i")
        await pick(player, folder / "demo-order.csv")
        await player.sees("demo-order.csv: no faults")
        await player.forget_told()
        assert player.picture == picture
        await player.press("enter")
        await player.is_told("Nothing was taken in.")
        with records(home) as found:
            assert len(orders.orders(found)) == 2
        await player.sees("i Import")
        await player.press("i")
        await pick(player, folder / "demo-order.csv")
        await player.sees("t takes it in; Enter goes back")
        await player.press("t")
        await player.secret(passphrase("olga"))
        await player.settled()
    assert order(home, DEMO).imported_by == "olga"


async def test_a_signature_beside_the_file_is_taken_along_and_another_may_be_chosen(
    home: Path, folder: Path, tmp_path: Path
) -> None:
    file, other = folder / "demo-order.csv", tmp_path / "other.p7s"
    signed = signer(tmp_path, "own").sign(file, detached=True)
    file.with_suffix(".p7s").write_bytes(signed)
    other.write_bytes(b"no signature")
    async with at_order(home, "olga", order(home, RECEIVED).number) as player:
        await player.press("i")
        await pick(player, file)
        await player.sees("! not verifiable: no manager whom the order names", "demo-order.p7s")
        await button(player, "Signature…")
        await pick(player, other)
        await player.sees("nothing was taken", "✗ the file: the signature")


async def test_the_picker_goes_to_folders_and_files_that_are_there(home: Path, folder: Path) -> None:
    below = folder / "below"
    below.mkdir()
    (below / "evil\x1b[2J.csv").write_text("x")
    os.mkfifo(below / "endless.csv")
    async with at_order(home, "olga", order(home, RECEIVED).number) as player:
        await player.press("i")
        await pick(player, folder / "absent.csv")
        await player.sees("There is no such file")
        await pick(player, below)
        await player.sees("evil\\x1b[2J.csv")
        assert "· endless" not in player.text
        await player.press("backspace")
        tree = player.app.screen.query_one("#tree", FolderTree)
        await player.until(lambda: Path(tree.path) == folder, "the folder above")
        await player.settled()
        assert player.app.focused is tree
        await player.type(str(folder / "absent.csv"))
        path = player.app.screen.query_one("#path", Input)
        await player.until(lambda: path.value == str(folder / "absent.csv"), "all that was typed at the tree")
        await player.press("escape")
        await player.settled()
        assert "Import" not in player.text.splitlines()[4]


async def test_findings_that_refuse_an_order_come_first(home: Path, picture: Any) -> None:
    number = order(home, RECEIVED).number
    async with at_order(home, "olga", number) as player:
        await player.press("a")
        await player.sees("2 findings refuse it", "✗ refusing")
        await player.forget_told()
        assert player.picture == picture
        await player.press("escape")
        await player.sees("! incomplete")
    assert order(home, RECEIVED).state is OrderState.INCOMPLETE


async def test_an_order_is_assessed_and_approved_by_somebody_else(arrived: Path, picture: Any) -> None:
    number = order(arrived, DEMO).number
    async with at_order(arrived, "bert", number) as player:
        await player.press("a")
        await player.sees("Nothing refuses it")
        await player.press("escape", "y")
        await player.sees(f"Approve order {number}?", "24 ordered")
        await player.forget_told()
        assert player.picture == picture
        await button(player, "Approve")
        await player.secret(passphrase("bert"))
        await player.settled()
        await player.sees("✓ approved", "p: start its production")
    assert order(arrived, DEMO).decided_by == "bert"


async def test_an_order_that_changed_meanwhile_is_not_approved(arrived: Path) -> None:
    number = order(arrived, DEMO).number
    async with at_order(arrived, "bert", number) as player:
        await player.press("y")
        await player.sees(f"Approve order {number}?")
        with records(arrived) as found:
            decisions.reject(found, number, "olga", "withdrawn by its manager")
        await button(player, "Approve")
        await player.sees("✗", "rejected by olga")
        await button(player, "Close")
        await player.sees("✗ rejected", "n: write the notice")
    assert order(arrived, DEMO).state is OrderState.REJECTED


async def test_who_brought_an_order_in_does_not_approve_it_whatever_their_roles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "C.UTF-8")
    home = home_of(tmp_path / "home")
    staffed(home, eva=(Role.ORDER_OFFICER, Role.APPROVER))
    with records(home.path) as found:
        own = decisions.receive(found, draft("B-1"), actor_of(found, "eva"))
    async with at_order(home.path, "eva", own.number) as player:
        await player.press("y")
        await player.is_told("who brought an order in does not approve it (R35)")
        assert not player.app.screen.is_modal
    assert order(home.path, "B-1").state is OrderState.RECEIVED


async def test_who_may_not_is_told_why_and_nothing_changes(home: Path) -> None:
    async with at_order(home, "bert", order(home, RECEIVED).number) as player:
        await player.press("i")
        await player.is_told("bert is no order officer")
        await player.press("p")
        await player.is_told("bert is no personaliser")
        assert not player.app.screen.is_modal
    assert order(home, RECEIVED).state is OrderState.RECEIVED


async def test_an_order_is_rejected_with_a_reason_once_its_number_was_typed(home: Path, picture: Any) -> None:
    number = order(home, RECEIVED).number
    async with at_order(home, "olga", number) as player:
        await player.press("x")
        await player.sees("Why, in a sentence")
        await player.type("-- withdrawn")
        await player.press("enter")
        await player.sees("this cannot be undone")
        await player.type("2026")
        assert player.app.screen.query_one("#choice-1", Button).disabled
        await player.press(*["backspace"] * 4)
        await player.type(number)
        await player.forget_told()
        assert player.picture == picture
        await player.press("enter", "enter")
        await player.settled()
        await player.sees("✗ rejected", "n: write the notice")
    assert order(home, RECEIVED).reason == "-- withdrawn"


async def test_what_keeps_an_order_open_is_told_and_a_settled_one_is_closed(
    home: Path, folder: Path, picture: Any
) -> None:
    number = order(home, PRODUCED).number
    async with at_order(home, "olga", number) as player:
        await player.press("c")
        await player.sees("This keeps it open", "still at the desk", "Next: station token list")
        await player.forget_told()
        assert player.picture == picture
        await player.press("escape")
        with records(home) as found:
            delivered(found, orders.order(found, number))
        await player.until(lambda: "still at the desk" not in player.text, "the details")
        await player.press("c")
        await player.sees("3 ordered = 3 produced", "this cannot be undone")
        await player.type(number)
        await player.press("enter", "enter")
        await player.sees("Write its signed report?")
        assert order(home, PRODUCED).state is OrderState.CLOSED
        await button(player, "Write")
        await player.sees("Where to write it", f"order-{number}.json")
        await player.press("enter")
        # The report is signed with the key of the log, and this home has no module for it.
        await player.secret("1234")
        await button(player, "Close")
        await player.sees("✓ closed", "r: write its signed report")


async def test_a_notice_and_a_form_are_written_to_new_files_only(home: Path, folder: Path) -> None:
    number = order(home, PRODUCED).number
    (folder / "order-form.xlsx").write_text("mine")
    async with at_order(home, "olga", number) as player:
        await player.press("n")
        await player.sees("approved", "received")
        await player.press("enter")
        await player.sees(f"approved-{number}.eml")
        await player.press("enter")
        await player.settled()
        await player.is_told("notice 'approved' written to")
        assert (folder / f"approved-{number}.eml").read_bytes().startswith(b"To: ")
        await player.press("t")
        await player.sees("tokens of any layout")
        await player.press("enter")
        await player.sees("order-form.xlsx")
        await player.press("enter")
        await player.sees("which is not written over")
        await pick(player, folder / "empty.xlsx")
        await player.settled()
        await player.is_told("Written: ")
    assert (folder / "order-form.xlsx").read_text() == "mine"
    assert (folder / "empty.xlsx").read_bytes().startswith(b"PK")


async def test_orders_are_found_by_text_state_and_scanner(home: Path) -> None:
    received, produced = order(home, RECEIVED).number, order(home, PRODUCED).number
    async with at_order(home, "olga", received) as player:
        await player.press("slash")
        await player.type("mvv")
        await player.sees("beginning with mvv")
        await player.until(lambda: received not in player.text, "only the other")
        await player.type("x")
        await player.sees("No such order; Esc shows all")
        await player.press("enter", "escape")
        await player.sees(received, produced)
        await player.press("s")
        await player.sees("Which orders?")
        await player.press("down", "enter")
        await player.sees("Only · received")
        await player.until(lambda: produced not in player.text, "only what was received")
        await player.press("escape", *produced)
        await player.press("enter")
        await player.sees(f"beginning with {produced}", f"Order      {produced}")


async def test_the_tokens_of_an_order_stand_under_its_reconciliation(home: Path, picture: Any) -> None:
    number = order(home, PRODUCED).number
    with records(home) as found:
        first = next(iter(items.items(found, orders.order(found, number)))).mailer_number
    async with at_order(home, "olga", number) as player:
        await player.press("enter")
        await player.sees("3 ordered = 3 produced", first)
        await player.settled()
        await player.forget_told()
        assert player.picture == picture
        await player.press("escape")
        await player.sees("Subscriber")
        await player.press("enter")
        await player.sees(first)
        await player.settled()
        await player.press("enter")
        await player.until(lambda: player.app.current_mode == "tokens", "the area of tokens")
        await player.sees(first)


async def test_starting_goes_to_the_bench_with_the_order(home: Path) -> None:
    number = order(home, PRODUCED).number
    async with at_order(home, "olga", number) as player:
        await player.press("p")
        await player.until(lambda: player.app.current_mode == "bench", "the bench")
