"""The main job played on a simulated bench, by the same commands an operator would type."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from batch.model.orders import Item
from batch.store.database import Records
from batch.store.items import items
from batch.store.orders import order, orders
from drivers.secret import Secret
from simulators.bench import Bench, BenchError
from station import demo_hands as hands
from station.enrolling import read_list
from station.errors import HomeError
from station.key_tokens import PINNED

_MARK = ".issuance-station-demo"
SAMPLE = Path(__file__).parent / "samples" / "demo-order.csv"
"""The sample order: 24 group certificates, half on cards and half on USB tokens."""

REGISTRY = Path(__file__).parent / "samples" / "demo-registry.csv"
"""The subscriber of that order, and its managers."""

ADMINISTRATORS = ("ann", "ben")
_TOGETHER = "--as pim --with carla"
PEOPLE = Path(__file__).parent / "samples" / "demo-operators.csv"
"""Who else works at the demo's desk, and in which roles."""


@dataclass(frozen=True)
class Played:
    """What a demo left behind: its places and tokens, the seconds it took, what starts its bench again."""

    directory: Path
    home: Path
    bench: Path
    printed: Path
    papers: Path
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
    people = [*ADMINISTRATORS, *(one.name for one in read_list(PEOPLE))]
    desk = _Desk(directory, say)
    desk.bench = Bench.up(desk.state, piv=2, pkcs11=2, tether=True, operators=people)
    try:
        say(f"a bench of two PIV readers, two USB slots and an operators' seat is up in {desk.state}")
        _write_pins(
            desk.pins, {name: desk.bench.people.pin_file(name).read_text().strip() for name in people}
        )
        _founded(desk)
        number = _ordered(desk)
        desk.station(f"produce {number} --as olga", pin=True)
        _dispatched(desk, number)
        _acknowledged(desk, number)
        _lettered(desk, number)
        _used_and_lost(desk, number)
        _closed(desk, number)
        tokens = _tokens(desk.home, number)
    finally:
        desk.bench.down()
    again = f"station bench up --piv 2 --pkcs11 2 --operators {','.join(people)}"
    took = time.monotonic() - begun
    return Played(
        directory, desk.home, desk.state, desk.printed, desk.papers, desk.pins, number, tokens, took, again
    )


class _Desk:
    """The demo's desk: its places, its bench, and what is typed at it."""

    bench: Bench

    def __init__(self, directory: Path, say: Callable[[str], None]) -> None:
        self.home, self.state, self.pins = directory / "home", directory / "bench", directory / "pins"
        self.printed, self.papers = self.state / "printed", directory / "papers"
        self._say = say
        self._environment = {**os.environ, "STATION_HOME": str(self.home), "STATION_BENCH": str(self.state)}

    def station(self, line: str, *, pin: bool = False, code: Secret | None = None) -> None:
        """Give a command, with everybody's PINs where it takes any; raises `DemoFailed`."""
        typed = " and a revocation code" if code is not None else ""
        self._say(f"$ station {line}" + (f" --pin-fd 3 3<{self.pins}{typed}" if pin else ""))
        with self._started(line, pin=pin, code=code) as process:
            _ended(process, line)

    def told(self, line: str) -> Any:
        """What a command tells scripts."""
        with self._started(f"{line} --json", stdout=subprocess.PIPE) as process:
            told, _ = process.communicate()
            _ended(process, line)
        return json.loads(told)

    def read_tokens(self, seat: str, tokens: Sequence[str], operator: str) -> None:
        """Have tokens read in a seat one after the other."""
        line = f"dispatch check --seat {seat} --every --as {operator}"
        self._say(f"$ station {line} --pin-fd 3 3<{self.pins}   ({len(tokens)} tokens, one after the other)")
        self.bench.eject(seat)  # a blank may be left in it
        hands.put_in(self.bench, seat, tokens[0])
        with self._started(line, pin=True, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            hands.feed(process, self.bench, seat, tokens)
            _ended(process, line)

    @contextmanager
    def _started(
        self, line: str, *, pin: bool = False, code: Secret | None = None, **pipes: Any
    ) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-m", "station", *shlex.split(line)]
        # In memory, because a revocation code is to be in no file.
        with os.fdopen(os.memfd_create("pins"), "w+b") as given:
            if pin:
                typed = b"revocation-code %s\n" % code.reveal() if code is not None else b""
                given.write(self.pins.read_bytes() + typed)
                given.seek(0)
                command += ["--pin-fd", str(given.fileno())]
            with subprocess.Popen(
                command, env=self._environment, pass_fds=[given.fileno()], text=True, **pipes
            ) as process:
                yield process


def _ended(process: subprocess.Popen[str], line: str) -> None:
    if code := process.wait():
        raise DemoFailed(f"station {line}", code)


def _founded(desk: _Desk) -> None:
    """The station is made, its people are enrolled, custody is opened by two."""
    founders = " ".join(f"--administrator {name}" for name in ADMINISTRATORS)
    desk.station(f"init --name 'Demo Issuer' --bench {shlex.quote(str(desk.state))} {founders}", pin=True)
    first, second = ADMINISTRATORS
    desk.station(f"operator enrol --from {shlex.quote(str(PEOPLE))} --as {first} --with {second}", pin=True)
    desk.station(f"custody make {_TOGETHER}", pin=True)
    desk.station(f"custody epochs make 5 {_TOGETHER}", pin=True)
    _without_gap(desk)
    desk.station("doctor")


def _without_gap(desk: _Desk) -> None:
    """Let letters leave on the day of their tokens: a demo does not wait two days (R5)."""
    own = desk.home / "layouts" / "tokens"
    own.mkdir(parents=True)
    for name in ("group-card", "group-usb"):
        shipped = (files("layouts") / "tokens" / f"{name}.toml").read_text(encoding="utf-8")
        (own / f"{name}.toml").write_text(f"{shipped}\n[life]\ngap_days = 0\n", encoding="utf-8")
    configuration = desk.home / "station.toml"
    text = configuration.read_text(encoding="utf-8")
    text = text.replace("[printer]\n", "[printer]\nnumbered_forms = true\n", 1)
    configuration.write_text(f'{text}\n[layouts]\ndirectories = ["layouts"]\n', encoding="utf-8")


def _ordered(desk: _Desk) -> str:
    """The order is brought in by one and approved by another; its number."""
    desk.station(f"registry import {shlex.quote(str(REGISTRY))} --as olga", pin=True)
    desk.station(f"order import {shlex.quote(str(SAMPLE))} --as olga", pin=True)
    number = _first_order(desk.home)
    desk.station(f"order assess {number} --as olga", pin=True)
    desk.station(f"order approve {number} --as bert", pin=True)
    return number


def _dispatched(desk: _Desk, number: str) -> None:
    """Every token is read once more and goes to its manager; a reader on loan goes with the first parcel."""
    desk.papers.mkdir(mode=0o700)
    desk.station(f"dispatch new {number} --each --as dirk", pin=True)
    for layout, seat in (("group-card", "piv-1"), ("group-usb", "usb-1")):
        made = [one.mailer_number for one in _tokens(desk.home, number) if one.layout.startswith(layout)]
        desk.read_tokens(seat, made, "dirk")
    for sent, parcel in enumerate(_parcels(desk, number)):
        if not sent:
            back = date.today() + timedelta(days=90)
            desk.station(f"loan lend reader RD-7001 --to {parcel} --until {back} --as dirk", pin=True)
        papers = shlex.quote(str(desk.papers / f"{parcel}.pdf"))
        desk.station(f"dispatch close {parcel} --papers {papers} --as dirk", pin=True)
        courier = f"--courier 'Demo Courier' --reference DC-{sent + 1:04d}"
        desk.station(f"dispatch send {parcel} {courier} --as dirk", pin=True)


def _acknowledged(desk: _Desk, number: str) -> None:
    """Every manager writes a mail with the names and numbers of the accompanying letter (R3)."""
    sender = {item.mailer_number: item.fields["manager_email"] for item in _tokens(desk.home, number)}
    for parcel in _parcels(desk, number):
        shown, mail = desk.told(f"dispatch show {parcel}"), desk.papers / f"{parcel}.eml"
        hands.write_mail(mail, shown, sender[shown["tokens"][0]["number"]])
        desk.station(f"acknowledge --eml {shlex.quote(str(mail))} --as olga", pin=True)


def _lettered(desk: _Desk, number: str) -> None:
    """Two officers have the letters printed on numbered forms, which leave by another way than the tokens."""
    desk.station("letter forms receive F0001 F0100 --as pim", pin=True)
    desk.station(f"letter print {number} {_TOGETHER}", pin=True)
    desk.station(f"letter confirm --order {number} --first F0001 --as pim", pin=True)
    desk.station(f"letter send --order {number} --by post --as pim", pin=True)


def _used_and_lost(desk: _Desk, number: str) -> None:
    """One token is in use; another is lost, and whoever has its letter revokes it, at any hour (R22)."""
    used, lost, *_ = (one.mailer_number for one in _tokens(desk.home, number))
    desk.station(f"token activate {used} --as olga", pin=True)
    code = hands.revocation_code(desk.printed / f"{lost}.pdf")
    desk.station(f"revoke {lost} --reason keyCompromise --lost", pin=True, code=code)


def _closed(desk: _Desk, number: str) -> None:
    """Tokens, letters and forms reconcile: the order is closed, and its report tells an auditor all of it."""
    desk.station(f"order close {number} --as olga", pin=True)
    json_, pdf = (shlex.quote(str(desk.papers / f"order-{number}.{kind}")) for kind in ("json", "pdf"))
    desk.station(f"order report {number} --json {json_} --pdf {pdf} --as olga", pin=True)
    desk.station(f"order report --verify {json_}")
    desk.station("due")
    desk.station("audit verify")


def _parcels(desk: _Desk, number: str) -> list[str]:
    return [one["parcel"] for one in desk.told(f"dispatch list --order {number}")]


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
