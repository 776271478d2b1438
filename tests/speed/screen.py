"""`python -m tests.speed.screen [--quick] [--records FILE]`: how soon the screen opens and answers keys.

Sixteen lanes work meanwhile, on cards that take two seconds for a key, and a million tokens are on file.
Keys are typed at a terminal of its own, and answered when what they should show stands on it.
"""

from __future__ import annotations

import argparse
import math
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
_SOON = 2.0
_REST = 0.5
"""Seconds somebody waits between going somewhere and typing there."""
_BETWEEN = 0.2
"""Seconds between two keys."""
_OWN = ("audit", "log_facts", "clock", "statements", "signatures", "operator_keys", "sessions")
"""Tables that stay the desk's own: they are signed or chained."""


ESCAPE, END, HOME, UP, DOWN, BACKSPACE = "\x1b", "\x1b[F", "\x1b[H", "\x1b[A", "\x1b[B", "\x7f"
AREAS = {
    "\x1bOR": "[3Orders]",
    "\x1bOS": "[4Letters]",
    "\x1b[15~": "[5Dispatch]",
    "\x1b[17~": "[6Tokens]",
    "\x1b[18~": "[7Due today]",
    "\x1b[19~": "[8Quarantine]",
    "\x1b[20~": "[9Registry]",
    "\x1b[21~": "[10Audit]",
    "\x1b[23~": "[11Stock]",
    "\x1b[24~": "[12Health]",
}
"""What F3 to F12 send, and how their areas stand in the second line when they are open."""
F2, F6, F10 = "\x1bOQ", "\x1b[17~", "\x1b[21~"
BENCH = "[F2Bench]"


@dataclass(frozen=True)
class Stroke:
    """Keys, what comes on the screen once they are answered, the keys that take it back, and what comes then.

    `place` is typed once before them, one after the other, where they are not typed on the bench.
    """

    what: str
    keys: str
    seen: str
    back: str = ESCAPE
    gone: str = BENCH
    place: Sequence[str] = ()


STROKES = (
    Stroke("help", "?", "F12"),
    Stroke("the palette of all commands", "\x10", "Search for commands"),
    Stroke("the first digit of a scan", "0", "typed or scanned"),
    Stroke("from the bench to the tokens", F6, AREAS[F6], F2),
    Stroke("from the bench to the audit log", F10, AREAS[F10], F2),
    Stroke("a number scanned on the bench, to its token", "000123\r", "000123 ·", F2),
    Stroke("tokens: the one above, with all of it", UP, "000002 ·", DOWN, "000001 ·", (F6, ESCAPE, END)),
    Stroke("tokens: from the newest to the oldest", END, "000001 ·", HOME, "Measured", (F6, HOME)),
    Stroke("tokens: a digit more of a search", "3", "000123 ·", BACKSPACE, "000129 ·", (F6, "/", "00012")),
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
        """A row with their middle; the target is met where nineteen of twenty meet it."""
        ordered = sorted(self.seconds)
        nineteen = ordered[max(0, math.ceil(0.95 * len(ordered)) - 1)]
        words = f"95 % {_ms(nineteen)}, worst {_ms(ordered[-1])}, of {len(ordered)}" if ordered[1:] else ""
        return Row(self.what, _ms(statistics.median(ordered)), "", words, Target(_ms(most), nineteen <= most))


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def measure(home: Path, rounds: int) -> list[Section]:
    """Open the screen, log in by keys, open every area, type every stroke some times, and leave."""
    command = [sys.executable, "-m", "station", "--home", str(home), "screen"]
    with Terminal(command, environment()) as terminal:
        opened = terminal.until(lambda text: "ada" in text) - terminal.begun
        terminal.press("\x1b[B" * _place(terminal.text, "ada") + "\r")
        terminal.until(lambda text: "passphrase of ada" in text)
        terminal.press(PASSPHRASES["ada"] + "\r")
        terminal.until(lambda text: BENCH in text)
        first = Times("an area, the first time", [_first(terminal, *one) for one in AREAS.items()])
        strokes = [_typed(terminal, one, rounds) for one in STROKES]
        terminal.press("\x11")
        terminal.came("Leave the screen?")
        left = terminal.press("\t\r")
        gone = terminal.ended() - left
    return [
        Section("Keys", tuple(one.row(_AT_ONCE) for one in (*strokes, first))),
        Section(
            "The screen",
            (Times("opened, to the login", (opened,)).row(_SOON), Times("left", (gone,)).row(_SOON)),
        ),
    ]


def _first(terminal: Terminal, keys: str, seen: str) -> float:
    at = terminal.press(keys)
    answered = terminal.came(seen) - at
    _back_to_bench(terminal)
    return answered


def _back_to_bench(terminal: Terminal) -> None:
    terminal.rest(_REST)
    terminal.press(F2)
    terminal.came(BENCH)
    terminal.rest(_REST)


def _typed(terminal: Terminal, stroke: Stroke, rounds: int) -> Times:
    """Times of a stroke; the first does not count, for what it opens may have to be loaded."""
    seconds = []
    for keys in stroke.place:
        terminal.press(keys)
        terminal.rest(_REST)
    for _ in range(rounds + 1):
        at = terminal.press(stroke.keys)
        seconds.append(terminal.came(stroke.seen) - at)
        terminal.rest(_BETWEEN)
        terminal.press(stroke.back)
        terminal.came(stroke.gone)
        terminal.rest(_BETWEEN)
    if stroke.place:
        _back_to_bench(terminal)
    return Times(stroke.what, seconds[1:])


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
        sections = measure(home, rounds)
    show(f"The screen, sixteen lanes at work, {count} tokens on file", sections, ())
    sys.exit(any(row.target and not row.target.met for section in sections for row in section.rows))


if __name__ == "__main__":
    main()
