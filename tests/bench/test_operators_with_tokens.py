"""A desk whose operators have tokens: founding, enrolling, logging in and signing at one operators' seat."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from simulators.bench import Bench
from station.exit_codes import ExitCode
from station.simulated_desk import SAMPLE
from tests.conftest import BenchFactory

PEOPLE = ("ann", "ben", "olga", "pim")


class Desk:
    """Runs `station` at one home; every operator's PIN goes by pipe."""

    def __init__(self, bench: Bench, home: Path) -> None:
        self.bench, self.home = bench, home
        self.pins = {"bench": "12345678", "ca": "87654321"}
        self.pins |= {name: bench.people.pin_file(name).read_text().strip() for name in PEOPLE}

    def __call__(self, *arguments: str, expect: int = ExitCode.OK, **pins: str) -> tuple[str, str]:
        given = {**self.pins, **pins}
        command = [sys.executable, "-m", "station", "--home", str(self.home), *arguments, "--pin-fd", "0"]
        text = "".join(f"{name} {pin}\n" for name, pin in given.items())
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == expect, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout, done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("desk")


def test_operators_with_tokens_found_a_desk_are_enrolled_log_in_and_sign(
    bench_factory: BenchFactory, place: Path
) -> None:
    bench = bench_factory(piv=1, pkcs11=0, operators=PEOPLE)
    desk = Desk(bench, place / "home")
    founders = ("--administrator", "ann", "--administrator", "ben")
    desk("init", "--name", "Tokens", "--bench", str(bench.layout.directory), *founders)
    desk("operator", "enrol", "olga", "--role", "order-officer", "--as", "ann", "--with", "ben")
    _, begun = desk("operator", "enrol", "pim", "--role", "approver", "--as", "ann")
    assert "it takes another administrator" in begun
    desk("operator", "complete", "pim", "--as", "ann", expect=ExitCode.REFUSED_BY_RULE)
    desk("operator", "complete", "pim", "--as", "ben")
    listed, _ = desk("operator", "list")
    assert [line.split()[0] for line in listed.splitlines()[1:]] == ["ann", "ben", "olga", "pim"]
    assert listed.count("token") == len(PEOPLE)

    # Whose token is in the seat acts, without being named.
    bench.people.present("olga")
    number = desk("order", "import", str(SAMPLE))[0].strip()
    _, refused = desk("order", "approve", number, expect=ExitCode.REFUSED_BY_RULE)
    assert "olga is no approver" in refused

    _, wrong = desk("order", "reject", number, "--reason", "x", "--as", "pim", pim="00000000", expect=4)
    assert "the PIN is wrong" in wrong
    assert "tries are left" in wrong

    # A session names who acts; without it nobody does once the seat is empty.
    desk("login", "--as", "olga")
    bench.people.present(None)
    assert desk("whoami")[0] == "olga: order-officer\n"
    desk("order", "reject", number, "--reason", "x")
    desk("logout")
    _, nobody = desk("order", "reject", number, "--reason", "x", expect=ExitCode.REFUSED_BY_RULE)
    assert "nobody is logged in" in nobody
