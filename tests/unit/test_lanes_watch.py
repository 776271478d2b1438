"""`station lanes watch`: what is in each seat and every change, told without taking anything from a lane."""

from __future__ import annotations

import fcntl
import json
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drivers.pkcs11 import softhsm
from drivers.process import Child
from simulators.bench import Bench
from station.config import Seat, load
from station.exit_codes import ExitCode
from station.seat_watch import watch
from station.seats import SeatView
from station.sights import State, Watched
from tests.conftest import need
from tests.unit.test_cli_lanes import home_with


class Watching:
    """The command as a screen runs it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def next(self) -> tuple[str, str]:
        """Seat and state of the next line."""
        assert self.process.stdout is not None
        row = json.loads(self.process.stdout.readline())
        return row["name"], row["state"]

    def several(self, count: int) -> dict[str, str]:
        return dict(self.next() for _ in range(count))

    def end(self) -> int:
        return self.process.wait(60)


@contextmanager
def watching(home: Path, stdin: int = subprocess.DEVNULL) -> Iterator[Watching]:
    script = str(Path(sys.executable).with_name("station"))
    command = [script, "--home", str(home), "lanes", "watch", "--json"]
    with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Watching(process)
        finally:
            process.kill()


@contextmanager
def lock_held(home: Path, seat: str) -> Iterator[None]:
    """As while a lane works at a seat."""
    (home / "run").mkdir(exist_ok=True)
    with (home / "run" / f"{seat}.lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.mark.bench
def test_each_seat_is_told_and_then_every_change(bench: Bench, tmp_path: Path) -> None:
    names = ("piv-1", "piv-2", "usb-1", "usb-2")
    home = home_with(tmp_path / "home", [Seat(**bench.seat_options(name)) for name in names])
    bench.insert("piv-2")
    with watching(home) as seen:
        begun = {"piv-1": "empty", "piv-2": "token", "usb-1": "empty", "usb-2": "empty"}
        assert seen.several(4) == begun
        for change, seat, state in (
            (bench.insert, "piv-1", "token"),
            (bench.insert, "usb-1", "token"),
            (bench.eject, "piv-2", "empty"),
            (bench.eject, "usb-1", "empty"),
        ):
            change(seat)
            assert seen.next() == (seat, state)
        # Where somebody works a module is left alone; a reader tells without being asked for its card.
        with lock_held(home, "usb-2"), lock_held(home, "piv-2"):
            assert seen.next() == ("usb-2", "in-use")
            bench.insert("piv-2")
            assert seen.next() == ("piv-2", "token")
        assert seen.next() == ("usb-2", "empty")
        seen.process.send_signal(signal.SIGTERM)
        assert seen.end() == ExitCode.OK


@pytest.mark.bench
def test_what_cannot_be_looked_at_says_why_and_hinders_nobody(bench: Bench, tmp_path: Path) -> None:
    good = Seat(**bench.seat_options("piv-1"))
    os.mkfifo(tmp_path / "hangs.so")  # a file that takes for ever to be loaded
    seats = [
        good,
        Seat("gone", "piv", options={"reader": "No Such Reader 00 00"}, environment=good.environment),
        Seat(
            "plugged", "piv", options={"reader": "USB 00 00", "usb_token": True}, environment=good.environment
        ),
        Seat("away", "piv", options={"reader": "Any"}, environment={"PCSCLITE_CSOCK_NAME": "/nowhere"}),
        Seat("odd", "matrix"),
        Seat("hangs", "pkcs11", options={"module": str(tmp_path / "hangs.so"), "model": {"puk": "none"}}),
        Seat("lost", "pkcs11", options={"module": "/nowhere.so", "model": {"puk": "none"}}),
    ]
    home = home_with(tmp_path / "home", seats)
    told: dict[str, SeatView] = {}
    reading, writing = os.pipe()
    changes = watch(load(home / "station.toml"), home / "run", {reading: select.POLLIN}, patience=6.0)
    while len(told) < len(seats):
        told |= {seat.name: seat for seat in [next(changes)] if seat.name is not None}
    assert (told["piv-1"].state, told["plugged"].state) == ("empty", "empty")
    problems = {name: seat.problem or "" for name, seat in told.items() if seat.state == "unusable"}
    assert "no reader 'No Such Reader 00 00' is attached" in problems["gone"]
    assert "PC/SC service" in problems["away"]
    assert "no driver 'matrix'" in problems["odd"]
    assert "no answer within 6 s" in problems["hangs"]
    assert "/nowhere.so" in problems["lost"]
    bench.insert("piv-1")
    assert next(seat.state for seat in changes if seat.name == "piv-1") == "token"
    os.write(writing, b".")
    assert [seat for seat in changes if seat.name == "piv-1"] == []


def test_slots_of_one_module_are_watched_by_one_process(tmp_path: Path) -> None:
    need("softhsm2-util")
    environment = softhsm.prepare(tmp_path)

    def softhsm2(*arguments: str) -> str:
        everything = {**os.environ, **environment}
        command = ["softhsm2-util", *arguments]
        return subprocess.run(command, env=everything, check=True, capture_output=True, text=True).stdout

    for label in ("one", "two"):
        softhsm2("--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", "123456")
    serials = re.findall(r"Serial number: +(\w+)", softhsm2("--show-slots"))
    assert len(serials) == 2
    options = {"module": softhsm.module(), "model": {"puk": "so-pin"}}
    seats = [
        Watched(slot, "pkcs11", {**options, "slot": slot}, tmp_path / "lock") for slot in (*serials, "none")
    ]
    child = Child("watch", "station.sights:DriverSights", (tuple(seats),), environment=environment)
    try:
        first = child.ask("look", 60.0, timeout=60)
        softhsm2("--delete-token", "--serial", serials[1])
        while (then := child.ask("look", 60.0, timeout=60))[1].state is not State.EMPTY:
            pass
    finally:
        child.close()
    assert [sight.state for sight in first] == [State.OCCUPIED, State.OCCUPIED, State.EMPTY]
    assert [sight.state for sight in then] == [State.OCCUPIED, State.EMPTY, State.EMPTY]


@pytest.mark.parametrize("how", ["signal", "input", "output"])
def test_it_ends_at_once_when_nobody_wants_it_any_more(tmp_path: Path, how: str) -> None:
    home = home_with(tmp_path / "home", [Seat("odd", "matrix")])
    with watching(home, subprocess.PIPE) as seen:
        assert seen.next() == ("odd", "unusable")
        if how == "signal":
            seen.process.send_signal(signal.SIGINT)
        elif how == "input":
            assert seen.process.stdin is not None
            seen.process.stdin.close()
        else:
            assert seen.process.stdout is not None
            seen.process.stdout.close()
        assert seen.end() == ExitCode.OK
