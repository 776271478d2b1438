"""A newcomer gets a desk to work at: founded once, found again, never emptied while it may be in use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from drivers.registry import find
from simulators.bench import Bench, BenchError
from simulators.bench.processes import ended
from station.config import PrinterSeat
from station.config import load as configured
from station.exit_codes import ExitCode
from tests.conftest import need
from tests.tui.tmux import terminal
from tests.unit.login_kit import pin_fd

pytestmark = pytest.mark.bench


@dataclass(frozen=True)
class Place:
    """A folder in which a desk was prepared, what that told scripts and what it told people."""

    directory: Path
    told: Mapping[str, Any]
    talk: str

    @property
    def bench(self) -> Bench:
        return Bench(Path(self.told["bench"]["directory"]))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    need("softhsm2-util", "pcscd", "ippeveprinter")
    directory = tmp_path_factory.mktemp("first") / "issuance-station" / "simulated-desk"
    done = demo(directory, "--prepare", "--pace", "fast", "--printer", "ipp", "--json")
    try:
        assert done.returncode == 0, done.stderr
        yield Place(directory, json.loads(done.stdout), done.stderr)
    finally:
        Bench(directory / "bench").down()


def demo(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "station", "demo", "--dir", str(directory), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def test_a_prepared_desk_takes_its_sample_by_the_pins_it_shows(place: Place) -> None:
    steps = [line for line in place.talk.splitlines() if " of 7: " in line]
    assert [line[0] for line in steps] == list("1234567")
    assert place.told["founded"] is True
    people = {one["name"]: one for one in place.told["people"]}
    assert people["olga"]["roles"] == ["order-officer", "personaliser"]
    roles = {role for one in people.values() for role in one["roles"]}
    assert roles >= {"administrator", "order-officer", "approver", "pin-officer", "dispatcher"}

    for line in (f"registry import {place.told['registry']}", f"order import {place.told['order']}"):
        descriptor = pin_fd(olga=people["olga"]["pin"], **place.told["keys"])
        done = subprocess.run(
            [sys.executable, "-m", "station", *line.split(), "--as", "olga", "--pin-fd", descriptor],
            env={**os.environ, **place.told["environment"]},
            pass_fds=[int(descriptor)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert "24 tokens" in done.stderr


def test_it_is_found_again_and_its_bench_started_where_it_is_down(place: Place) -> None:
    bench = place.bench
    before = bench.status().pid
    again = json.loads(demo(place.directory, "--prepare", "--json").stdout)
    bench_found = {**place.told["bench"], "started": False}
    assert again == {**place.told, "bench": bench_found, "founded": False}
    assert bench.status().pid == before

    other = demo(place.directory, "--prepare", "--pace", "slow")
    assert (other.returncode, "the bench is up at the pace 'fast'" in other.stderr) == (ExitCode.DEVICE, True)

    bench.down()
    slow = demo(place.directory, "--prepare", "--pace", "real")
    assert slow.returncode == 0, slow.stderr
    for one in place.told["people"]:
        assert one["pin"] in slow.stdout
    assert bench.status().pid != before
    setup = json.loads(bench.layout.description.read_text())["setup"]
    assert setup["hands"] > 0
    assert setup["delays"]["p256"] > 0
    bench.people.present("olga")

    # Its IPP printer is there again, with the certificate that was pinned for the desk.
    assert setup["printer"] == "ipp"
    driver, options = bench.printer
    assert find("station.printers", driver)(options).ready() is None
    assert configured(place.directory / "home" / "station.toml").printer == PrinterSeat(
        driver, numbered_forms=True, options=options
    )


def test_a_bench_ends_with_the_screen_that_started_it_and_not_with_another(place: Place) -> None:
    need("tmux")
    state = place.directory.parent.parent
    place.bench.down()
    for started in (True, False):
        if not started:
            assert demo(place.directory, "--prepare").returncode == 0
        with terminal(state) as tmux:
            environment = {
                "LANG": "C.UTF-8",
                "XDG_STATE_HOME": str(state),
                "STATION_HOME": str(state / "none"),
            }
            tmux.start((sys.executable, "-m", "station"), environment, 80, 24)
            tmux.sees("Set up a simulated desk")
            tmux.press("Enter")
            tmux.sees("choose your name", "olga")
            daemon = os.pidfd_open(place.bench.status().pid)
            tmux.press("C-q")
            tmux.sees("Leave the screen?")
            tmux.press("Right", "Enter")
            tmux.sees("ended 0")
        assert ended(daemon, 10 if started else 0) is started
        os.close(daemon)
    assert place.bench.status().seats


def test_a_desk_that_may_be_in_use_is_not_emptied_by_the_demo(place: Place) -> None:
    before = (place.directory / "home" / "station.db").stat().st_ino
    for screen in ((), ("--screen",)):
        done = demo(place.directory, *screen)
        assert done.returncode == ExitCode.CONFIGURATION
        assert "a desk was prepared in this folder" in done.stderr
        assert "--anew" in done.stderr
    assert (place.directory / "home" / "station.db").stat().st_ino == before


def test_a_bench_whose_founding_is_cut_off_ends_and_the_next_one_begins_anew(tmp_path: Path) -> None:
    need("softhsm2-util", "pcscd")
    directory = tmp_path / "desk"
    command = [sys.executable, "-m", "station", "demo", "--dir", str(directory), "--prepare"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as founding:
        assert founding.stderr
        while (line := founding.stderr.readline()) and not line.startswith("2 of 7"):
            pass
        second = demo(directory, "--prepare", "--json")
        assert (second.returncode, "a demo is at work in this folder" in second.stderr) == (
            ExitCode.BUSY,
            True,
        )
        pid = Bench(directory / "bench").status().pid
        daemon = os.pidfd_open(pid)
        founding.kill()
    assert ended(daemon, 10)
    os.close(daemon)
    with pytest.raises(BenchError, match="no bench is running here"):
        Bench(directory / "bench").status()
    assert not (directory / "prepared").exists()


def test_a_folder_with_other_things_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("all of it")
    done = demo(tmp_path, "--prepare", "--anew")
    assert done.returncode == ExitCode.CONFIGURATION
    assert "this folder is no demo's" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
