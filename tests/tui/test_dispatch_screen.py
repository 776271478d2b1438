"""The area dispatch: parcels packed, closed, sent and given up; acknowledgements; what is lent."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from batch.life.dispatch import loans as lending
from batch.life.dispatch import parcels as rules
from batch.life.dispatch.acknowledging import take_typed
from batch.model.dispatch import Device
from batch.model.states import AcknowledgementState, LifeState, LoanState, ParcelState
from batch.store import acknowledgements, items, lives, loans, orders, parcels
from batch.store.clock import now
from batch.store.database import Records, stamp
from station.home import Home
from tests.tui.playing import NORMAL, SIZES, Player, in_area
from tests.unit.dispatch_kit import LAYOUT_OF, packed, quoted
from tests.unit.registry_kit import EMAIL

ORDER = "2026-0002"
EACH = ("000004", "000005", "000006")


def at_dispatch(
    home: Path, who: str = "dirk", size: tuple[int, int] = NORMAL, sees: str = "To pack"
) -> AbstractAsyncContextManager[Player]:
    """Somebody who is logged in looks at the area."""
    return in_area(home, who, "f5", sees, size=size)


def with_parcel(home: Path, upto: ParcelState = ParcelState.PACKING) -> None:
    """A parcel with all tokens of the order, read; closed, or sent by emil."""
    with closing(Records(Home(home).records)) as records:
        order, today = orders.order(records, ORDER), now().date()
        parcel = packed(records, order, by="emil")
        if upto is not ParcelState.PACKING:
            rules.close(records, parcel.number, LAYOUT_OF, "emil", today)
        if upto is ParcelState.SENT:
            rules.send(records, parcel.number, LAYOUT_OF, "emil", courier="PostNL", reference="3SABC")


def parcel_of(home: Path, number: str = "P-000001") -> str:
    """The state of a parcel, how many tokens are in it, and its courier's number."""
    with closing(Records(Home(home).records)) as records:
        found = parcels.parcel(records, number)
        count = len(parcels.packed(records, found))
        return f"{found.state} {count} {found.reference or '-'}"


def life_of(home: Path, token: str) -> LifeState:
    with closing(Records(Home(home).records)) as records:
        return lives.life(records, items.item(records, token).id).state


async def test_reminders_that_are_due_are_counted_until_they_are_written(home: Path, tmp_path: Path) -> None:
    with_parcel(home, ParcelState.SENT)
    with closing(Records(Home(home).records)) as records:
        db, long_ago = records.db.conn, stamp(now() - timedelta(days=30))
        db.execute("UPDATE parcels SET sent_at = ?", (long_ago,))
        db.commit()
    async with at_dispatch(home, sees="[Parcels ! 1 due]") as player:
        await player.press("r")
        await player.sees("About tokens that nobody acknowledged")
        await player.press("enter")
        await player.sees("Into which folder?")
        await player.press("ctrl+u")
        await player.type(str(tmp_path))
        await player.press("enter")
        await player.until(lambda: list(tmp_path.glob("*.eml")), "the reminder")
        await player.settled()
        await player.until(lambda: "! 1 due" not in player.text, "no reminder is due")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_parcels_with_what_is_in_them(home: Path, size: tuple[int, int], picture: Any) -> None:
    with_parcel(home)
    async with at_dispatch(home, size=size, sees="P-000001") as player:
        await player.sees("Nergenshuizen", "✓ 000004")
        assert player.picture == picture


async def test_a_parcel_for_every_address_is_begun(home: Path, picture: Any) -> None:
    async with at_dispatch(home, sees="No parcel is under way") as player:
        await player.press("n")
        await player.sees(ORDER, "3 tokens may go")
        await player.forget_told()
        await player.press("n")
        await player.sees("A parcel for every address")
        assert player.picture == picture
        await player.press("enter")
        await player.sees("P-000001", "‖ 000004")
        await player.settled()
        assert parcel_of(home) == "packing 3 -"


async def test_tokens_are_scanned_into_a_parcel_and_taken_out_again(home: Path, picture: Any) -> None:
    async with at_dispatch(home) as player:
        await player.press("v")
        await player.sees("3 tokens may go")
        await player.press("enter")
        await player.sees("One parcel: scan")
        await player.press("down", "enter")
        await player.sees("Scan each token")
        for number in ("000004", "000005", "000004"):
            await player.type(number)
            await player.press("enter")
        await player.sees("2 scanned")
        assert player.picture == picture
        await player.press("enter", "enter")
        await player.sees("P-000001", "‖ 000004")
        await player.settled()
        assert parcel_of(home) == "packing 2 -"
        await player.press("t")
        await player.sees("Take one out")
        await player.press("down", "down", "enter")
        await player.sees("Which one?")
        await player.press("enter")
        await player.until(lambda: parcel_of(home) == "packing 1 -", "one taken out")


async def test_a_parcel_is_closed_with_its_papers_and_sent(home: Path, tmp_path: Path, picture: Any) -> None:
    with_parcel(home)
    async with at_dispatch(home, sees="P-000001") as player:
        await player.press("c")
        await player.sees("Where to write it")
        field = player.app.screen.query_one("#path")
        field.value = str(tmp_path / "papers.pdf")  # type: ignore[attr-defined]
        await player.press("enter")
        await player.until(lambda: parcel_of(home).startswith("closed"), "closed")
        await player.settled()
        assert (tmp_path / "papers.pdf").read_bytes().startswith(b"%PDF")
        await player.forget_told()
        await player.press("s")
        await player.sees("scan the courier's label")
        assert player.picture == picture
        await player.type("PostNL")
        await player.press("enter")
        await player.type("3SABC1")
        await player.press("enter", "enter")
        await player.until(lambda: parcel_of(home) == "sent 3 3SABC1", "sent")
        await player.settled()
        await player.sees("No parcel is under way")
        await player.press("h")
        await player.sees("✓ sent")


async def test_a_closed_parcel_is_opened_again_or_given_up(home: Path, picture: Any) -> None:
    with_parcel(home, ParcelState.CLOSED)
    async with at_dispatch(home, sees="P-000001") as player:
        await player.press("o")
        await player.sees("Its papers are void")
        await player.type("a token is missing")
        await player.press("enter")
        await player.until(lambda: parcel_of(home).startswith("packing"), "open")
        await player.settled()
        await player.forget_told()
        await player.press("x")
        await player.sees("Give up parcel P-000001")
        await player.type("nobody is there")
        await player.press("enter")
        await player.sees("Type P-000001 to go on")
        assert player.picture == picture
        await player.type("P-000001")
        await player.press("enter", "enter")
        await player.until(lambda: parcel_of(home).startswith("cancelled"), "given up")
        await player.settled()


async def test_who_quotes_the_number_acknowledges_a_token(home: Path, picture: Any) -> None:
    with_parcel(home, ParcelState.SENT)
    with closing(Records(Home(home).records)) as records:
        number = quoted(records, "000004")
        name = rules.certificate_name(items.item(records, "000004"))
    async with at_dispatch(home) as player:
        await player.press("a")
        await player.sees("Number quoted")
        assert player.picture == picture
        for typed in (number, name, EMAIL):
            await player.type(typed)
            await player.press("enter")
        await player.press("enter")
        await player.closes("is accepted")
        assert life_of(home, "000004") is LifeState.ACKNOWLEDGED


async def test_what_does_not_agree_waits_for_somebody_else(home: Path) -> None:
    with_parcel(home, ParcelState.SENT)
    with closing(Records(Home(home).records)) as records:
        number = quoted(records, "000004")
    async with at_dispatch(home) as player:
        await player.type(number)
        await player.press("enter")
        await player.sees("A token came")
        await player.press("enter")
        for typed in ("Somewhere Else", EMAIL):
            await player.type(typed)
            await player.press("enter")
        await player.press("enter")
        await player.closes("waits: the certificate's name is not in it")
        await player.sees("! 1")
        assert life_of(home, "000004") is LifeState.DISPATCHED


@pytest.fixture
def in_doubt(home: Path) -> Path:
    """An acknowledgement by who is no manager waits; emil took it in."""
    with_parcel(home, ParcelState.SENT)
    with closing(Records(Home(home).records)) as records:
        number = quoted(records, "000005")
        take_typed(records, number, "all wrong", "who@example.org", "emma", now().date())
    return home


async def test_what_is_in_doubt_is_decided_by_somebody_else(in_doubt: Path, picture: Any) -> None:
    async with at_dispatch(in_doubt, "bert", sees="! 1") as player:
        await player.press("v", "v")
        await player.sees("the certificate's name is not in it")
        await player.press("d")
        await player.sees("Is acknowledgement 1 believed?")
        assert player.picture == picture
        await player.press("down", "down", "enter")
        await player.sees("How was that found out")
        await player.type("called back")
        await player.press("enter")
        await player.until(lambda: life_of(in_doubt, "000005") is LifeState.ACKNOWLEDGED, "accepted")
        await player.settled()
        with closing(Records(Home(in_doubt).records)) as records:
            assert acknowledgements.acknowledgement(records, 1).state is AcknowledgementState.ACCEPTED


async def test_an_email_is_picked_and_taken_in(home: Path, tmp_path: Path) -> None:
    with_parcel(home, ParcelState.SENT)
    with closing(Records(Home(home).records)) as records:
        number, name = quoted(records, "000006"), rules.certificate_name(items.item(records, "000006"))
    mail = tmp_path / "it came.eml"
    mail.write_text(
        f"From: {EMAIL}\nTo: desk@example.org\nSubject: it came\nMessage-ID: <1@example.org>\n\n"
        f"{number} {name}\n"
    )
    async with at_dispatch(home) as player:
        await player.press("e")
        await player.sees("a path may be typed")
        field = player.app.screen.query_one("#path")
        field.focus()
        field.value = str(mail)  # type: ignore[attr-defined]
        await player.press("enter")
        await player.closes("is accepted")
        assert life_of(home, "000006") is LifeState.ACKNOWLEDGED


async def test_a_reader_is_lent_with_a_parcel_and_comes_back(home: Path, picture: Any) -> None:
    with_parcel(home)
    async with at_dispatch(home, sees="P-000001") as player:
        await player.press("b")
        await player.sees("reader", "usb-stick")
        await player.press("enter")
        await player.sees("Its own number")
        await player.type("R-77")
        await player.press("enter", "enter", "enter", "enter")
        await player.sees("L-000001")
        await player.settled()
        await player.press("v", "v", "v")
        await player.sees("▶ lent", "P-000001")
        await player.settled()
        await player.forget_told()
        await player.press("l")
        await player.sees("It may stay longer")
        assert player.picture == picture
        await player.press("enter")
        await player.sees("How it came back")
        await player.press("enter", "enter")
        await player.sees("Nothing is lent")
        with closing(Records(Home(home).records)) as records:
            assert loans.loan(records, "L-000001").state is LoanState.RETURNED


async def test_a_loan_that_is_over_is_marked(home: Path) -> None:
    with closing(Records(Home(home).records)) as records:
        order = orders.order(records, ORDER)
        parcel = rules.begin(records, order.number, "emil")
        rules.add(records, parcel.number, EACH[:1], LAYOUT_OF, "emil", now().date())
        then = now().date().replace(year=2020, day=1)
        lending.lend(records, Device.READER, "R-1", parcel.number, then.replace(day=2), "emil", then)
    async with at_dispatch(home) as player:
        await player.press("v", "v", "v")
        await player.sees("! 2020-", "! it should be back")


@pytest.mark.parametrize(("who", "key"), [("pim", "c"), ("pim", "x"), ("otto", "a"), ("otto", "b")])
async def test_who_has_not_the_role_is_told_so(home: Path, who: str, key: str) -> None:
    with_parcel(home)
    async with at_dispatch(home, who, sees="P-000001") as player:
        await player.press(key)
        await player.is_told(f"{who} is no dispatcher")
        assert parcel_of(home).startswith("packing")


async def test_who_has_not_the_role_does_not_decide_that_they_came(in_doubt: Path) -> None:
    async with at_dispatch(in_doubt, "dirk", sees="! 1") as player:
        await player.press("d")
        await player.sees("the certificate's name is not in it")
        await player.press("d")
        await player.is_told("dirk is no approver or order officer")


async def test_a_scan_opens_the_parcel_of_a_token_or_takes_an_acknowledgement_in(home: Path) -> None:
    with_parcel(home, ParcelState.SENT)
    with closing(Records(Home(home).records)) as records:
        number = quoted(records, "000004")
    async with at_dispatch(home, sees="No parcel is under way") as player:
        await player.type("000005")
        await player.press("enter")
        await player.sees("P-000001", "3SABC")
        await player.type(number)
        await player.press("enter")
        await player.sees("A token came", number)
