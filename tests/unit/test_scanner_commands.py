"""`letter confirm` and `dispatch add` with a scanner at a serial port: each scan is judged at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from batch.letters import stock
from batch.model.people import Role
from batch.model.states import ItemState, LifeState
from batch.store import items, letters, orders
from batch.store.database import Records
from layouts.scans import Kind, content
from station.exit_codes import ExitCode
from station.home import Home
from tests.unit.cli import Cli
from tests.unit.dispatch_kit import ready
from tests.unit.forms_kit import PRINTER, LetterDesk, finish, form
from tests.unit.login_kit import passphrase, pin_fd, staffed
from tests.unit.restore_kit import home_of
from tests.unit.scanner_kit import FakeScanner

ORDER = "2026-0001"
READY = "2026-0002"
NUMBERED = f"""
[printer]
driver = "{PRINTER}"
numbered_forms = true
[printer.options]
device = "/dev/null"
"""


@pytest.fixture
def device() -> Iterator[FakeScanner]:
    with FakeScanner() as made:
        yield made


@pytest.fixture
def desk(device: FakeScanner, tmp_path: Path) -> Home:
    """A desk with a scanner and numbered forms, where carl is PIN officer and dirk has two tokens to pack."""
    home = home_of(tmp_path / "home")
    (home.path / "layouts" / "tokens" / "own.toml").unlink()
    home.configuration.write_text(home.configuration.read_text() + NUMBERED + device.options)
    with closing(Records(home.records)) as records:
        ready(records, 2)
    staffed(home, carl=(Role.PIN_OFFICER,), dirk=(Role.DISPATCHER,))
    return home


@pytest.fixture
def home(desk: Home) -> Path:
    """Three letters are printed there."""
    with closing(Records(desk.records)) as records:
        printed = LetterDesk(records, orders.order(records, ORDER))
        finish(records, printed.order)
        for number in ("000001", "000002", "000003"):
            printed.token(number, LifeState.DISPATCHED, LifeState.ACKNOWLEDGED)
        printed.printed("000001", "000002", "000003")
        stock.receive(records, PRINTER, form("A-0001"), form("A-0009"), "carl")
    return desk.path


def states(home: Path) -> dict[str, str]:
    """The letters that were printed, and what they are by now."""
    with closing(Records(home / "station.db")) as records:
        order = orders.order(records, ORDER)
        return {one.mailer_number: str(one.state) for one in letters.letters(records, order.id)}


class Command:
    """A command under way; what it says is waited for before the next scan."""

    def __init__(self, home: Path, by: str, *words: str) -> None:
        fd = pin_fd(**{by: passphrase(by)})
        self.process = subprocess.Popen(
            [sys.executable, "-m", "station", *words, "--as", by, "--home", str(home), "--pin-fd", fd],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[int(fd)],
            text=True,
        )
        os.close(int(fd))

    def hear(self, words: str) -> None:
        assert self.process.stderr is not None
        heard = []
        for line in self.process.stderr:
            heard.append(line)
            if words in line:
                return
        raise AssertionError(f"{words!r} was not said: {''.join(heard)}")

    def type(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()

    def end(self) -> tuple[int, str]:
        _, err = self.process.communicate()
        return self.process.returncode, err


@contextmanager
def command(home: Path, by: str, *words: str) -> Iterator[Command]:
    started = Command(home, by, *words)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.communicate()


def test_letters_and_forms_are_confirmed_as_they_are_scanned(home: Path, device: FakeScanner) -> None:
    first, third = (content(Kind.LETTER, number) for number in ("000001", "000003"))
    a1 = content(Kind.FORM, "A-0001")
    with command(home, "carl", "letter", "confirm", "--scanner") as confirming:
        confirming.hear("scan each letter and its form")
        device.scan(first)
        confirming.hear("000001 ...")
        device.scan(third)
        confirming.hear("letter 000003: comes before the form of letter 000001")
        device.scan(first.replace("1", "2", 1))
        confirming.hear("was misread")
        device.scan(f"]C1{a1}")
        confirming.hear("1: letter 000001 on form A-0001")
        confirming.type("000002")
        confirming.hear("000002 ...")
        confirming.type("A-0002")
        confirming.hear("2: letter 000002 on form A-0002")
        confirming.type("")
        code, err = confirming.end()

    assert (code, "2 letters are confirmed" in err) == (ExitCode.OK, True), err
    assert states(home) == {"000001": "confirmed", "000002": "confirmed", "000003": "printed"}


def test_half_a_pair_confirms_nothing(home: Path, device: FakeScanner) -> None:
    with command(home, "carl", "letter", "confirm", "--scanner") as confirming:
        confirming.hear("scan each letter and its form")
        device.scan(content(Kind.LETTER, "000001"), content(Kind.FORM, "A-0001"))
        device.scan(content(Kind.FORM, "A-0002"))
        confirming.hear("form A-0002 ...")
        confirming.type("")
        code, err = confirming.end()

    assert code == ExitCode.FAULTS_IN_INPUT
    assert "form A-0002: is without its counterpart" in err
    assert set(states(home).values()) == {"printed"}


def test_a_scanner_that_is_unplugged_ends_it_and_nothing_is_on_record(
    home: Path, device: FakeScanner
) -> None:
    with command(home, "carl", "letter", "confirm", "--scanner") as confirming:
        confirming.hear("scan each letter and its form")
        device.scan(content(Kind.LETTER, "000001"), content(Kind.FORM, "A-0001"))
        confirming.hear("1: letter 000001")
        device.unplug()
        code, err = confirming.end()

    assert code == ExitCode.DEVICE, err
    assert set(states(home).values()) == {"printed"}


def test_tokens_are_scanned_into_a_parcel(desk: Home, device: FakeScanner, cli: Cli) -> None:
    with closing(Records(desk.records)) as records:
        found = list(items.items(records, orders.order(records, READY), ItemState.PRODUCED))
    (one, *_), by = found, ("--as", "dirk", "--home", str(desk.path))
    made = cli("dispatch", "new", READY, *by, "--pin-fd", pin_fd(dirk=passphrase("dirk")))
    assert made.code == ExitCode.OK, made.err
    parcel = made.out.strip()
    with command(desk.path, "dirk", "dispatch", "add", parcel, "--scanner") as adding:
        adding.hear("scan each token")
        device.scan(content(Kind.FORM, "A-0001"))
        adding.hear("is the number of a form; scan the number of a letter or token")
        device.scan(content(Kind.LETTER, one.mailer_number))
        adding.hear(f"1 token, {one.mailer_number}")
        adding.type("")
        code, err = adding.end()

    assert (code, f"1 token in parcel {parcel}" in err) == (ExitCode.OK, True), err
    shown = cli("dispatch", "show", parcel, "--home", str(desk.path), "--json")
    assert [token["serial"] for token in json.loads(shown.out)["tokens"]] == [one.token_serial]


def test_a_desk_without_a_scanner_says_so(home: Path, device: FakeScanner) -> None:
    configuration = home / "station.toml"
    configuration.write_text(configuration.read_text().replace(device.options, ""))
    with command(home, "carl", "letter", "confirm", "--scanner") as confirming:
        code, err = confirming.end()
    assert (code, "no scanner is configured" in err) == (ExitCode.CONFIGURATION, True), err
