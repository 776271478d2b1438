"""The log of a whole run: signed at its end, in agreement with the records; nothing is done without it."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.unit.tampering import Tamper

pytestmark = pytest.mark.bench

STICK = {"layout": "group-usb:p-256"}


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory) -> Desk:
    return desk_factory(piv=0, pkcs11=1).letters_first()


def change(desk: Desk, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(desk.home / "station.db")) as records, records:
        records.execute(statement, values)


def state(desk: Desk, order: str) -> tuple[object, ...]:
    """All that is on record of the one token of an order."""
    (row,) = desk.rows(
        "SELECT items.id, items.state, (SELECT count(*) FROM letters WHERE item_id = items.id), "
        "(SELECT state FROM steps WHERE item_id = items.id AND name = 'release') "
        "FROM items JOIN orders ON orders.id = order_id WHERE number = ?",
        order,
    )
    return row


def test_an_event_that_cannot_be_logged_stops_the_work_and_its_fact_is_not_on_record(desk: Desk) -> None:
    """R37, with a database that refuses just the entry that would tell that a token is produced."""
    order = desk.approved({"group": "Balie Noord", **STICK})
    change(
        desk,
        "CREATE TRIGGER refusing BEFORE INSERT ON audit WHEN new.body LIKE '%\"item.produced\"%' "
        "BEGIN SELECT RAISE(ABORT, 'the log is closed'); END",
    )
    said = desk.run("produce", order, pins=True, expect=ExitCode.CHECK_FAILED).err
    assert "the log does not take entry" in said
    assert "the log is closed" in said
    assert "next: " in said
    item, *rest = state(desk, order)
    assert rest == ["in-production", 0, "intent"]

    change(desk, "DROP TRIGGER refusing")
    desk.run("produce", order, pins=True)
    assert state(desk, order) == (item, "produced", 1, "done")


def test_an_order_is_not_taken_in_where_the_log_does_not_take_it(desk: Desk) -> None:
    before = desk.rows("SELECT count(*) FROM orders")
    change(
        desk,
        "CREATE TRIGGER refusing BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'the log is closed'); END",
    )
    file = desk.file({"group": "Balie Oost", **STICK})
    assert "the log is closed" in desk.run("order", "import", str(file), expect=ExitCode.CHECK_FAILED).err
    assert desk.rows("SELECT count(*) FROM orders") == before
    said = desk.run("audit", "verify", expect=ExitCode.CHECK_FAILED).err
    assert "the log is closed" in said
    change(desk, "DROP TRIGGER refusing")
    desk.run("audit", "verify")


def test_a_run_ends_with_a_checkpoint_for_the_witness_and_an_export_that_holds(
    desk: Desk, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    witness.mkdir()
    desk.configure(lambda text: f'{text}\n[audit]\nwitness = "{witness}"\n')
    order = desk.approved({"group": "Balie Zuid", **STICK})
    key = desk.run("audit", "key").out.strip()
    said = desk.run("produce", order, pins=True).err
    (kept,) = witness.iterdir()
    assert f"for the witness: {kept}" in said
    assert kept.name.startswith("testbureau-")
    desk.run("letter", "print", order, operator="carl", pins=True)
    printed = desk.run("audit", "checkpoint", "-o", str(tmp_path / "checkpoint"), pins=True).err
    assert "checkpoint over" in printed

    outside = ("--checkpoint", str(kept), "--checkpoint", str(tmp_path / "checkpoint"), "--key", key)
    told = desk.listed("audit", "verify", *outside)
    assert told["findings"] == []
    assert told["keys"] == [key]

    bundle = tmp_path / "bundle"
    desk.run("audit", "export", str(bundle))
    checked = subprocess.run(
        ["python3", "check.py", "--key", key],
        cwd=bundle,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert checked.stdout.endswith("all hold\n")
    audited = {check["name"]: check["state"] for check in desk.listed("doctor")}
    assert audited["audit log"] == "ok"


def test_records_that_say_other_than_the_log_are_told(desk: Desk) -> None:
    """Each fact is changed behind the log's back, told by the next verification, and put back."""
    order = desk.approved({"group": "Balie West", **STICK})
    desk.run("produce", order, pins=True)
    ((item, number, key),) = desk.rows(
        "SELECT items.id, mailer_number, keys.name FROM items JOIN orders ON orders.id = order_id "
        "JOIN keys ON item_id = items.id WHERE number = ? LIMIT 1",
        order,
    )
    this = f"number = '{order}'"
    for table, column, value, where, told in (
        ("items", "state", "planned", f"mailer_number = '{number}'", f"token {number} is planned, but was"),
        ("items", "state", "spoiled", f"mailer_number = '{number}'", f"token {number} is spoiled, but was"),
        (
            "items",
            "token_serial",
            "0000",
            f"mailer_number = '{number}'",
            "on another token than the recorded",
        ),
        ("orders", "decided_by", "eve", this, "was not approved by eve"),
        ("orders", "imported_by", "eve", this, "by another person than recorded"),
        ("orders", "imported_at", "never", this, "cannot be read"),
        ("keys", "certificate", b"other", f"item_id = {item} AND name = '{key}'", "with other certificates"),
        ("items", "fields", '{"group":"Eve"}', f"id = {item}", f"order {order} was received with other"),
        ("letters", "state", "printed", f"mailer_number = '{number}'", f"letter {number} is printed, but"),
    ):
        ((before,),) = desk.rows(f"SELECT {column} FROM {table} WHERE {where}")
        change(desk, f"UPDATE {table} SET {column} = ? WHERE {where}", value)
        said = desk.run("audit", "verify", expect=ExitCode.CHECK_FAILED).err
        assert told in said, column
        change(desk, f"UPDATE {table} SET {column} = ? WHERE {where}", before)
    desk.run("audit", "verify")


def test_who_rewrites_the_log_is_named_by_entry_and_an_export_of_it_does_not_hold(
    desk: Desk, tmp_path: Path
) -> None:
    """Every hash computed anew: the chain holds again, the checkpoints do not."""
    home = tmp_path / "home"
    shutil.copytree(desk.home, home)
    desk = replace(desk, home=home, environment={**desk.environment, "STATION_HOME": str(home)})
    with Tamper(home / "station.db") as tamper:
        tamper.bodies[0] = tamper.bodies[0].replace('"operator":"ann"', '"operator":"eve"')
        tamper.rehash()
    said = desk.run("audit", "verify", expect=ExitCode.CHECK_FAILED).err
    assert "found: entry 1 was changed\n" in said
    bundle = tmp_path / "bundle"
    desk.run("audit", "export", str(bundle))
    checked = subprocess.run(
        ["python3", "check.py"], cwd=bundle, env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=False
    )
    assert checked.returncode == 1
