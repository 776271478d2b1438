"""Another token in the reader than the one begun, or one that has an owner: refused, and not written to."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.faults.model import Fault
from simulators.piv.state import FACTORY_CODES, PUK
from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.bench.plain import plain_desk
from tests.unit.virtual_token import other_code, spoil

pytestmark = pytest.mark.bench

CARD = {"group": "Balie Noord"}
STICK = {"group": "Balie Noord", "layout": "group-usb:p-256"}
LONG = ("--patience", "100")


@pytest.fixture(scope="module")
def shared(desk_factory: DeskFactory) -> Desk:
    desk = desk_factory(piv=1, pkcs11=2, faults=True)
    desk.feed_by_hand("piv-1", "usb-1", "usb-2")
    return desk


@pytest.fixture
def desk(shared: Desk) -> Iterator[Desk]:
    with shared.cleared():
        yield shared


def held(desk: Desk, name: str) -> dict[str, bytes]:
    """All that a card or token holds, by file."""
    card = desk.bench.layout.cards / f"{name}.json"
    if card.exists():
        return {name: card.read_bytes()}
    token = desk.bench.layout.tokens / name
    files = (path for path in token.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path.relative_to(token)): path.read_bytes() for path in files}


def made(desk: Desk, seat: str, row: dict[str, str]) -> tuple[str, str]:
    """The name and number of a token of an order of its own, all finished."""
    order = desk.approved(row)
    name = desk.bench.insert(seat)
    producing = desk.start("produce", order, "--seat", seat, pins=True)
    producing.hear("produced")
    desk.bench.eject(seat)
    assert producing.end().code == ExitCode.OK
    (token,) = desk.tokens(order, "produced")
    return name, token["number"]


@pytest.mark.parametrize(
    ("seat", "row", "points"),
    [
        ("piv-1", CARD, [("47", "before"), ("DB", "after"), ("24", "before")]),
        ("usb-1", STICK, [("C_InitPIN", "before"), ("C_GenerateKeyPair", "after")]),
    ],
)
def test_a_token_swapped_for_a_finished_one_at_any_call_leaves_that_one_alone(
    desk: Desk, seat: str, row: dict[str, str], points: list[tuple[str, str]]
) -> None:
    finished, number = made(desk, seat, row)
    before = held(desk, finished)
    order = desk.approved(row)
    begun = desk.bench.insert(seat)
    for point, when in points:
        desk.bench.arm(Fault(seat, "swap", of=point, when=when, card=finished))  # type: ignore[arg-type]
        producing = desk.start("produce", order, "--seat", seat, *LONG, pins=True)
        assert [fault.do for fault in desk.bench.fired()] == ["swap"]
        producing.hear("interrupted")
        producing.hear(f"envelope {number}")
        assert held(desk, finished) == before
        producing.signal(signal.SIGINT)
        desk.bench.eject(seat)
        ended = producing.end()
        assert ended.code == ExitCode.INTERRUPTED, ended.err
        assert [token["state"] for token in desk.tokens(order)] == ["in-production"]
        desk.bench.disarm()
        desk.bench.insert(seat, begun)
    producing = desk.start("produce", order, "--seat", seat, pins=True)
    producing.hear("produced")
    desk.bench.eject(seat)
    assert producing.end().code == ExitCode.OK
    assert held(desk, finished) == before


def test_a_finished_card_that_was_made_blank_elsewhere_is_not_made_again(desk: Desk) -> None:
    finished, number = made(desk, "piv-1", CARD)
    path = desk.bench.layout.cards / f"{finished}.json"

    def reset(card: object) -> None:
        from simulators.piv import state

        assert isinstance(card, state.CardState)
        card.codes = state.factory_codes()
        card.management = state.factory_management_key(card.profile, card.firmware)
        card.keys = {slot: key for slot, key in card.keys.items() if slot == state.ATTESTATION_SLOT}
        card.objects = {tag: one for tag, one in card.objects.items() if tag == state.ATTESTATION_OBJECT}

    spoil(path, reset)
    before = held(desk, finished)
    order = desk.approved(CARD)
    desk.bench.insert("piv-1", finished)
    producing = desk.start("produce", order, "--seat", "piv-1", *LONG, pins=True)
    producing.hear(f"token {number} of order")
    producing.hear("produced, yet it is blank")
    desk.bench.eject("piv-1")
    assert held(desk, finished) == before

    # Nor is one that is on record as made by another driver, such as a key with two interfaces.
    ((driver,),) = desk.rows("SELECT token_driver FROM items WHERE mailer_number = ?", number)
    assert driver == "piv"
    rename(desk, number, "other")
    desk.bench.insert("piv-1", finished)
    producing.hear("made as other")
    assert held(desk, finished) == before
    rename(desk, number, "piv")
    desk.bench.eject("piv-1")
    good = desk.bench.insert("piv-1")
    producing.hear("produced")
    desk.bench.eject("piv-1")
    assert producing.end().code == ExitCode.OK
    assert held(desk, finished) == before
    assert good != finished


def rename(desk: Desk, number: str, driver: str) -> None:
    """Say in the records that a token was made by another driver."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(desk.home / "station.db", timeout=60)) as records, records:
        records.execute("UPDATE items SET token_driver = ? WHERE mailer_number = ?", (driver, number))


def test_two_seats_at_one_slot_are_told_and_one_of_them_works(desk: Desk, tmp_path: Path) -> None:
    first = Path(desk.bench.seat_environment("usb-1")["SOFTHSM2_CONF"])
    second = desk.bench.seat_environment("usb-2")["SOFTHSM2_CONF"]
    alias = first.with_name("other.conf")
    alias.write_text(first.read_text())
    desk.configure(lambda text: text.replace(second, str(alias)))
    order = desk.approved(STICK | {"count": "2"})
    begun = desk.bench.insert("usb-1")
    producing = desk.start("produce", order, "--seat", "usb-1", "--seat", "usb-2", pins=True)
    producing.hear("another seat has the same reader or slot")
    producing.wait_until(lambda: bool(desk.tokens(order, "produced")), "it was produced")
    producing.signal(signal.SIGINT)
    assert producing.end().code == ExitCode.INTERRUPTED
    assert len(list((desk.bench.layout.tokens / begun).iterdir())) == 1

    desk.configure(lambda text: text.replace(str(alias), str(first)))
    told = desk.run("produce", order, pins=True, expect=ExitCode.CONFIGURATION).err
    assert "has the reader or slot of seat" in told


def test_a_card_without_serial_whose_puk_is_not_the_factorys_costs_no_item(desk_factory: DeskFactory) -> None:
    desk = plain_desk(desk_factory)
    order = desk.approved({**CARD, "layout": "plain-card:p-256"})
    foreign = desk.bench.insert("piv-1")
    desk.bench.eject("piv-1")
    path = desk.bench.layout.cards / f"{foreign}.json"
    spoil(path, lambda card: other_code(card, PUK))
    desk.bench.insert("piv-1", foreign)
    producing = desk.start("produce", order, pins=True)
    producing.hear("interrupted")
    producing.hear("REFUSED  the card's PUK is not the factory's")
    desk.bench.eject("piv-1")
    from simulators.piv import state

    card = state.decode(path.read_bytes())
    assert (card.objects, card.keys) == ({}, {})
    assert card.codes[PUK].left == 2
    assert card.codes[PUK].value != FACTORY_CODES[PUK]
    desk.bench.insert("piv-1")
    producing.hear("produced")
    desk.bench.eject("piv-1")
    assert producing.end().code == ExitCode.OK
