"""A printer jams in the middle of an order's letters: each form is accounted for, none is printed twice."""

from __future__ import annotations

import pytest

from simulators.faults.model import Fault
from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.bench.pages import read_page

pytestmark = pytest.mark.bench

PIN_OFFICERS = ("carl", "dora")


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory) -> Desk:
    """A desk whose forms have numbers, and whose letters may leave on the day their tokens left."""
    desk = desk_factory(piv=0, pkcs11=1, faults=True).living_by("gap_days = 0")
    desk.configure(lambda text: text.replace("[printer]\n", "[printer]\nnumbered_forms = true\n"))
    return desk


def printing(desk: Desk, order: str, expect: int = ExitCode.OK) -> str:
    return desk.run("letter", "print", order, operator="carl", pins=True, expect=expect).err


def test_a_jam_a_spoiled_form_a_reprint_by_two_and_every_form_accounted_for(desk: Desk) -> None:
    order = desk.approved({"group": "Balie", "layout": "group-usb:p-256", "count": "3"})
    desk.run("produce", order, pins=True)
    first, second, third = desk.letters(order)

    # Nobody has said that the tokens came, so nothing is printed, and it is told why.
    said = printing(desk, order)
    assert f"letter {first} waits: its token is at-desk, and nobody has acknowledged it" in said
    assert "0 letters printed" in said
    early = desk.run("letter", "release", order, operator="carl", expect=ExitCode.REFUSED_BY_RULE)
    assert "has no sealed letters that may be printed now" in early.err
    desk.delivered(order)
    assert [one["may"] for one in desk.listed("letter", "list", "--ready")] == [True] * 3

    # The second page jams; the third waits for somebody to look.
    desk.run("letter", "forms", "receive", "A-0001", "A-0002", operator="carl")
    desk.bench.arm(Fault("printer", "jam", 2))
    said = printing(desk, order, ExitCode.PARTIAL)
    assert "the stock on record has 1 form too few for 3 letters" in said
    desk.run("letter", "forms", "receive", "A-0003", "A-0020", "--delivery", "note 7", operator="carl")
    desk.bench.disarm()
    assert desk.letters(order) == {first: "printed", second: "unknown", third: "sealed"}
    torn = ("letter", "settle", second, "--void", "--reason", "jammed, torn in two")
    desk.run(*torn, operator="carl", expect=ExitCode.REFUSED_BY_RULE)  # on which form?
    desk.run(*torn, "--form", "A-0002", operator="carl")
    assert "1 letter printed" in printing(desk, order)
    assert desk.letters(order) == {first: "printed", second: "void", third: "printed"}

    # The forms are read in the order of the tray; the torn one is passed over.
    desk.run("letter", "confirm", "--order", order, "--first", "A-0001", operator="carl")
    held = {one["number"]: one["form"] for one in desk.listed("letter", "list", "--order", order)}
    assert held == {first: "A-0001", second: None, third: "A-0003"}

    # Two officers have the torn one printed again, on another form.
    for officer in PIN_OFFICERS:
        desk.run("letter", "reprint", second, "--reason", "torn", operator=officer)
    printing(desk, order)
    desk.run("letter", "confirm", second, "A-0003", operator="carl", expect=ExitCode.REFUSED_BY_RULE)
    desk.run("letter", "confirm", second, "A-0004", operator="carl")
    assert set(desk.printed()) == {f"{first}.pdf", f"{second}.torn", f"{third}.pdf", f"{second}.pdf"}
    assert read_page(desk.bench.layout.printed / f"{second}.pdf").has(second)

    # They leave, by who had no token in hand; the torn form is destroyed before a witness.
    desk.run("letter", "send", "--order", order, "--by", "post", "--reference", "3SABC", operator="dora")
    assert set(desk.letters(order).values()) == {"sent"}
    shred = ("letter", "forms", "destroy", "A-0002", "--reason", "shredded", "--witness")
    desk.run(*shred, "carl", operator="carl", expect=ExitCode.REFUSED_BY_RULE)
    desk.run(*shred, "bob", operator="carl")
    listed = desk.run("letter", "forms", "list")
    assert "20 received = 16 in stock + 3 mailed + 1 destroyed" in listed.err
    balance = desk.listed("letter", "forms", "list")["balance"]
    assert (balance["holds"], balance["skipped"]) == (True, [])
    desk.run("audit", "verify")
