"""A whole desk: a bench, a home, PINs of its own, and the command line as operators type it."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import secrets
import select
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import layouts
from batch.store import orders
from drivers.secret import Secret
from simulators.bench import Bench
from station.exit_codes import ExitCode
from station.home import enter
from station.wiring import Desk as Wired
from tests.bench.loaded import PINS, Forked, fits, loaded
from tests.unit.order_kit import admit

Process = subprocess.Popen[bytes] | Forked

KEY_TOKENS = ("bench", "ca")
ADMINISTRATORS = ("ann", "ben")
PEOPLE: Mapping[str, str] = {
    "ada": "order-officer approver personaliser auditor administrator",
    "bob": "approver",
    "carl": "pin-officer",
    "dora": "pin-officer order-officer",
    "emil": "approver revocation-officer dispatcher",
    "fien": "personaliser revocation-officer",
}
"""Who works at the desks of the tests, and in which roles."""
TOGETHER = ("--with", "dora")
"""Who carl opens custody with."""
PATIENCE = 120.0
"""Seconds within which anything a test waits for must have happened on a busy machine."""

_BETWEEN_LOOKS = 5
"""Milliseconds: a test that looks all the time takes the processor from the lanes, which give way to it."""

ROW: Mapping[str, str] = {
    "order": "",
    "subscriber": "Ministerie van Voorbeeldzaken",
    "subscriber_number": "90001234",
    "country": "NL",
    "kind": "group",
    "layout": "group-card:p-256",
    "count": "1",
    "group": "",
    "given_name": "",
    "surname": "",
    "person_number": "",
    "email": "",
    "manager": "Noëlle van der Testen",
    "manager_email": "n.vandertesten@voorbeeldzaken.example.org",
    "address_1": "Dienst Voorbeelden",
    "address_2": "Verzonnenlaan 12",
    "address_3": "9999 XX Nergenshuizen",
    "address_4": "",
    "language": "nl",
}

_PERSON = ("given_name", "surname", "person_number", "email")
_GROUP = ("group", "count")


@dataclass
class Desk:
    """One station on one bench; every command's output is kept in `said`.

    `afresh`: nothing of another process may be in the memory or environment of a command.
    """

    bench: Bench
    home: Path
    work: Path
    environment: dict[str, str]
    pins: dict[str, Secret] = field(repr=False)
    afresh: bool = False
    said: list[bytes] = field(default_factory=list, repr=False)
    started: list[Process] = field(default_factory=list, repr=False)
    _references: itertools.count[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    @classmethod
    def make(
        cls, bench: Bench, work: Path, people: Mapping[str, str] = PEOPLE, /, **environment: str
    ) -> Desk:
        """A new station in `work`, at this bench; nothing of it is in a file but its home.

        Who of its `people` has a card at the bench is enrolled with it, the others under passphrases.
        """
        cards = [name for name in people if bench.people.has(name, usb=False)]
        pins = {name: Secret.text(f"{secrets.randbelow(10**10):010d}") for name in KEY_TOKENS}
        pins |= {name: Secret.text(secrets.token_hex(12)) for name in (*ADMINISTRATORS, *people)}
        pins |= {name: Secret(bench.people.pin_file(name).read_bytes().strip()) for name in cards}
        home = work / "home"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("STATION_")}
        desk = cls(bench, home, work, {**inherited, **environment, "STATION_HOME": str(home)}, pins)
        administrators = [word for name in ADMINISTRATORS for word in ("--administrator", name)]
        made_at = ("--bench", str(bench.layout.directory))
        desk.run(
            "init",
            "--name",
            "Testbureau",
            *made_at,
            "--passphrases",
            *administrators,
            operator=None,
            pins=True,
        )
        desk.enrol({name: roles for name, roles in people.items() if name not in cards}, "--passphrase")
        if cards:
            desk.enrol({name: people[name] for name in cards})
        desk.run("custody", "make", *TOGETHER, operator="carl")
        desk.run("custody", "epochs", "make", "60", *TOGETHER, operator="carl")
        return desk

    def enrol(self, people: Mapping[str, str], *options: str) -> None:
        """Let both administrators enrol people by name and roles."""
        listed = self.work / "people.csv"
        rows = [("name", "roles"), *people.items()]
        listed.write_text("".join(f"{name},{roles}\n" for name, roles in rows))
        both = ("--from", str(listed), *options, "--with", ADMINISTRATORS[1])
        self.run("operator", "enrol", *both, operator=ADMINISTRATORS[0], pins=True)

    def start(
        self,
        *arguments: str,
        operator: str | None = "ada",
        pins: bool = False,
        through: Sequence[str] = (),
    ) -> Started:
        """Start a command as an operator, `through` another one if wanted; PINs and passphrases go by pipe.

        Without `pins` the command gets those of operators only.
        """
        named = () if operator is None else ("--as", operator)
        opens = arguments[:2] in (("letter", "print"), ("token", "admin"))
        together = TOGETHER if opens and operator == "carl" else ()
        words = [*arguments, *together, *named, "--debug", "--pin-fd"]
        given = {name: pin for name, pin in self.pins.items() if pins or name not in KEY_TOKENS}
        reading, writing = os.pipe()
        try:
            with os.fdopen(writing, "wb") as pipe:
                pipe.writelines(b"%s %s\n" % (name.encode(), pin.reveal()) for name, pin in given.items())
            if self.afresh or through or not fits(self.environment):
                command = [*through, sys.executable, "-m", "station", *words, str(reading)]
                return self._started(subprocess.Popen(command, pass_fds=[reading], **self._plumbing()))
            words.append(str(PINS))
            return self._started(loaded().start(words, self.environment, self.work, reading))
        finally:
            os.close(reading)

    def run(
        self, *arguments: str, operator: str | None = "ada", pins: bool = False, expect: int = ExitCode.OK
    ) -> Ended:
        """Run a command to its end and hold it to its exit code."""
        ended = self.start(*arguments, operator=operator, pins=pins).end()
        assert ended.code == expect, f"station {arguments}: exit code {ended.code}\n{ended.out}{ended.err}"
        return ended

    def listed(self, *arguments: str) -> Any:
        """What a listing command tells scripts."""
        return json.loads(self.run(*arguments, "--json").out)

    def listed_with_pins(self, *arguments: str, operator: str = "ada") -> Any:
        """The same of a command that opens a key token."""
        return json.loads(self.run(*arguments, "--json", operator=operator, pins=True).out)

    def file(self, *rows: Mapping[str, str], reference: str | None = None) -> Path:
        """An order file with these rows, each filled up with an ordinary group's columns."""
        named = reference or f"T-{next(self._references)}"
        path = self.work / f"{named}.csv"
        full = [{**ROW, "order": named, **row} for row in rows]
        unused = _PERSON if all(row["kind"] == "group" for row in full) else _GROUP
        text = io.StringIO()
        writer = csv.DictWriter(
            text, [name for name in ROW if name not in unused], extrasaction="ignore", delimiter=";"
        )
        writer.writeheader()
        writer.writerows(full)
        path.write_text(text.getvalue(), encoding="utf-8")
        return path

    def approved(self, *rows: Mapping[str, str]) -> str:
        """The number of a new order that ada brought in and assessed and bob approved."""
        number = self.run("order", "import", str(self.file(*rows))).out.strip()
        self.assess(number)
        self.run("order", "approve", number, operator="bob", pins=True)
        return number

    def assess(self, number: str) -> None:
        """Let everybody be known whom an order names, then have it assessed."""
        with Wired.of(enter(self.home), None).records() as records:
            admit(records, orders.order(records, number))
        self.run("order", "assess", number)

    def produced(self, *rows: Mapping[str, str]) -> str:
        """The number of a new order whose tokens are all made and whose letters are all printed."""
        number = self.approved(*rows)
        self.run("produce", number, pins=True)
        self.run("letter", "print", number, operator="carl", pins=True)
        return number

    def tokens(self, order: str, state: str | None = None) -> list[dict[str, Any]]:
        """The tokens of an order as `token list` tells scripts."""
        found: list[dict[str, Any]] = self.listed("token", "list", "--order", order)
        return [token for token in found if state in (None, token["state"])]

    def states(self, order: str) -> Counter[str]:
        """How many tokens of an order are in each state."""
        return Counter(token["state"] for token in self.tokens(order))

    def begun(self, order: str, step: str, count: int = 1) -> bool:
        """Whether so many tokens of an order have begun a step."""
        ((found,),) = self.rows(
            "SELECT count(*) FROM steps JOIN items ON items.id = item_id JOIN orders ON orders.id = order_id "
            "WHERE number = ? AND name = ?",
            order,
            step,
        )
        return bool(found >= count)

    def letters(self, order: str) -> dict[str, str]:
        """The state of every letter of an order by its number."""
        return {one["number"]: one["state"] for one in self.listed("letter", "list", "--order", order)}

    def envelopes(self, tray: str = "good") -> dict[str, str]:
        """Cards and tokens in a tray by what is written on their envelopes."""
        return {kept.note: kept.name for kept in self.bench.status().kept if kept.tray == tray}

    def card(self, number: str) -> str:
        """The card or token in the envelope of a mailer number."""
        return self.envelopes()[f"envelope {number}"]

    def printed(self) -> dict[str, bytes]:
        """What lies in the printer's tray, by file name."""
        return {path.name: path.read_bytes() for path in self.bench.layout.printed.iterdir()}

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of the records, looked at from outside while others may write."""
        with closing(sqlite3.connect(f"file:{self.home}/station.db?mode=ro", uri=True)) as records:
            return records.execute(statement, parameters).fetchall()

    def lane_process(self, seat: str) -> int:
        """The process of a seat's lane, by the lock it holds."""
        inode = (self.home / "run" / f"{seat}.lock").stat().st_ino
        lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
        (found,) = {int(line[4]) for line in lines if line[5].endswith(f":{inode}")}
        return found

    def configure(self, change: Callable[[str], str]) -> None:
        """Let somebody edit station.toml."""
        path = self.home / "station.toml"
        path.write_text(change(path.read_text()))

    def letters_first(self) -> Desk:
        """Let the letters of this desk's layouts go before their tokens, so that they are printed at once."""
        return self.living_by('release = "before-hand-over"')

    def living_by(self, rules: str) -> Desk:
        """Change rules of a token's life in all of this desk's token layouts."""
        own = self.home / "layouts-of-life" / "tokens"
        own.mkdir(parents=True)
        for shipped in (Path(layouts.__file__).parent / "tokens").glob("*.toml"):
            head, life, rest = shipped.read_text().partition("\n[life]\n")
            (own / shipped.name).write_text(f"{head}\n[life]\n{rules}\n{rest if life else ''}")
        self.configure(lambda text: f'{text}\n[layouts]\ndirectories = ["layouts-of-life"]\n')
        return self

    def delivered(self, order: str, seat: str = "usb-1") -> None:
        """Have the finished tokens of an order read once more in a seat, sent and acknowledged by e-mail."""
        parcel = self.run("dispatch", "new", order, operator="emil").out.strip()
        self.run("dispatch", "add", parcel, "--ready", operator="emil")
        inside = self.tokens(order, "produced")
        for token in inside:
            self.bench.eject(seat)
            self.bench.insert(seat, self.card(token["number"]))
            self.run("dispatch", "check", parcel, "--seat", seat, operator="emil")
        self.bench.take(seat, "good", f"envelope {inside[-1]['number']}")
        self.run("dispatch", "close", parcel, operator="emil")
        self.run("dispatch", "send", parcel, "--courier", "Post", "--reference", "3S1", operator="emil")
        self.acknowledged(parcel)

    def acknowledged(self, parcel: str) -> None:
        """Have the tokens of a parcel that went acknowledged by e-mail."""
        said = self.rows(
            "SELECT quoted, json_extract(fields, '$.group'), json_extract(fields, '$.manager_email') "
            "FROM parcel_tokens JOIN items ON items.id = item_id JOIN parcels ON parcels.id = parcel_id "
            "WHERE parcels.number = ?",
            parcel,
        )
        mail = self.work / f"{parcel}.eml"
        lines = "".join(f"{quoted} {name}\r\n" for quoted, name, _ in said)
        head = "To: desk@example.org\r\nSubject: received\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        mail.write_bytes(f"From: {said[0][2]}\r\n{head}{lines}".encode())
        self.run("acknowledge", "--eml", str(mail))

    def feed_by_hand(self, *seats: str) -> None:
        """Take the bench's feeder away from some seats: tokens are put in and taken out by the test."""

        def change(text: str) -> str:
            for seat in seats:
                head, found, rest = text.partition(f'name = "{seat}"')
                assert found, f"no seat {seat}"
                text = head + found + rest.replace('feeder = "bench"', 'feeder = "hands"', 1)
            return text

        self.configure(change)

    @contextmanager
    def cleared(self) -> Iterator[Desk]:
        """For one test of several: empty seats, nothing armed; afterwards configured as before."""
        self.bench.disarm()
        for seat in self.bench.seats:
            self.bench.eject(seat)
        made = (self.home / "station.toml").read_text()
        yield self
        self.stop()
        self.bench.disarm()
        self.configure(lambda _: made)

    def stop(self) -> None:
        """End what a test that failed has left running."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()

    def _started(self, process: Process) -> Started:
        self.started.append(process)
        return Started(process, self.said)

    def _plumbing(self) -> dict[str, Any]:
        here = {"cwd": self.work, "env": self.environment, "stdin": subprocess.DEVNULL}
        return {**here, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


@dataclass(frozen=True)
class Ended:
    """A command that ran to its end."""

    code: int
    out: str
    err: str


class Started:
    """A command that runs."""

    def __init__(self, process: Process, said: list[bytes]) -> None:
        self.process = process
        self._said = said
        self._heard = b""
        self._upto = 0

    def hear(self, words: str) -> None:
        """Wait until the command says this on standard error, after what was heard of it before."""
        assert self.process.stderr is not None
        descriptor = self.process.stderr.fileno()
        while (found := self._heard.find(words.encode(), self._upto)) < 0:
            ready, _, _ = select.select([descriptor], [], [], PATIENCE)
            more = os.read(descriptor, 65536) if ready else b""
            assert more, f"{words!r} was not said: {self._heard.decode()}"
            self._heard += more
        self._upto = found + len(words.encode())

    def wait_until(self, holds: Callable[[], bool], what: str) -> None:
        """Look again and again whether something holds; fails where the command ends first."""
        end = os.pidfd_open(self.process.pid)
        try:
            poll = select.poll()
            poll.register(end, select.POLLIN)
            while not holds():
                assert not poll.poll(_BETWEEN_LOOKS), f"the command ended before {what}: {self.end().err}"
        finally:
            os.close(end)

    @property
    def children(self) -> list[int]:
        """The processes it started itself."""
        pid = self.process.pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def signal(self, number: int) -> None:
        """Send a signal to the command and to nobody else."""
        self.process.send_signal(number)

    def end(self) -> Ended:
        """Wait for its end and hear the rest of what it says."""
        try:
            out, err = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            err += b"\n(killed by the test: it had not ended)"
        err = self._heard + err
        assert self.process.returncode is not None
        self._said += [out, err]
        return Ended(self.process.returncode, out.decode(), err.decode())
