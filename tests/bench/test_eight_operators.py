"""A desk of eight, each with the roles of theirs: no order goes its way by one person's doing (R7, R35)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from drivers.secret import Secret
from simulators.bench.model import PIV, PKCS11
from station.config import Operators
from station.configuring import operators_table
from station.exit_codes import ExitCode
from station.simulated_desk import REGISTRY
from tests.bench.conftest import DeskFactory
from tests.bench.desk import ADMINISTRATORS, TOGETHER, Desk
from tests.unit.signing_kit import signer

pytestmark = pytest.mark.bench

PEOPLE = {
    "ada": "order-officer approver",
    "fien": "personaliser pin-officer",
    "carl": "pin-officer",
    "dora": "pin-officer",
    "emil": "dispatcher revocation-officer auditor",
}
"""All but the two administrators, and bob; some have roles that one person may not use on one order."""
STICK = {"layout": "group-usb:p-256"}
NOELLE = "n.vandertesten@voorbeeldzaken.example.org"
NEWCOMER = {"manager": "Sam Nieuweling", "manager_email": "s.nieuweling@voorbeeldzaken.example.org"}


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory) -> Desk:
    """Carl has a card, bob a USB token, the others have passphrases."""
    desk = desk_factory(
        piv=1, pkcs11=1, people=PEOPLE, operators=("carl",), usb_operators=("bob",)
    ).letters_first()
    desk.pins["bob"] = Secret(desk.bench.people.pin_file("bob").read_bytes().strip())
    with usb_seat(desk):
        desk.enrol({"bob": "approver personaliser"})
    desk.run("registry", "import", str(REGISTRY))
    return desk


@contextmanager
def usb_seat(desk: Desk) -> Iterator[None]:
    """The operators' seat takes USB tokens for a while."""
    take(desk, PKCS11)
    yield
    take(desk, PIV)


def take(desk: Desk, driver: str) -> None:
    table = operators_table(Operators(**desk.bench.people.table(driver), passphrases=True))
    others = re.compile(r"^\[operators\b.*?(?=^\[(?!operators\b)|\Z)", re.MULTILINE | re.DOTALL)
    desk.configure(lambda text: f"{others.sub('', text)}\n{table}\n")


def refused(desk: Desk, *arguments: str, by: str) -> str:
    return desk.run(*arguments, operator=by, pins=True, expect=ExitCode.REFUSED_BY_RULE).err


def assessed(desk: Desk, number: str, expect: int = ExitCode.OK) -> dict[str, str]:
    """What an assessment found, by check: the level of each."""
    found = json.loads(desk.run("order", "assess", number, "--json", expect=expect).out)
    return {finding["check"]: finding["level"] for finding in found}


def person(desk: Desk, email: str) -> Mapping[str, str]:
    (found,) = desk.listed("registry", "search", email)
    return dict(found)


def log_of(desk: Desk, number: str) -> list[tuple[str, str]]:
    """What happened to an order and its letters, and by whom; not the single steps of its tokens."""
    return desk.rows(
        "SELECT json_extract(body, '$.event'), json_extract(body, '$.operator') FROM audit "
        "WHERE json_extract(body, '$.order') = ? "
        "AND json_extract(body, '$.event') NOT GLOB '[si]te[pm].*' ORDER BY sequence",
        number,
    )


def test_eight_people_run_a_desk_at_which_nobody_does_it_alone(desk: Desk) -> None:
    staff = {one["name"]: one for one in desk.listed("operator", "list")}
    assert set(staff) == {*ADMINISTRATORS, *PEOPLE, "bob"}
    assert len({role for one in staff.values() for role in one["roles"]}) == 8
    assert {name for name, one in staff.items() if one["means"] == "token"} == {"bob", "carl"}

    # A signed order of a manager the registry knows.
    key = signer(desk.work, "noelle")
    desk.run("registry", "certificate", "set", person(desk, NOELLE)["number"], str(key.certificate))
    file = desk.file({"group": "Getekend"})
    signed = file.with_suffix(".p7m")
    signed.write_bytes(key.sign(file))
    assert "is no order officer" in refused(desk, "order", "import", str(signed), by="carl")
    first = desk.run("order", "import", str(signed)).out.strip()
    assert set(assessed(desk, first).values()) == {"ok"}

    assert "who brought an order in does not approve it" in refused(desk, "order", "approve", first, by="ada")
    assert "is no approver" in refused(desk, "order", "approve", first, by="emil")
    assert refused(desk, "produce", first, by="fien")
    # Another of a manager nobody knows, not signed; and one that comes to nothing.
    second = desk.run("order", "import", str(desk.file({"group": "Nieuw", **STICK, **NEWCOMER}))).out.strip()
    third = desk.run("order", "import", str(desk.file({"group": "Ongewenst"}))).out.strip()
    new = person(desk, NEWCOMER["manager_email"])
    assert new["state"] == "named"
    assert "refusing" in assessed(desk, second, ExitCode.CHECK_FAILED).values()
    with usb_seat(desk):
        desk.run("order", "approve", first, operator="bob", pins=True)
        assert refused(desk, "order", "approve", second, by="bob")
        desk.run("registry", "person", "identify", new["number"], "--document", "passport")
        assert assessed(desk, second)["signature"] == "warning"
        desk.run("order", "approve", second, operator="bob", pins=True)
        desk.run("order", "reject", third, "--reason", "de groep bestaat niet", operator="bob")
    assert "de groep bestaat niet" in desk.run("order", "notice", third).out
    assert refused(desk, "produce", third, by="fien")
    # Told before anybody is asked for a token: bob's fits no seat now.
    assert "who approved an order does not produce it" in refused(desk, "produce", second, by="bob")
    assert person(desk, NEWCOMER["manager_email"])["state"] == "identified"

    for number in (first, second):
        assert "is no personaliser" in refused(desk, "produce", number, by="dora")
        desk.run("produce", number, operator="fien", pins=True)
        assert desk.states(number) == {"produced": 1}
    assert person(desk, NEWCOMER["manager_email"])["state"] == "registered"

    printing = ("letter", "print", first)
    for asked in (("letter", "release", first), (*printing, "--with", "dora")):
        assert "who produced a token does not print its letter" in refused(desk, *asked, by="fien")
    assert "is no PIN officer" in refused(desk, *printing, "--with", "dora", by="emil")
    desk.run("letter", "release", first, operator="dora")
    alone = refused(desk, *printing, by="dora")
    assert "it takes 2 persons" in alone
    assert not any(desk.bench.layout.printed.glob("*"))
    destroying = ("custody", "epochs", "destroy", first, "--yes", first)
    early = refused(desk, *destroying, *TOGETHER, by="carl")
    assert "its letters are not all confirmed or void" in early
    for number in (first, second):
        desk.run("letter", "print", number, operator="carl", pins=True)
        assert set(desk.letters(number).values()) == {"printed"}
        desk.run("letter", "confirm", "--order", number, operator="carl")
    assert len(desk.printed()) == 2

    assert "it takes 2 persons" in refused(desk, *destroying, by="carl")
    desk.run(*destroying, *TOGETHER, operator="carl")
    open_ = refused(desk, "order", "close", first, by="ada")
    assert "1 token (000001) finished, and still at the desk" in open_

    # Who did what stands in the log.
    desk.run("audit", "checkpoint", operator="emil", pins=True)
    desk.run("audit", "verify", operator=None)
    assert log_of(desk, first) == [
        ("order.received", "ada"),
        ("order.assessed", "ada"),
        ("order.approved", "bob"),
        ("production.ordered", "fien"),
        ("production.begun", "fien"),
        ("production.ended", "fien"),
        ("order.produced", "fien"),
        ("letters.released.asked", "dora"),
        ("letters.released", "carl"),
        ("custody.opened", "carl"),
        ("letter.printing", "carl"),
        ("letter.printed", "carl"),
        ("letter.confirmed", "carl"),
    ]
    assert log_of(desk, third) == [
        ("order.received", "ada"),
        ("order.rejected", "bob"),
        ("order.notice", "ada"),
    ]
    ceremonies = [(one["kind"], one["officers"]) for one in desk.listed("custody", "list")]
    assert ceremonies[-1] == ("destroy", "carl, dora")


def test_a_lost_custody_token_comes_back_out_of_its_backup_by_two(desk: Desk) -> None:
    media, token = desk.work / "media", desk.home / "keys" / "custody"
    media.mkdir()
    assert "is no PIN officer" in refused(desk, "custody", "backup", str(media), *TOGETHER, by="emil")
    desk.run("custody", "split", *TOGETHER, operator="carl", pins=True)
    desk.run("custody", "backup", str(media), *TOGETHER, operator="carl", pins=True)
    (backup,) = media.iterdir()
    token.rename(desk.work / "lost")

    lost = desk.run("custody", "prove", *TOGETHER, operator="carl", expect=ExitCode.DEVICE)
    assert "the token and its files" in lost.err
    desk.run("custody", "recover", str(backup), *TOGETHER, operator="carl", pins=True)

    desk.run("custody", "prove", *TOGETHER, operator="carl")
    kinds = [one["kind"] for one in desk.listed("custody", "list")]
    assert kinds[-3:] == ["split", "recover", "prove"]
