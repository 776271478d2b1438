"""A restore replaces records in whole or not at all, and only by a backup that holds."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from batch.audit.soundness import look
from batch.model.errors import RecordsShut
from batch.orders.decisions import receive
from batch.store.database import Records
from batch.store.restores import open_restore
from station.exit_codes import ExitCode
from station.home import Home
from tests.unit.cli import Cli
from tests.unit.killed import at_every_point
from tests.unit.restore_kit import draft, home_of, numbers


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return home_of(tmp_path / "home")


@pytest.fixture
def backup(home: Home, tmp_path: Path, cli: Cli) -> Path:
    path = tmp_path / "a.backup"
    assert cli("--home", str(home.path), "backup", str(path)).code == ExitCode.OK
    with closing(Records(home.records)) as records:
        receive(records, draft("A-2"), "ada")
    return path


def test_old_records_are_moved_aside_and_the_log_goes_on_from_the_backup(
    home: Home, backup: Path, cli: Cli
) -> None:
    done = cli("--home", str(home.path), "restore", str(backup), "--replace")
    assert done.code == ExitCode.OK, done.err
    (aside,) = home.path.glob("replaced/*")
    assert numbers(Home(aside)) == [f"{one:06d}" for one in range(1, 7)]
    with closing(Records(home.records)) as records:
        look(records, thorough=True)
        restored = open_restore(records)
        row = records.row("SELECT sequence, body FROM audit ORDER BY sequence DESC LIMIT 1")
    assert restored is not None
    assert restored.ledger
    assert row is not None
    assert row[0] == restored.entries + 1
    assert '"before":{"entries":4,"letters":0,"tokens":6}' in row[1]
    assert '"after":{"entries":2,"letters":0,"tokens":3}' in row[1]
    assert cli("--home", str(home.path), "doctor").out.count("station reconcile") == 1


def test_it_is_refused_while_anything_has_the_records_open(home: Home, backup: Path, cli: Cli) -> None:
    with closing(Records(home.records)):
        assert cli("--home", str(home.path), "restore", str(backup), "--replace").code == ExitCode.BUSY
    assert len(numbers(home)) == 6


def test_without_a_terminal_it_wants_to_be_told_to_replace(home: Home, backup: Path, cli: Cli) -> None:
    assert cli("--home", str(home.path), "restore", str(backup)).code == ExitCode.REFUSED_BY_RULE
    assert len(numbers(home)) == 6


def cut_off(backup: Path) -> None:
    backup.write_bytes(backup.read_bytes()[:-20_000])


def flip(backup: Path) -> None:
    content = bytearray(backup.read_bytes())
    content[40_000] ^= 1
    backup.write_bytes(content)


def lead_outside(backup: Path) -> None:
    with tarfile.open(backup, "w") as tar:
        tar.addfile(tarfile.TarInfo("../station.db"))


def claim_too_much(backup: Path) -> None:
    """A size of the form of large files, beyond what a file can have."""
    content = bytearray(backup.read_bytes())
    content[124:136] = b"\x80" + b"\x7f" * 11
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\0 " % sum(content[:512])
    backup.write_bytes(content)


def no_backup(backup: Path) -> None:
    backup.write_text("no backup at all")


@pytest.mark.parametrize("spoil", [cut_off, flip, lead_outside, claim_too_much, no_backup])
def test_a_backup_that_does_not_hold_changes_nothing(
    home: Home, backup: Path, cli: Cli, spoil: Callable[[Path], None]
) -> None:
    spoil(backup)
    before = sorted(home.path.rglob("*"))
    done = cli("--home", str(home.path), "restore", str(backup), "--replace")
    assert done.code == ExitCode.CONFIGURATION
    assert "another backup" in done.err
    assert sorted(home.path.rglob("*")) == before


def test_a_backup_of_another_station_is_refused(home: Home, backup: Path, tmp_path: Path, cli: Cli) -> None:
    other = home_of(tmp_path / "other", "Elders")
    done = cli("--home", str(other.path), "restore", str(backup), "--replace")
    assert "of another station" in done.err
    assert len(numbers(other)) == 3


def test_into_an_empty_home_all_of_it_comes_back(home: Home, backup: Path, tmp_path: Path, cli: Cli) -> None:
    new = tmp_path / "new"
    assert cli("--home", str(new), "restore", str(backup)).code == ExitCode.OK
    assert (new / "station.toml").read_bytes() == home.configuration.read_bytes()
    assert (new / "layouts" / "tokens" / "own.toml").exists()
    with closing(Records(Home(new).records)) as records:
        restored = open_restore(records)
    assert restored is not None
    assert not restored.ledger


def test_killed_at_any_point_nobody_gets_half_of_it_and_it_runs_again(
    home: Home, backup: Path, tmp_path: Path, cli: Cli
) -> None:
    kept, looked_at = tmp_path / "kept", tmp_path / "looked at"
    with closing(Records(home.records)) as records:
        receive(records, draft("A-3"), "ada")
        shutil.copytree(home.path, kept)  # with a write-ahead log, as after a crash
    command = ("--home", str(home.path), "restore", str(backup), "--replace")
    put_in_place(kept, home.path)
    states: set[int | None] = set()
    for _ in at_every_point(*command, below=str(home.path)):
        put_in_place(home.path, looked_at)
        try:
            states.add(len(numbers(Home(looked_at))))
        except RecordsShut:
            states.add(None)
        assert cli(*command).code == ExitCode.OK
        with closing(Records(home.records)) as records:
            look(records, thorough=True)
        assert 9 in {len(numbers(Home(aside))) for aside in home.path.glob("replaced/*")}
        put_in_place(kept, home.path)
    assert states == {9, 3, None}


def put_in_place(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
