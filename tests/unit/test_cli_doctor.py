"""`station doctor` tells what keeps a desk from working, and how to mend it."""

from __future__ import annotations

import json
import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from batch.audit.log import log
from batch.model.events import Event
from batch.people.operators import enrol
from batch.store import revocations
from batch.store.database import Records
from drivers.secret import Secret
from simulators.bench import Bench
from station import setup
from station.config import PrinterSeat, Seat
from station.exit_codes import ExitCode
from station.home import enter
from station.key_tokens import KEYS
from tests.unit.cli import Cli
from tests.unit.custody_kit import in_stock
from tests.unit.login_kit import OPERATORS, staff, staffed
from tests.unit.restore_kit import home_of


def checks(cli: Cli, home: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code and the checks by name."""
    done = cli("doctor", "--json", "--home", str(home))
    return done.code, {check["name"]: check for check in json.loads(done.out)}


@pytest.fixture
def home(bench: Bench, tmp_path: Path) -> Path:
    """A whole station at a bench with a card in piv-1 and a token in usb-1."""
    pins = {key: Secret.text("271828") for key in KEYS}
    seats = tuple(Seat(**bench.seat_options(seat)) for seat in bench.seats)
    printer, options = bench.printer
    setup.make(
        tmp_path / "home",
        name="Desk",
        country="NL",
        operator="anna",
        pins=pins,
        bench=bench.layout.directory,
        seats=seats,
        printer=PrinterSeat(printer, options=options),
    )
    staffed(enter(tmp_path / "home"))
    bench.insert("piv-1")
    bench.insert("usb-1")
    return tmp_path / "home"


def custody_made(home: Path) -> None:
    """Put on record that officers made custody's token, which is nowhere."""
    with closing(Records(home / "station.db")) as records:
        for _ in range(2):
            in_stock(b"a public key")(records)


def test_without_a_station_it_names_the_command_that_makes_one(cli: Cli, tmp_path: Path) -> None:
    code, found = checks(cli, tmp_path / "none")
    assert code == ExitCode.CHECK_FAILED
    assert found["home"]["state"] == "fail"
    assert "station init" in found["home"]["mend"]
    assert found["python"]["state"] == "ok"
    assert "pc/sc" in found


@pytest.mark.bench
def test_a_whole_desk_passes_and_says_what_is_in_its_seats(cli: Cli, home: Path) -> None:
    code, found = checks(cli, home)
    assert code == ExitCode.OK, found
    assert {name: check["found"] for name, check in found.items() if name.startswith("seat ")} == {
        "seat piv-1": "a token is in it",
        "seat piv-2": "empty",
        "seat usb-1": "a token is in it",
        "seat usb-2": "empty",
    }
    for name in ("configuration", "layouts", "records", "pc/sc", "register", "bench key token", "printer"):
        assert found[name]["state"] == "ok", found[name]
    assert all(check["mend"] for check in found.values() if check["state"] != "ok")
    assert found["custody key token"]["state"] == "warn"
    assert "station custody make" in found["custody key token"]["mend"]
    told = cli("doctor", "--home", str(home))
    assert "✓ ok    seat piv-2: empty" in told.out


@pytest.mark.bench
def test_what_is_broken_is_told_each_with_the_way_to_mend_it(cli: Cli, home: Path, bench: Bench) -> None:
    file = home / "station.toml"
    file.write_text(
        file.read_text()
        .replace('token = "custody"', 'token = "lost"')
        .replace('driver = "simulated"', 'driver = "matrix"')
    )
    custody_made(home)
    bench.down()
    code, found = checks(cli, home)
    assert code == ExitCode.CHECK_FAILED
    failed = {name for name, check in found.items() if check["state"] == "fail"}
    assert {"pc/sc", "seat piv-1", "custody key token", "printer"} <= failed
    assert "bench up" in found["pc/sc"]["mend"]
    assert "'lost'" in found["custody key token"]["found"]
    assert "simulated" in found["printer"]["mend"]
    assert found["bench key token"]["state"] == "ok"
    assert all(found[name]["mend"] for name in failed)


def test_what_somebody_must_do_is_told(cli: Cli, tmp_path: Path) -> None:
    """Who founds operators, makes custody keys, signs what another began, forgets what is due."""
    home = home_of(tmp_path / "home")
    code, found = checks(cli, home.path)
    assert code == ExitCode.CHECK_FAILED
    assert (found["operators"]["state"], found["register"]["state"]) == ("fail", "fail")
    assert "[operators]" in found["operators"]["mend"]
    assert "station operator found" in found["register"]["mend"]

    home.configuration.write_text(home.configuration.read_text() + OPERATORS)
    with closing(Records(home.records)) as records:
        actors = staff(records)
        newcomer = replace(actors["ben"].operator, name="nia", key=b"hers")
        enrol(records, actors["ann"], newcomer, anchor=lambda trust: None)
        in_stock(b"a public key")(records)
    code, found = checks(cli, home.path)
    assert (found["operators"]["state"], found["register"]["state"]) == ("ok", "ok")
    assert "operator.enrolled, begun by ann" in found["signatures"]["found"]
    assert found["custody keys"]["state"] == "warn"
    assert "1 in stock" in found["custody keys"]["found"]
    assert "epochs make" in found["custody keys"]["mend"]
    assert found["personal data"]["found"] == "none is due to be forgotten"
    assert found["revocations"]["state"] == "ok"


def test_a_ca_that_was_not_told_of_a_revocation_is_told_and_after_a_day_a_failure(
    cli: Cli, tmp_path: Path
) -> None:
    home = home_of(tmp_path / "home")
    with closing(Records(home.records)) as records:
        with records.transaction():
            revocations.ask(records, "000001/a/1", 1, None, reason="keyCompromise", by="rob")
            log(records, Event("prepared", "rob"))
        assert checks(cli, home.path)[1]["revocations"]["state"] == "warn"
        with records.transaction():
            records.write("UPDATE revocations SET asked_at = '2026-01-01T00:00:00.000000+00:00'")
            log(records, Event("prepared", "rob"))
    found = checks(cli, home.path)[1]["revocations"]
    assert (found["state"], "station ca crl" in found["mend"]) == ("fail", True)
    assert "not told of 1 token, the first since 2026-01-01" in found["found"]


@pytest.mark.bench
def test_a_damaged_database_is_found(cli: Cli, home: Path) -> None:
    records = home / "station.db"
    size = records.stat().st_size
    with records.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    code, found = checks(cli, home)
    assert code == ExitCode.CHECK_FAILED
    assert found["records"]["state"] == "fail"
    assert "backup" in found["records"]["mend"]


def test_an_open_home_is_refused_before_anything_in_it_is_read(cli: Cli, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    code, found = checks(cli, tmp_path)
    assert code == ExitCode.CHECK_FAILED
    assert "chmod 0700" in found["home"]["mend"]
    assert "configuration" not in found


def test_a_faulty_configuration_is_told_by_line(cli: Cli, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "station.toml").write_text("[station]\nname = 1\n")
    _, found = checks(cli, tmp_path)
    assert found["configuration"]["state"] == "fail"
    assert "station.toml:2" in found["configuration"]["found"]
