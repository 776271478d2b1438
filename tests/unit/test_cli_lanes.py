"""`station lanes`: seats beside readers, and a reader bound by inserting a card."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from simulators.bench import Bench
from station.config import Seat, load
from station.configuring import seat_entry
from station.exit_codes import ExitCode
from tests.unit.cli import Cli

KEYS = "\n".join(f'[keys.{name}]\nmodule = "/m.so"\ntoken = "{name}"' for name in ("custody", "bench", "ca"))


def home_with(path: Path, seats: Sequence[Seat]) -> Path:
    """A home whose configuration has these seats; its key tokens are never asked for."""
    path.mkdir(mode=0o700)
    head = f'[station]\nname = "Desk"\ncountry = "NL"\n{KEYS}\n'
    (path / "station.toml").write_text(head + "\n".join(seat_entry(seat) for seat in seats))
    return path


@pytest.mark.bench
def test_seats_and_readers_no_seat_names_are_listed(cli: Cli, bench: Bench, tmp_path: Path) -> None:
    seats = [Seat(**bench.seat_options(name)) for name in ("piv-1", "usb-1", "usb-2")]
    home = home_with(tmp_path / "home", seats)
    bench.insert("piv-1")
    bench.insert("usb-2")
    done = cli("lanes", "--json", "--home", str(home))
    assert done.code == ExitCode.OK
    rows = json.loads(done.out)
    assert [(row["name"], row["state"]) for row in rows] == [
        ("piv-1", "token"),
        ("usb-1", "empty"),
        ("usb-2", "token"),
        (None, "empty"),
    ]
    assert rows[3]["reader"] == bench.seat_options("piv-2")["options"]["reader"]
    table = cli("lanes", "--home", str(home)).out
    assert "piv-1" in table
    assert rows[3]["reader"] in table


@pytest.mark.bench
def test_a_seat_that_cannot_be_used_says_why(cli: Cli, bench: Bench, tmp_path: Path) -> None:
    good = Seat(**bench.seat_options("piv-1"))
    seats = [
        good,
        Seat("gone", "piv", options={"reader": "No Such Reader 00 00"}, environment=good.environment),
        Seat("odd", "matrix"),
        Seat("lost", "pkcs11", options={"module": "/nowhere/libsofthsm2.so"}),
        Seat(
            "strange", "piv", "robot", options={"reader": "Other Reader 00 00"}, environment=good.environment
        ),
    ]
    done = cli("lanes", "--json", "--home", str(home_with(tmp_path / "home", seats)))
    assert done.code == ExitCode.DEVICE
    rows = {row["name"]: row for row in json.loads(done.out)}
    assert rows["piv-1"]["state"] == "empty"
    assert "No Such Reader" in rows["gone"]["problem"]
    assert "'matrix'" in rows["odd"]["problem"]
    assert "/nowhere/libsofthsm2.so" in rows["lost"]["problem"]
    assert "'robot'" in rows["strange"]["problem"]


@pytest.mark.bench
def test_a_card_put_in_binds_its_reader(bench: Bench, tmp_path: Path) -> None:
    home = home_with(tmp_path / "home", [Seat(**bench.seat_options("piv-1"))])
    bench.insert("piv-1")
    script = str(Path(sys.executable).with_name("station"))
    command = [script, "--home", str(home), "lanes", "bind", "new", "--write"]
    environment = {**os.environ, **bench.environment}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stderr is not None
        assert "Insert a card" in process.stderr.readline()
        # What was put in too early does not count, so it is done again until the command has seen it.
        while process.poll() is None:
            bench.insert("piv-2")
            try:
                process.wait(1)
            except subprocess.TimeoutExpired:
                bench.eject("piv-2")
        assert process.stdout is not None
        entry = process.stdout.read()
    assert process.returncode == ExitCode.OK
    bound = load(home / "station.toml").seat("new")
    assert bound.options["reader"] == bench.seat_options("piv-2")["options"]["reader"]
    assert bound.environment == bench.environment
    assert entry == seat_entry(bound)
    assert (home / "station.toml").stat().st_mode & 0o077 == 0
    assert [path.name for path in home.iterdir()] == ["station.toml"]


def test_a_name_that_is_taken_is_refused_before_a_card_is_asked_for(cli: Cli, tmp_path: Path) -> None:
    home = home_with(tmp_path / "home", [Seat("lane-1", "piv", options={"reader": "x"})])
    done = cli("lanes", "bind", "lane-1", "--write", "--home", str(home))
    assert done.code == ExitCode.CONFIGURATION
    assert "lane-1" in done.err
    assert "Insert" not in done.err


def test_without_seats_and_readers_it_says_what_to_do(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PCSCLITE_CSOCK_NAME", str(tmp_path / "nobody"))
    done = cli("lanes", "--home", str(home_with(tmp_path / "home", [])))
    assert done.code == ExitCode.OK
    assert done.out == ""
    assert "lanes bind" in done.err
