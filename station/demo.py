"""The main job played on a simulated bench, by the same commands an operator would type."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from batch.model.orders import Item
from batch.store.database import Records
from batch.store.items import items
from batch.store.orders import order, orders
from simulators.bench import Bench, BenchError
from station.demo_delivery import Answer, deliver
from station.enrolling import read_list
from station.errors import HomeError
from station.key_tokens import PINNED

_MARK = ".issuance-station-demo"
SAMPLE = Path(__file__).parent / "samples" / "demo-order.csv"
"""The sample order: 24 group certificates, half on cards and half on USB tokens."""

REGISTRY = Path(__file__).parent / "samples" / "demo-registry.csv"
"""The subscriber of that order, and its managers."""

ADMINISTRATORS = ("ann", "ben")
PEOPLE = Path(__file__).parent / "samples" / "demo-operators.csv"
"""Who else works at the demo's desk, and in which roles."""


@dataclass(frozen=True)
class Played:
    """What a demo left behind: its places and tokens, the seconds it took, what starts its bench again."""

    directory: Path
    home: Path
    bench: Path
    printed: Path
    pins: Path
    order: str
    tokens: tuple[Item, ...]
    seconds: float
    again: str


class DemoFailed(Exception):
    """A command of the demo did not end well; its own words were shown."""

    def __init__(self, command: str, code: int) -> None:
        super().__init__(f"`{command}` ended with exit code {code}")


def default_directory() -> Path:
    """`issuance-station/demo` among the user's state (XDG Base Directory Specification)."""
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if os.path.isabs(state) else Path.home() / ".local" / "state"
    return base / "issuance-station" / "demo"


def play(directory: Path, say: Callable[[str], None]) -> Played:
    """Play the whole job in `directory`, which is emptied first if it was a demo's.

    Raises `HomeError` where the directory is something else, `BenchError`, or `DemoFailed`.
    """
    begun = time.monotonic()
    _prepare(directory)
    home, state, pins = directory / "home", directory / "bench", directory / "pins"
    people = [*ADMINISTRATORS, *(one.name for one in read_list(PEOPLE))]
    bench = Bench.up(state, piv=2, pkcs11=2, tether=True, operators=people)
    try:
        say(f"a bench of two PIV readers, two USB slots and an operators' seat is up in {state}")
        _write_pins(pins, {name: bench.people.pin_file(name).read_text().strip() for name in people})
        environment = {**os.environ, "STATION_HOME": str(home), "STATION_BENCH": str(state)}

        def station(line: str, *, pin: bool = False, answer: Answer | None = None) -> str:
            return _run(line, environment, pins if pin else None, say, answer)

        founders = " ".join(f"--administrator {name}" for name in ADMINISTRATORS)
        at = shlex.quote(str(state))
        station(f"init --name 'Demo Issuer' --bench {at} {founders}", pin=True)
        first, second = ADMINISTRATORS
        station(f"operator enrol --from {shlex.quote(str(PEOPLE))} --as {first} --with {second}", pin=True)
        together = "--as pim --with carla"
        station(f"custody make {together}", pin=True)
        station(f"custody epochs make 5 {together}", pin=True)
        station("doctor")
        station(f"registry import {shlex.quote(str(REGISTRY))} --as olga", pin=True)
        station(f"order import {shlex.quote(str(SAMPLE))} --as olga", pin=True)
        number = _first_order(home)
        station(f"order assess {number} --as olga", pin=True)
        station(f"order approve {number} --as bert", pin=True)
        station(f"produce {number} --as olga", pin=True)
        deliver(station, bench, home, number)
        station(f"letter print {number} {together}", pin=True)
        station("audit verify")
        tokens = _tokens(home, number)
    finally:
        bench.down()
    again = f"station bench up --piv 2 --pkcs11 2 --operators {','.join(people)}"
    took = time.monotonic() - begun
    return Played(directory, home, state, state / "printed", pins, number, tokens, took, again)


def _prepare(directory: Path) -> None:
    if directory.exists() and any(directory.iterdir()):
        if not (directory / _MARK).is_file():
            raise HomeError(
                "this folder is no demo's, so it is not emptied",
                where=str(directory),
                next="name another with --dir",
            )
        with suppress(BenchError):  # most often none was left running
            Bench(directory / "bench").down()
        shutil.rmtree(directory)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    (directory / _MARK).touch()


def _write_pins(path: Path, people: Mapping[str, str]) -> None:
    """PINs of the demo's key tokens and of its operators' cards; a real desk's are in their heads."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        file.writelines(f"{key} {secrets.randbelow(10**8):08d}\n" for key in PINNED)
        file.writelines(f"{name} {pin}\n" for name, pin in people.items())


def _run(
    line: str,
    environment: dict[str, str],
    pins: Path | None,
    say: Callable[[str], None],
    answer: Answer | None = None,
) -> str:
    """Run a command and return what it printed; `answer` hears its talk and tells what is typed."""
    say(f"$ station {line}" + (f" --pin-fd 3 3<{pins}" if pins else ""))
    command = [sys.executable, "-m", "station", *shlex.split(line)]
    with ExitStack() as held:
        given: list[int] = []
        if pins is not None:
            given.append(held.enter_context(pins.open("rb")).fileno())
            command += ["--pin-fd", str(given[0])]
        pipe = subprocess.PIPE if answer is not None else None
        process = held.enter_context(
            subprocess.Popen(
                command,
                env=environment,
                pass_fds=given,
                text=True,
                stdin=pipe,
                stdout=subprocess.PIPE,
                stderr=pipe,
            )
        )
        if answer is not None:
            assert process.stdin is not None
            assert process.stderr is not None
            for heard in process.stderr:
                sys.stderr.write(heard)
                if (typed := answer(heard)) is None:
                    process.stdin.close()
                elif typed:
                    process.stdin.write(typed)
                    process.stdin.flush()
        assert process.stdout is not None
        printed: str = process.stdout.read()
    sys.stdout.write(printed)
    if process.returncode:
        raise DemoFailed(f"station {line}", process.returncode)
    return printed


def _first_order(home: Path) -> str:
    records = Records(home / "station.db")
    try:
        return orders(records)[0].number
    finally:
        records.close()


def _tokens(home: Path, number: str) -> tuple[Item, ...]:
    records = Records(home / "station.db")
    try:
        return tuple(items(records, order(records, number)))
    finally:
        records.close()
