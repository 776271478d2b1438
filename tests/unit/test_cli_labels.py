"""`dispatch label` and `token label`: on the label printer or on sheets, and on record."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pypdf import PdfReader

from batch.model.people import Role
from batch.model.scans import plain
from batch.store import audit, parcels
from batch.store.database import Records
from layouts.scans import Kind
from simulators.label_printer import LabelPrinter
from station.exit_codes import ExitCode
from tests.unit.cli import Cli, Result
from tests.unit.dispatch_kit import read, ready
from tests.unit.login_kit import passphrase, pin_fd, staffed
from tests.unit.restore_kit import home_of
from tests.unit.test_labels import scanned

Station = Callable[..., Result]


@pytest.fixture(scope="module")
def staffed_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dirk dispatches, otto is an auditor; three tokens of a group are finished."""
    home = home_of(tmp_path_factory.mktemp("desk") / "home")
    (home.path / "layouts" / "tokens" / "own.toml").unlink()
    with closing(Records(home.records)) as records:
        ready(records, 3)
    staffed(home, dirk=(Role.DISPATCHER,), otto=(Role.AUDITOR,))
    return home.path


@pytest.fixture
def home(staffed_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(staffed_home, tmp_path / "home"))


@pytest.fixture
def station(home: Path, cli: Cli) -> Station:
    def run(*arguments: str, by: str = "dirk", expect: int = ExitCode.OK) -> Result:
        fd = pin_fd(**{by: passphrase(by)})
        done = cli(*arguments, "--as", by, "--home", str(home), "--pin-fd", fd)
        assert done.code == expect, done.err
        return done

    return run


@pytest.fixture
def printer(home: Path, tmp_path: Path) -> Iterator[LabelPrinter]:
    """A label printer, named in the configuration."""
    (tmp_path / "labels").mkdir()
    made = LabelPrinter(tmp_path / "labels")
    with (home / "station.toml").open("a") as file:
        file.write(f'\n[labels]\ndots_per_mm = 12\n[labels.options]\nport = "{made.port}"\n')
    yield made
    made.close()


def order_of(station: Station) -> str:
    number: str = json.loads(station("order", "list", "--json").out)[-1]["number"]
    return number


def labelled(home: Path) -> list[list[str]]:
    """The numbers of every entry of the log that tells of labels."""
    with closing(Records(home / "station.db")) as records:
        entries = [json.loads(entry.body) for entry in audit.entries(records)]
    return [one["detail"]["numbers"] for one in entries if one["event"] == "labels.printed"]


def test_the_tokens_of_an_order_are_labelled_one_by_one(
    station: Station, home: Path, printer: LabelPrinter, tmp_path: Path
) -> None:
    done = station("token", "label", "--order", order_of(station))
    labels = [tmp_path / "labels" / f"{number}.png" for number in (1, 2, 3)]
    codes = [one.removeprefix("CODE-128:") for label in labels for one in scanned(label)]
    numbers = [plain(code, Kind.LETTER) for code in codes]
    assert numbers != codes
    assert done.err.split("\n")[:3] == [f"{number} printed" for number in numbers]
    assert labelled(home) == [[number] for number in numbers]


def test_a_printer_that_runs_out_stops_it_and_the_label_in_question_is_on_record(
    station: Station, home: Path, printer: LabelPrinter
) -> None:
    printer.left = 1
    done = station("token", "label", "--order", order_of(station), expect=ExitCode.DEVICE)
    assert "out of labels" in done.err
    assert "look whether the label came out" in done.err
    assert len(labelled(home)) == 2
    # Nothing of the third was sent.
    station("token", "label", labelled(home)[1][0], expect=ExitCode.DEVICE)
    assert len(labelled(home)) == 2


def test_a_desk_without_a_label_printer_draws_sheets(station: Station, home: Path, tmp_path: Path) -> None:
    order = order_of(station)
    assert (
        "no label printer is configured"
        in station("token", "label", "--order", order, expect=ExitCode.CONFIGURATION).err
    )
    file = tmp_path / "labels.pdf"
    station("token", "label", "--order", order, "--pdf", str(file), "--from", "24")
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(PdfReader(file).pages) == 2
    assert [len(numbers) for numbers in labelled(home)] == [3]
    refused = station(
        "token",
        "label",
        "--order",
        order,
        "--pdf",
        str(file),
        "--from",
        "25",
        expect=ExitCode.FAULTS_IN_INPUT,
    )
    assert "places 1 to 24" in refused.err


def test_a_parcel_is_labelled_once_it_is_closed(station: Station, home: Path, tmp_path: Path) -> None:
    parcel = station("dispatch", "new", order_of(station)).out.strip()
    station("dispatch", "add", parcel, "000004")
    file = tmp_path / "address.pdf"
    refused = station("dispatch", "label", parcel, "--pdf", str(file), expect=ExitCode.REFUSED_BY_RULE)
    assert f"station dispatch close {parcel}" in refused.err
    assert not file.exists()
    with closing(Records(home / "station.db")) as records:
        read(records, parcels.parcel(records, parcel), "000004")
    station("dispatch", "close", parcel)
    station("dispatch", "label", parcel, "--pdf", str(file))
    words = PdfReader(file).pages[0].extract_text()
    assert parcel in words
    assert "9999 XX Nergenshuizen" in words
    assert labelled(home) == [[parcel]]


def test_a_token_that_is_not_finished_gets_no_label(station: Station, home: Path, tmp_path: Path) -> None:
    refused = station(
        "token", "label", "000001", "--pdf", str(tmp_path / "label.pdf"), expect=ExitCode.REFUSED_BY_RULE
    )
    assert "a half-made token that has a label looks finished" in refused.err
    assert labelled(home) == []


def test_doctor_tells_what_the_label_printer_lacks(
    station: Station, home: Path, printer: LabelPrinter, cli: Cli
) -> None:
    def told() -> str:
        lines = cli("doctor", "--home", str(home)).out.splitlines()
        (line,) = (line for line in lines if " labels: " in line)
        return line

    assert "ready" in told()
    printer.paper_out = True
    assert "out of labels; load a roll" in told()


def test_an_auditor_prints_no_labels(station: Station, tmp_path: Path) -> None:
    station(
        "token",
        "label",
        "000004",
        "--pdf",
        str(tmp_path / "l.pdf"),
        by="otto",
        expect=ExitCode.REFUSED_BY_RULE,
    )
