"""`python -m tests.speed.screen [--quick] [--records FILE]`: how soon the screen opens and answers keys.

Sixteen lanes work meanwhile, on cards that take two seconds for a key, and a million tokens are on file.
Keys are typed at a terminal of its own, and answered when what they should show stands on it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from simulators.piv.card import Delays
from tests.speed import large
from tests.speed.desk import PASSPHRASES, Desk, desk, environment
from tests.speed.table import Row, Section, Target, show
from tests.speed.terminal import Terminal

_SLOW = Delays(p256=2.0)
_LANES = 16
_NICENESS = 10

_AT_ONCE = 0.1
_GONE = 2.0
_OWN = ("audit", "log_facts", "clock", "statements", "signatures", "operator_keys", "sessions")
"""Tables that stay the desk's own: they are signed or chained."""


@dataclass(frozen=True)
class Stroke:
    """Keys, what stands on the screen once they are answered, and the keys that take it back."""

    what: str
    keys: str
    seen: str
    back: str = ""
    gone: str = ""


F2, F6, F7, F10, ESCAPE = "\x1bOQ", "\x1b[17~", "\x1b[18~", "\x1b[21~", "\x1b"

STROKES = (
    Stroke("help, and closed again", "?", "F12", ESCAPE),
    Stroke("the palette of all commands, and closed again", "\x10", "Search for commands", ESCAPE),
    Stroke("from the bench to the tokens", F6, "[6Tokens]", F2, "[F2Bench]"),
    Stroke("from the bench to the audit log", F10, "[10Audit]", F2, "[F2Bench]"),
)


@contextmanager
def busy_desk(directory: Path, many: Path | None, count: int, tokens: int) -> Iterator[Path]:
    """The home of a desk with so many tokens on file, at which sixteen lanes make so many more.

    It lives in a process of its own, which gives way: real cards have processors of their own, too.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, directory, many, count, tokens))
    process.start()
    theirs.close()
    try:
        yield ours.recv()
    finally:
        ours.close()
        process.join()


def _work(pipe: Connection, *made_of: Any) -> None:
    os.nice(_NICENESS)
    with _at_work(*made_of) as made, suppress(EOFError):
        pipe.send(made.home)
        pipe.recv()


@contextmanager
def _at_work(directory: Path, many: Path | None, count: int, tokens: int) -> Iterator[Desk]:
    with desk(piv=_LANES, delays=_SLOW) as made:
        if many is None:
            many = directory / "many.db"
            large.fill(many, count)
        _take_in(made.home / "station.db", many)
        number = made.order(("group-card:p-256", tokens))
        production = made.produce(number)
        try:
            yield made
        finally:
            production.terminate()
            production.wait()


def _take_in(records: Path, many: Path) -> None:
    """Copy what a large file holds into the empty tables of a desk's records."""
    with closing(sqlite3.connect(records, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous=OFF")
        db.execute("ATTACH ? AS many", (str(many),))
        names = [row[0] for row in db.execute("SELECT name FROM many.sqlite_schema WHERE type = 'table'")]
        db.execute("BEGIN")
        for name in names:
            own = name in _OWN or name.startswith(("sqlite_", "_"))
            if not own and db.execute(f'SELECT 1 FROM main."{name}" LIMIT 1').fetchone() is None:
                db.execute(f'INSERT INTO main."{name}" SELECT * FROM many."{name}"')
        db.execute("COMMIT")


@dataclass(frozen=True)
class Times:
    """Seconds until some keys were answered, one of each time they were typed."""

    what: str
    seconds: Sequence[float]

    def row(self, most: float) -> Row:
        """A row with the middle and the worst of them."""
        middle, worst = (
            round(value * 1000) for value in (statistics.median(self.seconds), max(self.seconds))
        )
        words = f"worst {worst} ms of {len(self.seconds)}"
        return Row(
            self.what, f"{middle} ms", "", words, Target(f"{most * 1000:g} ms", max(self.seconds) <= most)
        )


def measure(home: Path, rounds: int) -> list[Row]:
    """Open the screen, log in by keys, type every stroke some times, and leave."""
    command = [sys.executable, "-m", "station", "--home", str(home), "screen"]
    with Terminal(command, environment()) as terminal:
        opened = terminal.until(lambda text: "ada" in text) - terminal.begun
        terminal.press("\x1b[B" * _place(terminal.text, "ada") + "\r")
        terminal.until(lambda text: "passphrase of ada" in text)
        terminal.press(PASSPHRASES["ada"] + "\r")
        terminal.until(lambda text: "[F2Bench]" in text)
        strokes = [_typed(terminal, one, rounds) for one in STROKES]
        terminal.press("\x11")
        terminal.until(lambda text: "Leave the screen?" in text)
        left = terminal.press("\t\r")
        gone = terminal.ended() - left
    return [
        Times("opened, to the login", (opened,)).row(_GONE),
        *(one.row(_AT_ONCE) for one in strokes),
        Times("left", (gone,)).row(_GONE),
    ]


def _typed(terminal: Terminal, stroke: Stroke, rounds: int) -> Times:
    seconds = []
    for _ in range(rounds):
        at = terminal.press(stroke.keys)
        seconds.append(terminal.until(lambda text: stroke.seen in text) - at)
        terminal.press(stroke.back)
        terminal.until(lambda text: stroke.gone in text and stroke.seen not in text)
    return Times(stroke.what, seconds)


def _place(text: str, name: str) -> int:
    """How many lines below the first choice of the login a name is."""
    lines = text.splitlines()
    first = next(at for at, line in enumerate(lines) if "whose token" in line)
    return next(at for at, line in enumerate(lines) if f"▊ {name} " in line) - first


def main() -> None:
    """Measure, print, and end with 1 where a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.speed.screen", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20,000 tokens on file, few rounds")
    parser.add_argument("--records", type=Path, metavar="FILE", help="large records that were made before")
    given = parser.parse_args()
    count, rounds = (20_000, 5) if given.quick else (1_000_000, 30)
    with (
        tempfile.TemporaryDirectory(prefix="station-screen-") as directory,
        busy_desk(Path(directory), given.records, count, tokens=1000) as home,
    ):
        rows = measure(home, rounds)
    show(f"The screen, sixteen lanes at work, {count} tokens on file", [Section("Keys", tuple(rows))], ())
    sys.exit(any(row.target is not None and not row.target.met for row in rows))


if __name__ == "__main__":
    main()
