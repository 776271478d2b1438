"""Lane and print process refuse what nobody signed for, whatever the database says (R7, R35)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.unit.warrant_kit import spki

pytestmark = pytest.mark.bench

STICK = {"layout": "group-usb:p-256"}


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory) -> Desk:
    return desk_factory(piv=0, pkcs11=2).letters_first()


def edit(desk: Desk, statement: str, *parameters: object) -> None:
    """Somebody who has the database file edits it."""
    with closing(sqlite3.connect(desk.home / "station.db", timeout=60)) as records:
        records.execute(statement, parameters)
        records.commit()


def test_a_lane_makes_nothing_that_was_not_approved_as_it_is(desk: Desk) -> None:
    number = desk.approved({"group": "Onveranderd", **STICK})
    (before,) = desk.rows("SELECT fields FROM items WHERE id = (SELECT max(id) FROM items)")[0]
    edit(desk, "UPDATE items SET fields = replace(fields, 'Onveranderd', 'Havenmeester')")
    refused = desk.run("produce", number, operator="fien", pins=True, expect=ExitCode.PARTIAL)
    assert "is not what was approved: its name, fields or layout differ" in refused.err
    assert [token["state"] for token in desk.tokens(number)] == ["planned"]
    assert desk.rows("SELECT count(*) FROM codes") == [(0,)]

    edit(desk, "UPDATE items SET fields = ?", before)
    ((custody,),) = desk.rows("SELECT public_key FROM epochs")
    edit(desk, "UPDATE epochs SET public_key = ?", spki())
    refused = desk.run("produce", number, operator="fien", pins=True, expect=ExitCode.PARTIAL)
    assert "its custody key is not the one that was approved" in refused.err
    edit(desk, "UPDATE epochs SET public_key = ?", custody)

    edit(desk, "UPDATE signatures SET operator = 'emil' WHERE operator = 'bob'")
    refused = desk.run("produce", number, operator="fien", pins=True, expect=ExitCode.REFUSED_BY_RULE)
    assert "the signature of emil does not hold" in refused.err
    edit(desk, "UPDATE signatures SET operator = 'bob' WHERE operator = 'emil'")
    assert [token["state"] for token in desk.tokens(number)] == ["planned"]

    desk.run("produce", number, operator="fien", pins=True)
    assert [token["state"] for token in desk.tokens(number)] == ["produced"]


def test_a_scheduled_production_makes_its_order_in_its_seats_and_nothing_else(desk: Desk) -> None:
    number = desk.approved({"group": "Nachtwerk", **STICK})
    until = f"{datetime.now(UTC) + timedelta(hours=3):%Y-%m-%dT%H:%M}"
    desk.run("produce", number, "--scheduled", operator=None, pins=True, expect=ExitCode.REFUSED_BY_RULE)
    seat = desk.bench.seats[0]
    desk.run("order", "schedule", number, "--seat", seat, "--until", until, operator="fien")

    elsewhere = desk.run(
        "produce", number, "--scheduled", operator=None, pins=True, expect=ExitCode.REFUSED_BY_RULE
    )
    assert "nobody has signed that it is produced now in" in elsewhere.err
    desk.run("produce", number, "--scheduled", "--seat", seat, operator=None, pins=True)
    assert [token["state"] for token in desk.tokens(number)] == ["produced"]
    (told,) = desk.rows(
        "SELECT json_extract(body, '$.operator') FROM audit "
        "WHERE json_extract(body, '$.event') = 'order.produced' AND json_extract(body, '$.order') = ?",
        number,
    )
    assert told == ("fien",)


def test_a_letter_is_printed_as_approved_and_released_and_by_nobody_who_produced(desk: Desk) -> None:
    number = desk.approved({"group": "Briefgeheim", **STICK})
    desk.run("produce", number, operator="fien", pins=True)
    letter = desk.tokens(number)[0]["number"]
    desk.run("letter", "release", number, operator="fien", expect=ExitCode.REFUSED_BY_RULE)
    desk.run("letter", "release", number, operator="carl")
    desk.run("letter", "release", number, operator="carl", expect=ExitCode.REFUSED_BY_RULE)
    desk.run("letter", "release", number, operator="dora")
    ((fields,),) = desk.rows("SELECT fields FROM items WHERE mailer_number = ?", letter)
    for statement, words in (
        (
            "UPDATE items SET fields = replace(fields, 'Verzonnenlaan', 'Stationsweg')",
            "is not what was approved",
        ),
        ("UPDATE codes SET ordered = 'another' WHERE ordered IS NOT NULL", "do not tell who produced"),
    ):
        edit(desk, statement)
        refused = desk.run(*printing(number), operator="carl", pins=True, expect=ExitCode.PARTIAL)
        assert words in refused.err
        assert desk.letters(number) == {letter: "sealed"}
        edit(desk, "UPDATE items SET fields = replace(fields, 'Stationsweg', 'Verzonnenlaan')")
    digest = desk.rows(
        "SELECT digest FROM statements WHERE act = 'production.ordered' AND subject = ?", number
    )
    edit(
        desk,
        "UPDATE codes SET ordered = ? WHERE item_id = (SELECT id FROM items WHERE mailer_number = ?)",
        digest[-1][0],
        letter,
    )
    assert desk.rows("SELECT fields FROM items WHERE mailer_number = ?", letter) == [(fields,)]
    desk.run(*printing(number), operator="carl", pins=True)
    assert desk.letters(number) == {letter: "printed"}

    edit(desk, "UPDATE letters SET state = 'void' WHERE mailer_number = ?", letter)
    desk.run("letter", "reprint", letter, "--reason", "the form was torn", operator="carl")
    assert desk.letters(number) == {letter: "void"}
    desk.run("letter", "reprint", letter, operator="dora")
    desk.run(*printing(number), operator="carl", pins=True)
    (again,) = desk.listed("letter", "list", "--order", number)
    assert (again["state"], again["reprints"]) == ("printed", 1)


def printing(number: str) -> tuple[str, ...]:
    return ("letter", "print", number)
