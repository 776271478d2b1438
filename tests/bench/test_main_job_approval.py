"""No one person can issue, and nothing half right is taken in: orders from their file to approval."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import ROW, Desk
from tests.unit.signing_kit import signer
from tests.unit.workbook_kit import workbook_of

pytestmark = pytest.mark.bench

STICK = {"layout": "group-usb:p-256"}


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory) -> Desk:
    return desk_factory(piv=0, pkcs11=1)


def received(desk: Desk, *rows: Mapping[str, str], operator: str = "ada") -> str:
    return desk.run("order", "import", str(desk.file(*rows)), operator=operator).out.strip()


def order_state(desk: Desk, number: str) -> str:
    return str(desk.listed("order", "show", number)["state"])


def everything(desk: Desk) -> list[tuple[object, ...]]:
    """All rows of all tables."""
    tables = desk.rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    return [row for (table,) in tables for row in desk.rows(f'SELECT * FROM "{table}"')]


@pytest.mark.parametrize("operator", ["ada", "ADA"])
def test_who_brought_an_order_in_does_not_approve_it(desk: Desk, operator: str) -> None:
    number = received(desk, {"group": f"Vier Ogen {operator.islower()}", **STICK})
    desk.assess(number)

    refused = desk.run(
        "order", "approve", number, operator=operator, pins=True, expect=ExitCode.REFUSED_BY_RULE
    )

    assert "who brought an order in does not approve it (R35)" in refused.err
    assert order_state(desk, number) == "assessed"
    desk.run("order", "approve", number, operator="bob", pins=True)
    assert order_state(desk, number) == "approved"


def test_an_order_nobody_approved_is_not_produced(desk: Desk) -> None:
    number = received(desk, {"group": "Ongezien", **STICK})
    desk.run("produce", number, pins=True, expect=ExitCode.REFUSED_BY_RULE)
    assert {token["state"] for token in desk.tokens(number)} == {"planned"}


def test_an_order_is_decided_on_once(desk: Desk) -> None:
    number = desk.approved({"group": "Eenmaal", **STICK})
    for again in (("approve", number), ("reject", number, "--reason", "second thoughts")):
        desk.run("order", *again, operator="bob", pins=True, expect=ExitCode.REFUSED_BY_RULE)
    assert order_state(desk, number) == "approved"


def test_the_file_of_a_rejected_order_may_come_again(desk: Desk) -> None:
    file = desk.file({"group": "Tweede Kans", **STICK, "count": "2"})
    first = desk.run("order", "import", str(file)).out.strip()
    desk.run("order", "import", str(file), expect=ExitCode.FAULTS_IN_INPUT)
    desk.run("order", "reject", first, "--reason", "not signed", operator="bob")

    second = desk.run("order", "import", str(file)).out.strip()

    assert second != first
    assert order_state(desk, first) == "rejected"
    desk.run("produce", first, pins=True, expect=ExitCode.REFUSED_BY_RULE)
    desk.assess(second)
    desk.run("order", "approve", second, operator="bob", pins=True)
    desk.run("produce", second, pins=True)
    assert [token["state"] for token in desk.tokens(second)] == ["produced"] * 2


@pytest.mark.parametrize("produced", [False, True])
def test_the_same_file_is_not_taken_twice(desk: Desk, produced: bool) -> None:
    file = desk.file({"group": f"Dubbel {produced}", **STICK})
    number = desk.run("order", "import", str(file)).out.strip()
    if produced:
        desk.assess(number)
        desk.run("order", "approve", number, operator="bob", pins=True)
        desk.run("produce", number, pins=True)
    before = everything(desk)

    refused = desk.run("order", "import", str(file), expect=ExitCode.FAULTS_IN_INPUT)

    assert number in refused.err
    assert everything(desk) == before


def test_one_faulty_row_keeps_the_whole_file_out_and_changes_nothing(desk: Desk) -> None:
    before = everything(desk)
    right, wrong = {"group": "Goed", **STICK}, {"group": "Fout", **STICK}
    file = desk.file(right, {**wrong, "language": "xx"}, {**wrong, "layout": "group-stick"})

    refused = desk.run("order", "import", str(file), expect=ExitCode.FAULTS_IN_INPUT)

    assert "2 faults, nothing was taken" in refused.err
    assert "  line 3, " in refused.err
    assert "  line 4, " in refused.err
    assert "  line 2, " not in refused.err
    assert everything(desk) == before


def test_who_did_what_stands_in_the_log(desk: Desk) -> None:
    number = received(desk, {"group": "Logboek", **STICK}, operator="dora")
    desk.assess(number)
    desk.run("order", "approve", number, operator="emil", pins=True)
    desk.run("produce", number, operator="fien", pins=True)
    events = desk.rows(
        "SELECT json_extract(body, '$.event'), json_extract(body, '$.operator') FROM audit "
        "WHERE json_extract(body, '$.order') = ? ORDER BY sequence",
        number,
    )
    assert events[:3] == [("order.received", "dora"), ("order.assessed", "ada"), ("order.approved", "emil")]
    assert {operator for _, operator in events[3:]} == {"fien"}
    assert events[-1][0] == "order.produced"
    desk.run("audit", "verify")


def test_a_signed_workbook_goes_its_whole_way_and_a_changed_one_is_kept_out(desk: Desk) -> None:
    row = {**ROW, **STICK, "order": "LEVEN-1", "group": "Levensloop", "manager_email": "leven@example.org"}
    book, apart = (desk.work / f"leven.{name}" for name in ("xlsx", "p7s"))
    book.write_bytes(workbook_of([row], [name for name in ROW if row[name]]))
    key = signer(desk.work, "leven")
    apart.write_bytes(key.sign(book, detached=True))
    signed = ("order", "import", str(book), "--signature", str(apart))

    first = desk.run(*signed).out.strip()
    assert desk.listed("order", "show", first)["signature"]["result"] == "not verifiable"
    unknown = desk.run("order", "assess", first, "--json", expect=ExitCode.CHECK_FAILED)
    assert "identify first" in unknown.out
    assert order_state(desk, first) == "incomplete"
    desk.run("order", "reject", first, "--reason", "wie is dit?", operator="bob")
    assert "wie is dit?" in desk.run("order", "notice", first).out

    (person,) = desk.listed("registry", "search", "leven@example.org")
    desk.run("registry", "person", "identify", person["number"], "--document", "passport")
    desk.run("registry", "certificate", "set", person["number"], str(key.certificate))
    apart.write_bytes(key.sign(desk.file({"group": "Anders", **STICK}), detached=True))
    desk.run(*signed, expect=ExitCode.FAULTS_IN_INPUT)
    apart.write_bytes(key.sign(book, detached=True))
    second = desk.run(*signed).out.strip()
    assert desk.listed("order", "show", second)["signature"]["person"] == person["number"]
    desk.assess(second)
    desk.run("order", "approve", second, operator="bob", pins=True)
    desk.run("order", "close", second, expect=ExitCode.REFUSED_BY_RULE)
    desk.run("produce", second, operator="fien", pins=True)
    assert desk.listed("registry", "show", person["number"])["state"] == "registered"
    desk.run("audit", "verify")
