"""`station layouts`: what there is, what it needs, and a specimen of its letter."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from pypdf import PdfReader

from layouts.library import Library
from station.config import example
from station.exit_codes import ExitCode
from tests.unit.cli import Cli


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("STATION_HOME", str(tmp_path / "none"))
    return Cli(capsys)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that has only its configuration."""
    path = tmp_path / "home"
    path.mkdir(mode=0o700)
    (path / "station.toml").write_text(example())
    monkeypatch.setenv("STATION_HOME", str(path))
    return path


def test_the_shipped_layouts_are_listed_without_a_station(cli: Cli) -> None:
    done = cli("layouts", "--json")
    assert done.code == ExitCode.OK
    assert [(row["kind"], row["name"]) for row in json.loads(done.out)] == [
        (row.kind, row.name) for row in Library().describe()
    ]
    table = cli("layouts").out
    assert all(name in table for name in Library().names())


def test_a_layout_is_shown_with_the_columns_an_order_needs(cli: Cli) -> None:
    name = Library().names()[0]
    layout = Library().token(name)
    by_name, by_algorithm = (
        cli("layouts", "show", name),
        cli("layouts", "show", f"{name}:{layout.algorithms[-1]}"),
    )
    assert by_name.code == ExitCode.OK
    assert by_name.out == by_algorithm.out
    assert all(column in by_name.out for column in layout.columns)
    (row,) = json.loads(cli("layouts", "show", name, "--json").out)
    assert Path(row["file"]).read_text() in by_name.out


def test_a_layout_that_is_not_there_is_told_with_those_that_are(cli: Cli) -> None:
    done = cli("layouts", "show", "nonsense")
    assert done.code == ExitCode.NOT_FOUND
    assert done.out == ""
    assert all(name in done.err for name in Library().names())


@pytest.mark.parametrize("language", ["nl", "en", "it"])
def test_a_specimen_is_a_pdf_of_one_page(language: str, cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "specimen.pdf"
    name = Library().names()[0]
    done = cli("layouts", "sample", name, "--language", language, "-o", str(file))
    assert done.code == ExitCode.OK
    (page,) = PdfReader(io.BytesIO(file.read_bytes())).pages
    mailer = Library().token(name).mailer
    assert mailer.file.texts[language].specimen in page.extract_text()


def test_a_language_a_letter_lacks_leaves_no_file(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "specimen.pdf"
    done = cli("layouts", "sample", Library().names()[0], "--language", "xx", "-o", str(file))
    assert done.code == ExitCode.NOT_FOUND
    assert not file.exists()


@pytest.mark.parametrize("both", [True, False])
def test_a_specimen_goes_to_a_file_or_to_the_printer(both: bool, cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "specimen.pdf"
    options = ("-o", str(file), "--print") if both else ()
    done = cli("layouts", "sample", Library().names()[0], *options)
    assert done.code == ExitCode.USAGE
    assert "give either --output FILE or --print" in done.err
    assert not file.exists()


def test_a_home_adds_its_own_layouts(cli: Cli, home: Path) -> None:
    name = Library().names()[0]
    (shipped,) = json.loads(cli("layouts", "show", name, "--json").out)
    own = home / "layouts" / "tokens" / "of-our-own.toml"
    own.parent.mkdir(parents=True)
    own.write_text(Path(shipped["file"]).read_text())
    rows = json.loads(cli("layouts", "--json").out)
    assert [row["file"] for row in rows if row["name"] == "of-our-own"] == [str(own)]


def test_a_faulty_layout_is_told_by_file_and_line(cli: Cli, home: Path) -> None:
    own = home / "layouts" / "tokens" / "of-our-own.toml"
    own.parent.mkdir(parents=True)
    own.write_text('title = "x"\ncolour = "red"\n')
    done = cli("layouts")
    assert done.code == ExitCode.CONFIGURATION
    assert f"{own}:" in done.err
