"""What a PIN officer types to account for letters and forms is done, told, and on record."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from batch.model.people import Role
from batch.model.states import LetterState, LifeState
from batch.store import letters, orders
from batch.store.database import Records
from station.exit_codes import ExitCode
from tests.unit.cli import Cli, Result
from tests.unit.forms_kit import PRINTER, LetterDesk, finish
from tests.unit.login_kit import passphrase, pin_fd, staffed
from tests.unit.restore_kit import home_of

ORDER = "2026-0001"
WHY = ("--reason", "as seen")
NUMBERED = f"""
[printer]
driver = "{PRINTER}"
numbered_forms = true
[printer.options]
device = "/dev/null"
"""

Station = Callable[..., Result]


@pytest.fixture(scope="module")
def staffed_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Carl is a PIN officer here, dirk is none; the printer has numbered forms."""
    home = home_of(tmp_path_factory.mktemp("desk") / "home")
    (home.path / "layouts" / "tokens" / "own.toml").unlink()
    home.configuration.write_text(home.configuration.read_text() + NUMBERED)
    staffed(home, carl=(Role.PIN_OFFICER,), dirk=(Role.DISPATCHER,))
    return home.path


@pytest.fixture
def desk(staffed_home: Path, tmp_path: Path) -> Iterator[LetterDesk]:
    """Three letters are printed, of tokens that were acknowledged."""
    home = Path(shutil.copytree(staffed_home, tmp_path / "home"))
    with closing(Records(home / "station.db")) as records:
        desk = LetterDesk(records, orders.order(records, ORDER))
        finish(records, desk.order)
        for number in ("000001", "000002", "000003"):
            desk.token(number, LifeState.DISPATCHED, LifeState.ACKNOWLEDGED)
        desk.printed("000001", "000002", "000003")
        yield desk


@pytest.fixture
def station(desk: LetterDesk, cli: Cli) -> Station:
    """Runs a command as carl, dirk being there as well."""
    home = str(desk.records.path.parent)

    def run(*arguments: str, expect: int = ExitCode.OK) -> Result:
        fd = pin_fd(**{name: passphrase(name) for name in ("carl", "dirk")})
        done = cli(*arguments, "--as", "carl", "--home", home, "--pin-fd", fd)
        assert done.code == expect, done.err
        return done

    return run


def states(desk: LetterDesk) -> dict[str, str]:
    return {one.mailer_number: str(one.state) for one in letters.letters(desk.records)}


def test_forms_are_received_read_after_printing_and_accounted_for(
    desk: LetterDesk, station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (
        "20 forms received, A-0001 to A-0020"
        in station("letter", "forms", "receive", "a-0001", "A-0020", "--delivery", "note 7").err
    )
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"1 A-0001\n000002 A-0003\n")))
    assert "2 letters are confirmed" in station("letter", "confirm", "--from", "-").err
    passed_over = station("letter", "forms", "list").err
    assert "20 received = 18 in stock + 2 printed" in passed_over
    assert "passed over, though later ones were used: A-0002" in passed_over
    station("letter", "forms", "missing", "A-0002", *WHY)
    station("letter", "forms", "spoil", "A-0010..A-0012", *WHY)
    station("letter", "forms", "destroy", "A-0010..A-0012", "A-0002", *WHY, "--witness", "dirk")
    (found,) = json.loads(station("letter", "forms", "list", "--state", "printed", "--json").out)["forms"][:1]
    assert (found["form"], found["letter"]) == ("A-0001", "000001")
    shown = json.loads(station("letter", "forms", "show", "A-0002", "--json").out)
    assert (shown["state"], shown["witness"]) == ("destroyed", "dirk")
    gone = ("letter", "forms", "list", "--state", "gone")
    assert "is no state" in station(*gone, expect=ExitCode.FAULTS_IN_INPUT).err


def test_letters_that_were_scanned_are_confirmed_together(desk: LetterDesk, station: Station) -> None:
    station("letter", "forms", "receive", "A-0001", "A-0020")
    seen = ("--seen", "1", "A-0002", "--seen", "000003", "A-0004")
    station("letter", "confirm", *seen[:-1], "A-0002", expect=ExitCode.REFUSED_BY_RULE)
    assert set(states(desk).values()) == {"printed"}
    assert "2 letters are confirmed" in station("letter", "confirm", *seen, "--spoiled", "A-0001").err
    assert states(desk) == {"000001": "confirmed", "000002": "printed", "000003": "confirmed"}
    assert desk.form("A-0001") == "spoiled"


def test_a_letter_is_spoiled_lost_or_destroyed_and_its_form_with_it(
    desk: LetterDesk, station: Station
) -> None:
    station("letter", "forms", "receive", "A-0001", "A-0020")
    torn = station("letter", "spoil", "000001", "--form", "A-0001", *WHY)
    assert "next: station letter reprint 000001" in torn.err
    station("letter", "confirm", "--order", ORDER, "--first", "A-0001", "--spoiled", "A-0003")
    assert states(desk) == {"000001": "void", "000002": "confirmed", "000003": "confirmed"}
    lost = station("letter", "lost", "000002", *WHY)
    assert "station token revoke 000002" in lost.err
    station("letter", "destroy", "000003", *WHY, "--witness", "carl", expect=ExitCode.REFUSED_BY_RULE)
    station("letter", "destroy", "000003", *WHY, "--witness", "dirk")
    assert states(desk) == {"000001": "void", "000002": "lost", "000003": "void"}
    told = station("letter", "forms", "list").err
    assert "20 received = 16 in stock + 2 spoiled + 1 destroyed + 1 missing" in told


def test_what_may_leave_and_what_may_not_is_listed_with_its_day(desk: LetterDesk, station: Station) -> None:
    station("letter", "forms", "receive", "A-0001", "A-0020")
    station("letter", "confirm", "000001", "A-0001")
    rows = json.loads(station("letter", "list", "--ready", "--json").out)
    (row,) = rows
    assert (row["number"], row["next"], row["may"]) == ("000001", "send", False)
    assert "days are to lie between them (R5)" in row["reason"]
    (later,) = json.loads(station("letter", "list", "--ready", "--on", row["since"], "--json").out)
    assert later["may"] is True
    refused = station("letter", "send", "000001", "--by", "post", expect=ExitCode.REFUSED_BY_RULE)
    assert "letter 000001: its token left on" in refused.err
    none = station("letter", "send", "--order", ORDER, "--by", "post", expect=ExitCode.REFUSED_BY_RULE)
    assert "letter 000001: its token left on" in none.err
    assert "letter 000002: it is printed" in none.err


def test_the_letter_of_a_token_out_of_use_is_withheld(desk: LetterDesk, station: Station) -> None:
    desk.records.db.execute("UPDATE letters SET state = 'sealed' WHERE mailer_number = '000003'")
    refused = station("letter", "void", "000003", expect=ExitCode.REFUSED_BY_RULE)
    assert "it is not to be withheld" in refused.err
    desk.token("000003", LifeState.LOST)
    assert "letter 000003 is void: its token is lost" in station("letter", "void", "000003").err
    assert desk.state("000003") is LetterState.VOID


def test_options_that_do_not_go_together_are_refused(station: Station) -> None:
    for wrong in (
        ("confirm",),
        ("confirm", "000001", "--order", ORDER),
        ("confirm", "000001", "--first", "A-0001"),
        ("confirm", "000001", "--seen", "000001", "A-0001"),
        ("confirm", "--seen", "000001", "A-0001", "--first", "A-0001"),
        ("settle", "000001", *WHY),
        ("settle", "000001", "--printed", "--no-form", *WHY),
        ("send", "--by", "post"),
        ("send", "000001", "--order", ORDER, "--by", "post"),
    ):
        assert station("letter", *wrong, expect=ExitCode.USAGE).err
