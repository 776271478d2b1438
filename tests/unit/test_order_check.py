"""`station order check` tells what `import` would make of a file, and takes nothing."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from batch.model.people import Role
from batch.people import registry
from batch.store.database import Records
from station.exit_codes import ExitCode
from station.home import Home
from tests.unit.cli import Cli
from tests.unit.intake_kit import GROUP_ROW, text_of
from tests.unit.login_kit import log_in, staffed
from tests.unit.registry_kit import manager
from tests.unit.restore_kit import home_of, numbers
from tests.unit.screen_kit import screen
from tests.unit.signing_kit import signer


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = home_of(tmp_path / "home")
    # It is no layout, and the shipped ones will do.
    (home.path / "layouts" / "tokens" / "own.toml").unlink()
    return home


def order(folder: Path, *rows: dict[str, str]) -> Path:
    path = folder / "order.csv"
    path.write_text(text_of([{**GROUP_ROW, **row} for row in rows or ({},)]), encoding="utf-8")
    return path


def checked(cli: Cli, home: Home, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = cli("order", "check", *arguments, "--json", "--home", str(home.path))
    return done.code, json.loads(done.out)


def test_a_good_file_is_shown_as_it_will_be_taken_and_nothing_is(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = numbers(home)
    rows = [{"group": f"Team {place}", "count": "2"} for place in range(60)]
    code, found = checked(Cli(capsys), home, str(order(tmp_path, *rows)))
    assert code == ExitCode.OK
    assert (found["reference"], found["subscriber"]) == (GROUP_ROW["order"], GROUP_ROW["subscriber"])
    assert (found["tokens"], found["layouts"]) == (120, [GROUP_ROW["layout"]])
    assert (found["signature"], found["faults"]) == (None, [])
    assert len(found["rows"]) == 50
    first = found["rows"][0]
    assert (first["row"], first["count"], first["for"]) == (2, 2, "Team 0")
    assert first["fields"]["manager_email"] == GROUP_ROW["manager_email"]
    assert "" not in first["fields"].values()
    assert numbers(home) == before


def test_every_fault_is_told_at_its_row_and_column_as_import_tells_it(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, cli = order(tmp_path, {"count": "none"}, {"group": "Other", "country": "XX"}), Cli(capsys)
    code, found = checked(cli, home, str(file))
    assert code == ExitCode.FAULTS_IN_INPUT
    assert (found["reference"], found["tokens"], found["rows"]) == (None, None, [])
    assert {"row": 2, "column": "count", "value": "none"}.items() <= found["faults"][0].items()
    staffed(home, ada=(Role.ORDER_OFFICER,))
    log_in(home, "ada")
    with screen() as said:
        done = cli("order", "import", str(file), "--home", str(home.path), "--conversation-fd", str(said.fd))
    assert done.code == ExitCode.FAULTS_IN_INPUT
    # The screen hears of the same faults, one by one, and standard error has them as ever.
    told = [(one.row, one.column, one.what, one.next) for one in said.failed.faults]
    assert told == [(one["row"], one["column"], one["what"], one["next"]) for one in found["faults"]]
    assert (said.failed.where, said.failed.what) == ("order.csv", f"{len(told)} faults, nothing was taken")
    assert all(f"{what}; {next_}" in done.err for _, _, what, next_ in told)


def test_the_signature_is_judged(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own, other = signer(tmp_path, "own"), signer(tmp_path, "other")
    with closing(Records(home.records)) as records:
        person = manager(records)
        registry.set_certificate(records, person.number, own.der(), operator="ada")
    file, cli = order(tmp_path), Cli(capsys)
    for signed_by, code in ((own, ExitCode.OK), (other, ExitCode.FAULTS_IN_INPUT)):
        apart = tmp_path / "order.p7s"
        apart.write_bytes(signed_by.sign(file, detached=True))
        ended, found = checked(cli, home, str(file), "--signature", str(apart))
        assert ended == code
        if code == ExitCode.OK:
            assert (found["signature"]["person"], found["signature"]["result"]) == (person.number, "verified")
        else:
            assert "is none of a manager whom the order names" in found["faults"][0]["what"]


def test_a_person_reads_the_same_in_words(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = Cli(capsys)("order", "check", str(order(tmp_path)), "--home", str(home.path))
    assert done.code == ExitCode.OK
    assert GROUP_ROW["group"] in done.out
    assert "not signed" in done.err


def test_the_rows_of_a_faulty_file_are_told_as_they_stand_in_it_and_can_move_no_cursor(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"group": f"Team {place}"} for place in range(70)]
    rows[64] = {"group": "Team 64", "count": "no\x1b[2J"}
    code, found = checked(Cli(capsys), home, str(order(tmp_path, *rows)))
    assert code == ExitCode.FAULTS_IN_INPUT
    (fault,) = found["faults"]
    assert (fault["row"], fault["column"]) == (66, "count")
    columns, told = found["table"]["columns"], found["table"]["rows"]
    assert columns == list(GROUP_ROW)
    # The header, fifty rows for their own sake, and the faulty one.
    assert [one["row"] for one in told] == [*range(1, 52), 66]
    cells = dict(zip(columns, told[-1]["cells"], strict=True))
    assert cells["group"] == "Team 64"
    assert cells["count"] == "no\\x1b[2J"
