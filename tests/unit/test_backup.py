"""A backup is whole or not there, holds what it should, and is made while others write."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from batch.orders.decisions import receive
from batch.store.database import Records
from station import archive
from station.exit_codes import ExitCode
from station.home import Home
from tests.unit.cli import Cli
from tests.unit.killed import at_every_point
from tests.unit.restore_kit import draft, home_of


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return home_of(tmp_path / "home")


def test_it_holds_records_configuration_and_layouts_and_nothing_secret(
    home: Home, tmp_path: Path, cli: Cli
) -> None:
    for private in ("keys/bench/tokens/x", "keys/custody/tokens/x", "pins", "ledger.jsonl"):
        (home.path / private).parent.mkdir(parents=True, exist_ok=True)
        (home.path / private).touch()
    target = tmp_path / "a.backup"
    done = cli("--home", str(home.path), "backup", str(target), "--json")
    told = json.loads(done.out)
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    with tarfile.open(target) as tar:
        assert tar.getnames() == [
            "station.db",
            "station.toml",
            "home/layouts/tokens/own.toml",
            "manifest.json",
        ]
    assert told["left_out"] == ["/elsewhere/layouts"]
    manifest = archive.check(target)
    assert (manifest.entries, manifest.head) == (told["entries"], told["head"])
    with closing(Records(home.records)) as records:
        row = records.row("SELECT body FROM audit ORDER BY sequence DESC LIMIT 1")
    assert row is not None
    assert told["sha256"] in row[0]


def test_it_is_made_beside_a_writer_and_has_what_was_committed(home: Home, tmp_path: Path, cli: Cli) -> None:
    with closing(Records(home.records)) as writer, closing(Records(home.records)) as other:
        receive(writer, draft("A-2"), "ada")
        other.db.execute("BEGIN")
        other.rows("SELECT count(*) FROM items")
        assert cli("--home", str(home.path), "backup", str(tmp_path)).code == ExitCode.OK
    (target,) = tmp_path.glob("*.backup")
    assert archive.check(target).entries == 3


def test_a_file_that_is_there_is_never_overwritten(home: Home, tmp_path: Path, cli: Cli) -> None:
    target = tmp_path / "a.backup"
    target.write_text("precious")
    done = cli("--home", str(home.path), "backup", str(target))
    assert done.code == ExitCode.CONFIGURATION
    assert target.read_text() == "precious"


def test_of_two_backups_to_one_file_the_second_leaves_the_first_alone(
    home: Home, tmp_path: Path, cli: Cli
) -> None:
    under_way = tmp_path / ".a.backup.partial"
    under_way.mkdir(mode=0o700)
    (under_way / "whole").touch()
    descriptor = os.open(under_way, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        done = cli("--home", str(home.path), "backup", str(tmp_path / "a.backup"))
    finally:
        os.close(descriptor)
    assert "under way" in done.err
    assert (under_way / "whole").exists()
    assert cli("--home", str(home.path), "backup", str(tmp_path / "a.backup")).code == ExitCode.OK
    assert not under_way.exists()


def test_damaged_records_are_not_backed_up(home: Home, tmp_path: Path, cli: Cli) -> None:
    with closing(Records(home.records)) as records:
        records.db.execute("UPDATE audit SET body = replace(body, 'ada', 'eve')")
    done = cli("--home", str(home.path), "backup", str(tmp_path / "a.backup"))
    assert done.code == ExitCode.CHECK_FAILED
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_killed_at_any_point_it_leaves_nothing_half_and_runs_again(home: Home, tmp_path: Path) -> None:
    target = tmp_path / "place" / "a.backup"
    target.parent.mkdir()
    points = 0
    for point in at_every_point("--home", str(home.path), "backup", str(target), below=str(target.parent)):
        points = point
        if target.exists():
            archive.check(target)
            target.unlink()
    assert points > 10
    archive.check(target)
    assert [path.name for path in target.parent.iterdir()] == [target.name]


@pytest.mark.parametrize("kilobytes", [16, 100, 130])
def test_on_a_full_disk_nothing_is_left(home: Home, tmp_path: Path, kilobytes: int) -> None:
    """A limit on the size of files stands for the room there is: it meets copy, archive and log in turn."""
    place = tmp_path / "place"
    place.mkdir()
    limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({kilobytes << 10}, {kilobytes << 10}))"
    code = f"import resource, station.cli; {limit}; station.cli.main()"
    command = [sys.executable, "-c", code, "--home", str(home.path), "backup", str(place / "a.backup")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.CONFIGURATION, done.stderr
    assert "next: " in done.stderr
    assert list(place.iterdir()) == []
