"""Lists are filtered, and are JSON for scripts and CSV for spreadsheets that no cell can trick."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from batch.audit.log import log
from batch.model.events import Event
from batch.model.states import ItemState, LetterState, LifeState
from batch.orders.decisions import receive
from batch.store import items, lists, lives
from batch.store.database import Records
from batch.store.lists import TokensWanted
from station.cli.output import listing
from station.exit_codes import ExitCode
from tests.unit.cli import Cli
from tests.unit.finished_kit import delivered, finished, lettered
from tests.unit.order_kit import draft
from tests.unit.restore_kit import home_of

NAMES = {"name": "Name", "count": "Count"}


@pytest.fixture
def stocked(records: Records) -> Records:
    """Five tokens of two subscribers; the first is produced and sent, the third in production."""
    receive(records, draft("A-1", 3, group="Zeehavens"), "ada")
    receive(records, draft("B-1", 2, group="=Sneek, Wâldfeart", number="80001234"), "ada")
    with records.transaction():
        for number, serial in (("000001", "11aa"), ("000003", "33cc")):
            items.begin_item(records, items.item(records, number), "lane-1", "piv", serial)
        items.end_item(records, 1, ItemState.PRODUCED)
        lives.begin(records, 1)
        lives.set_state(records, 1, LifeState.DISPATCHED)
        log(records, Event("test", "ada"))
    return records


def found(records: Records, wanted: TokensWanted) -> list[str]:
    return [one.item.mailer_number for one in lists.tokens(records, wanted)]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (TokensWanted(), ["000001", "000002", "000003", "000004", "000005"]),
        (TokensWanted(order_id=2), ["000004", "000005"]),
        (TokensWanted(subscriber="NTRNL-80001234"), ["000004", "000005"]),
        (TokensWanted(subscriber="ministerie", order_id=1), ["000001", "000002", "000003"]),
        (TokensWanted(state=ItemState.PLANNED), ["000002", "000004", "000005"]),
        (TokensWanted(life=LifeState.DISPATCHED), ["000001"]),
        (TokensWanted(life=LifeState.ACTIVE), []),
        (TokensWanted(layout="group-card:p-256", order_id=1), ["000001", "000002", "000003"]),
        (TokensWanted(layout="personal-card"), []),
        (TokensWanted(serial="33cc"), ["000003"]),
        (TokensWanted(text="waldfeart sneek"), ["000004", "000005"]),
        (TokensWanted(text="000002"), ["000002"]),
        (TokensWanted(text="sneek zeehavens"), []),
    ],
)
def test_tokens_are_found_by_what_is_known_of_them(
    stocked: Records, wanted: TokensWanted, numbers: list[str]
) -> None:
    assert found(stocked, wanted) == numbers


def test_the_command_lists_tokens_as_they_are_wanted(tmp_path: Path, cli: Cli) -> None:
    home = home_of(tmp_path / "home")
    with closing(Records(home.records)) as records:
        receive(records, draft("B-1", 2, group="=1+1", number="80001234"), "ada")

    def run(*arguments: str) -> str:
        done = cli("--home", str(home.path), *arguments)
        assert done.code == ExitCode.OK, done.err
        return done.out

    told = json.loads(run("token", "list", "--order", "2026-0002", "--state", "planned", "--json"))
    assert [(one["number"], one["order"]) for one in told] == [
        ("000004", "2026-0002"),
        ("000005", "2026-0002"),
    ]
    rows = list(csv.DictReader(io.StringIO(run("token", "list", "--text", "1+1", "--csv"))))
    assert [(row["number"], row["name"]) for row in rows] == [("000004", "'=1+1"), ("000005", "'=1+1")]
    assert "=1+1" in run("token", "list", "--subscriber", "NTRNL-80001234")
    assert cli("--home", str(home.path), "token", "list", "--state", "no-such").code == ExitCode.USAGE
    assert (
        cli("--home", str(home.path), "token", "list", "--csv", "--json", "--order", "2026-0001").code
        == ExitCode.USAGE
    )
    rows = list(csv.DictReader(io.StringIO(run("order", "list", "--state", "received", "--csv"))))
    assert [row["reference"] for row in rows] == ["A-1", "B-1"]
    assert json.loads(run("order", "list", "--subscriber", "nobody", "--json")) == []


def test_letters_are_listed_by_state(tmp_path: Path, cli: Cli) -> None:
    home = home_of(tmp_path / "home")
    with closing(Records(home.records)) as records:
        finished(records, 3)
        lettered(records, "000005", LetterState.PRINTING, LetterState.UNKNOWN)
    there = ("--home", str(home.path))
    rows = list(csv.DictReader(io.StringIO(cli("letter", "list", "--state", "unknown", "--csv", *there).out)))
    assert [(row["number"], row["state"]) for row in rows] == [("000005", "unknown")]
    done = cli("letter", "list", "--json", *there)
    assert [one["number"] for one in json.loads(done.out)] == ["000004", "000005", "000006"]
    assert done.err == "3 letters: 2 sealed, 1 unknown\n"
    assert cli("letter", "list", "--state", "torn", *there).code == ExitCode.USAGE


def test_a_token_is_shown_with_its_whole_way(tmp_path: Path, cli: Cli) -> None:
    home = home_of(tmp_path / "home")
    with closing(Records(home.records)) as records:
        order = finished(records, 1)
        delivered(records, order)
    shown = json.loads(cli("token", "show", "000004", "--json", "--home", str(home.path)).out)
    assert (shown["order"], shown["life"], shown["letter"][0]["state"]) == (
        order.number,
        "acknowledged",
        "sent",
    )
    assert [step["step"] for step in shown["steps"]]
    assert {"parcels", "acknowledgements", "forms", "postings", "renewals", "revocations"} <= set(shown)
    assert cli("token", "show", "000004", "--home", str(home.path)).code == ExitCode.OK


def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": name, "count": None} for name in ("=cmd", "+1", "-1", "@x", "a\tb", 'q"u,ote')]
    assert listing(rows, NAMES, as_json=False, as_csv=True, empty="None.") == 6
    told = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert told[0] == ["name", "count"]
    assert [row[0] for row in told[1:]] == ["'=cmd", "'+1", "'-1", "'@x", "a\ufffdb", 'q"u,ote']


def test_rows_are_printed_as_they_come(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []

    def rows() -> Iterator[Mapping[str, Any]]:
        for number in range(3):
            said.append(capsys.readouterr().out)
            yield {"name": f"n{number}", "count": number}

    listing(rows(), NAMES, as_json=False, as_csv=True, empty="None.")
    assert said == ["name,count\n", "n0,0\n", "n1,1\n"]
    said.clear()
    listing(rows(), NAMES, as_json=True, empty="None.")
    whole = "".join([*said, capsys.readouterr().out])
    assert "n0" in said[1]
    assert (
        whole.removeprefix("n2,2\n")
        == json.dumps([{"name": f"n{number}", "count": number} for number in range(3)], indent=2) + "\n"
    )


def test_an_empty_list_is_an_empty_document_and_a_word_to_people(capsys: pytest.CaptureFixture[str]) -> None:
    listing([], NAMES, as_json=True, empty="None.")
    assert capsys.readouterr() == ("[]\n", "")
    listing([], NAMES, as_json=False, empty="None.")
    assert capsys.readouterr() == ("", "None.\n")
