"""A desk killed again and again while a code is being tried leaves the holder a try, and ends honestly."""

from __future__ import annotations

import signal

import pytest

from simulators.faults.model import Fault
from simulators.piv import state
from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.bench.plain import plain_desk

pytestmark = pytest.mark.bench

CHANGE, MANAGEMENT_KEY = "24", "FF"
SEAT = ("--seat", "piv-1")


def left(desk: Desk, card: str) -> dict[int, int]:
    """Tries left on PIN and PUK, read from the card's own file."""
    kept = state.decode((desk.bench.layout.cards / f"{card}.json").read_bytes())
    return {reference: code.left for reference, code in kept.codes.items()}


def kill_at(desk: Desk, order: str, card: str, fault: Fault) -> bool:
    """Produce with the card, and kill -9 the desk at an exchange; False where the token ended before it."""
    desk.bench.insert("piv-1", card)
    desk.bench.arm(fault)
    producing = desk.start("produce", order, *SEAT, "--patience", "1", pins=True)
    producing.wait_until(lambda: bool(desk.bench.fired(0, 0)) or ended(desk, order), "the fault or the end")
    fired = bool(desk.bench.fired(0, 0))
    producing.signal(signal.SIGKILL)
    producing.end()
    desk.bench.eject("piv-1")
    desk.bench.disarm()
    return fired


def ended(desk: Desk, order: str) -> bool:
    return not desk.rows(
        "SELECT 1 FROM items JOIN orders ON orders.id = order_id "
        "WHERE number = ? AND items.state IN ('planned', 'in-production')",
        order,
    )


def finish(desk: Desk, order: str, card: str) -> dict[str, str]:
    """Put the card in and let the desk come to an end; the token as it is told."""
    desk.bench.insert("piv-1", card)
    producing = desk.start("produce", order, *SEAT, "--patience", "1", pins=True)
    producing.wait_until(lambda: ended(desk, order), "the token ended")
    desk.bench.eject("piv-1")
    assert producing.end().code in (ExitCode.OK, ExitCode.PARTIAL)
    (token,) = desk.tokens(order)
    return token


def test_a_card_that_tells_its_tries_is_finished_after_any_number_of_kills(desk_factory: DeskFactory) -> None:
    desk = desk_factory(piv=1, pkcs11=0, faults=True)
    desk.feed_by_hand("piv-1")
    order = desk.approved({"group": "Balie Noord"})
    card = desk.bench.insert("piv-1")
    desk.bench.eject("piv-1")
    for ins, when in (
        (MANAGEMENT_KEY, "after"),
        (CHANGE, "before"),
        (CHANGE, "after"),
        (CHANGE, "after"),
    ):
        assert kill_at(desk, order, card, Fault("piv-1", "hang", of=ins, when=when))  # type: ignore[arg-type]
        assert min(left(desk, card).values()) >= 2, (ins, when)
    assert finish(desk, order, card)["state"] == "produced"
    assert set(left(desk, card).values()) == {3}
    shown = desk.listed("token", "show", desk.tokens(order)[0]["number"])
    assert {row["code"]: row["booked"] for row in shown["tries"]} == {"admin": 0, "pin": 0, "puk": 0}


def test_a_card_that_tells_little_is_set_aside_with_a_try_left(desk_factory: DeskFactory) -> None:
    desk = plain_desk(desk_factory)
    order = desk.approved({"group": "Balie Noord", "layout": "plain-card:p-256"})
    card = desk.bench.insert("piv-1")
    desk.bench.eject("piv-1")
    kills = 0
    while kill_at(desk, order, card, Fault("piv-1", "hang", of=CHANGE, when="before")):
        kills += 1
        assert min(left(desk, card).values()) >= 1
    assert kills == 2
    assert desk.tokens(order)[0]["state"] == "quarantined"
    (token,) = desk.tokens(order)
    assert "was not tried: tries left are 1, and 1 is kept" in token["reason"]
    shown = desk.listed("token", "show", token["number"])
    assert [row for row in shown["tries"] if row["code"] == "puk"] == [
        {"code": "puk", "booked": 2, "refused": 0, "at worst": "1 left"}
    ]
    assert min(left(desk, card).values()) == 3
