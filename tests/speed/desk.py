"""A station on a simulated bench of its own, made for one measurement and gone afterwards."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from batch.store import orders
from simulators.bench import Bench
from simulators.piv.card import NO_DELAYS, Delays
from station.home import enter
from station.wiring import Desk as Wired
from tests.unit.order_kit import admit

PINS = {"bench": "33334444", "ca": "55556666"}
PEOPLE = {
    "ada": "order-officer personaliser",
    "bob": "approver",
    "carl": "pin-officer",
    "dora": "pin-officer",
}
PASSPHRASES = {name: f"speed trial {name}" for name in ("ann", "ben", *PEOPLE)}
ROOT = Path(__file__).parents[2]
SUBJECT = {
    "subscriber": "Speed Trial",
    "subscriber_number": "90001234",
    "country": "NL",
    "group": "Measured Group",
    "manager_email": "m.measure@example.org",
}
_ORDER = {
    "kind": "group",
    "manager": "Max Measure",
    "address_1": "Speed Trial",
    "address_2": "Measure Lane 1",
    "address_3": "9999 XX Nowhere",
    "language": "en",
}


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of everything measured: a program that may not keep its bytecode starts slowly."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "STATION_"))}
    return {**kept, **(more or {})}


@dataclass(frozen=True)
class Span:
    """One token: its lane, when it was ready to be written to, when it was finished (seconds since 1970).

    What lies between is work on the token; what lies outside is insertion, recognition and removal.
    """

    lane: str
    begun: float
    done: float


@dataclass(frozen=True)
class Run:
    """All tokens of one run."""

    spans: tuple[Span, ...]

    @classmethod
    def read(cls, text: str) -> Run:
        """A run of one lane from its JSON, a list of [begun, done]."""
        return cls(tuple(Span("", begun, done) for begun, done in json.loads(text)))

    @property
    def rate(self) -> float:
        """Tokens per second with insertion, from each lane's first token to its last."""
        lanes = [sorted(span.done for span in spans) for spans in self._lanes()]
        return sum((len(done) - 1) / (done[-1] - done[0]) for done in lanes if len(done) > 1)

    @property
    def work(self) -> float:
        """Mean seconds of work on one token, net of insertion; a lane's first one loads its libraries."""
        later = [span for spans in self._lanes() for span in sorted(spans, key=lambda one: one.done)[1:]]
        return sum(span.done - span.begun for span in later) / len(later)

    def _lanes(self) -> list[list[Span]]:
        lanes: dict[str, list[Span]] = defaultdict(list)
        for span in self.spans:
            lanes[span.lane].append(span)
        return list(lanes.values())


class Desk:
    """A station in `home` on `bench`, driven by its command line as an operator would."""

    def __init__(self, directory: Path, bench: Bench) -> None:
        self.directory, self.home, self.bench = directory, directory / "home", bench
        self._orders = 0

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `station`, given the PINs of its key tokens on a descriptor; what it says goes to a file."""
        reading, writing = os.pipe()
        with os.fdopen(writing, "w") as file:
            file.write("".join(f"{name} {pin}\n" for name, pin in {**PINS, **PASSPHRASES}.items()))
        command = [sys.executable, "-m", "station", "--home", str(self.home), *arguments]
        try:
            with self._said.open("wb") as said:
                return subprocess.Popen(
                    [*command, "--pin-fd", str(reading)],
                    cwd=ROOT,
                    env=environment(),
                    stdout=said,
                    stderr=said,
                    pass_fds=[reading],
                )
        finally:
            os.close(reading)

    def finish(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for `station`; raises `RuntimeError` with its last words where it failed."""
        if process.wait():
            words = self._said.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"station ended with {process.returncode}:\n{words}")

    def found(self) -> None:
        """Make the station, with two administrators, who enrol who works there."""
        at = ("--bench", str(self.bench.layout.directory))
        both = ("--administrator", "ann", "--administrator", "ben")
        self.finish(self.start("init", "--name", "Speed", *at, "--passphrases", *both))
        people = self.directory / "people.csv"
        people.write_text("name,roles\n" + "".join(f"{name},{roles}\n" for name, roles in PEOPLE.items()))
        self.finish(self.start("operator", "enrol", "--from", str(people), "--as", "ann", "--with", "ben"))
        officers = ("--as", "carl", "--with", "dora")
        self.finish(self.start("custody", "make", *officers))
        self.finish(self.start("custody", "epochs", "make", "40", *officers))

    def order(self, *wanted: tuple[str, int]) -> str:
        """The number of a new, approved order of so many tokens of each layout."""
        self._orders += 1
        path = self.directory / "order.csv"
        rows = [
            {
                "order": f"SPEED-{self._orders}",
                "layout": layout,
                "count": str(count),
                **_ORDER,
                **SUBJECT,
                "group": f"{SUBJECT['group']} {self._orders}.{place}",
            }
            for place, (layout, count) in enumerate(wanted, 1)
        ]
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0], delimiter=";")
            writer.writeheader()
            writer.writerows(rows)
        self.finish(self.start("order", "import", str(path), "--as", "ada"))
        ((number,),) = self._rows("SELECT number FROM orders ORDER BY id DESC LIMIT 1")
        with Wired.of(enter(self.home), None).records() as records:
            admit(records, orders.order(records, str(number)))
        self.finish(self.start("order", "assess", str(number), "--as", "ada"))
        self.finish(self.start("order", "approve", str(number), "--as", "bob"))
        return str(number)

    def produce(self, number: str, seats: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """Start the production of an order on the given seats, or on all."""
        chosen = [argument for seat in seats for argument in ("--seat", seat)]
        return self.start("produce", number, "--as", "ada", *chosen)

    def run(self, layout: str, count: int, seats: Sequence[str] = ()) -> Run:
        """Produce so many tokens."""
        number = self.order((layout, count))
        self.finish(self.produce(number, seats))
        return self.made(number, count)

    def made(self, number: str, count: int) -> Run:
        """What the records say of a finished order; raises `RuntimeError` where a token is missing."""
        rows = self._rows(
            "SELECT seat, began_at, ended_at FROM items WHERE state = 'produced' "
            "AND order_id = (SELECT id FROM orders WHERE number = ?)",
            number,
        )
        if len(rows) != count:
            raise RuntimeError(
                f"{len(rows)} of {count} tokens were produced: {self._said.read_text()[-2000:]}"
            )
        return Run(tuple(Span(str(seat), _moment(begun), _moment(done)) for seat, begun, done in rows))

    @property
    def _said(self) -> Path:
        return self.directory / "station.log"

    def _rows(self, sql: str, *parameters: object) -> list[tuple[object, ...]]:
        records = sqlite3.connect(f"file:{self.home / 'station.db'}?mode=ro", uri=True)
        try:
            return records.execute(sql, parameters).fetchall()
        finally:
            records.close()


@contextmanager
def desk(*, piv: int = 0, pkcs11: int = 0, delays: Delays = NO_DELAYS) -> Iterator[Desk]:
    """A new station on a new bench; both are gone afterwards, however this process ends."""
    with tempfile.TemporaryDirectory(prefix="station-speed-") as directory:
        bench = Bench.up(Path(directory) / "bench", piv=piv, pkcs11=pkcs11, delays=delays, tether=True)
        try:
            made = Desk(Path(directory), bench)
            made.found()
            yield made
        finally:
            bench.down()


def _moment(text: object) -> float:
    return datetime.fromisoformat(str(text)).timestamp()
