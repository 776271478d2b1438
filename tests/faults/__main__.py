"""`make faults`: the complete matrix of torn personalisations, in one table."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from layouts.library import Library
from tests.faults import letters, machine_matrix
from tests.faults.commits import Row as Sum
from tests.faults.tearing import SEATS, Outcome, Round, floor, points

_AT_ONCE = 2
"""Benches that work at the same time."""

_ONE_IN = 30
_ONE_LETTER_IN = 5
_ALGORITHMS = {"p-256": False, "rsa-2048": True}
"""Of each layout: torn before and after every exchange, and torn once at every exchange."""


@dataclass
class Row:
    """One line of the table; `once` where each exchange is torn in one way only."""

    what: str
    driver: str
    once: bool
    outcomes: list[Outcome] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def cells(self) -> tuple[str, ...]:
        """All columns as text."""
        states = Counter(outcome.state for outcome in self.outcomes)
        numbers = (
            len(self.outcomes),
            states["produced"],
            states["quarantined"],
            sum(fault.startswith("lost") for fault in self.wrong),
            sum(fault.startswith("double") for fault in self.wrong),
        )
        return (self.what, self.driver, *map(str, numbers))

    @property
    def remarks(self) -> list[str]:
        """What does not agree, and points that were not reached."""
        told = list(self.wrong)
        for one in self.outcomes:
            told += [f"{one.point}: {fault}" for fault in one.wrong]
            if not one.torn:
                told.append(f"{one.point}: not reached, {one.state}")
        return told


def main(arguments: Sequence[str]) -> int:
    """Run the matrix; 1 where anything was lost, double or in disagreement."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one point in thirty")
    parser.add_argument(
        "--only", action="append", metavar="ROW", help="such as group-card:p-256, kills, letters"
    )
    asked = parser.parse_args(arguments)
    quick: bool = asked.quick
    only: list[str] | None = asked.only
    begun = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="f"))  # a short path, for the sockets below it
    rows = [row for row in _rows() if only is None or row.what in only]
    machine = {name: Sum() for name, _ in machine_matrix.jobs()}
    printed: list[letters.Row] = []
    stop = threading.Event()
    try:
        with ThreadPoolExecutor(_AT_ONCE) as benches:
            works: list[Future[None]] = []
            if only is None or "letters" in only:
                works.append(benches.submit(_print_all, folder, printed, quick))
            if only is None or "kills" in only:
                works += [
                    benches.submit(_kill, folder, machine, name, job, quick, stop)
                    for name, job in machine_matrix.jobs()
                ]
            works += [benches.submit(_tear_all, folder, row, quick, stop) for row in rows]
            try:
                for work in works:
                    work.result()
            except KeyboardInterrupt:
                stop.set()
                _say("stopping; what runs is not counted")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    shown = _show(rows, machine, time.monotonic() - begun, whole=not stop.is_set())
    return shown | _show_letters(printed)


def _rows() -> list[Row]:
    """A row for each layout and algorithm, long ones first."""
    library = Library()
    found = []
    for name in library.names():
        for algorithm, once in _ALGORITHMS.items():
            layout = library.token(f"{name}:{algorithm}")
            found.append(Row(layout.ref, layout.driver, once))
    return sorted(found, key=lambda row: (row.driver != "pkcs11", row.once))


def _tear_all(folder: Path, row: Row, quick: bool, stop: threading.Event) -> None:
    with floor(Path(tempfile.mkdtemp(dir=folder)), row.what) as desk:
        left = points(desk.exchanges(), once=row.once, during=row.driver == "piv" and not row.once)
        left = left[:: _ONE_IN if quick else 1]
        while left and not stop.is_set():
            some, left = left[:SEATS], left[SEATS:]
            try:
                found = desk.tear(some)
            except Exception as error:
                found = Round((), (f"lost: the round from {some[0]} on was not ended: {error}",))
            if stop.is_set():
                return
            row.outcomes += found.outcomes
            row.wrong += found.wrong
            states = Counter(one.state for one in row.outcomes)
            told = ", ".join(f"{number} {state}" for state, number in states.items())
            _say(f"{row.what}: {told}; {len(left)} to go")
            for remark in row.remarks:
                _say(f"  {remark}")


def _kill(
    folder: Path,
    machine: dict[str, Sum],
    name: str,
    job: machine_matrix.Job,
    quick: bool,
    stop: threading.Event,
) -> None:
    def place(name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=name, dir=folder))

    if not stop.is_set():
        made = job(place, _ONE_IN if quick else 1)
        with _adding:
            machine[name] += made
        _say(f"{name}: {machine[name].points} points")


_adding = threading.Lock()


def _print_all(folder: Path, printed: list[letters.Row], quick: bool) -> None:
    def place(name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=name, dir=folder))

    printed.append(letters.row(place, _ONE_LETTER_IN if quick else 1))
    _say(f"letters: {printed[0].points} points")


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)  # noqa: T201


def _show(rows: Sequence[Row], machine: Mapping[str, Sum], seconds: float, *, whole: bool) -> int:
    console = Console(highlight=False, width=None if Console().is_terminal else 140)
    where = "at every point" if whole else "at some points, until it was stopped"
    table = Table(title=f"Torn {where}, in {seconds / 60:.0f} min", title_justify="left")
    for number, heading in enumerate(_HEADINGS):
        table.add_column(heading, justify="right" if number > 1 else "left")
    for row in rows:
        table.add_row(*row.cells)
    table.add_section()
    for name, sum_ in machine.items():
        if not sum_.points:
            continue
        numbers = (sum_.points, sum_.produced, sum_.quarantined, sum_.lost, sum_.double)
        table.add_row(name, "", *map(str, numbers))
    console.print(table)
    quarantined = [
        f"{row.what}, {one.point}: {one.reason}"
        for row in rows
        for one in row.outcomes
        if one.state == "quarantined"
    ]
    _list(console, "Quarantined:", quarantined)
    remarks = [f"{row.what}, {remark}" for row in rows for remark in row.remarks]
    _list(console, "DOES NOT AGREE:", remarks)
    bad = any(sum_.lost or sum_.double for sum_ in machine.values())
    return int(bool(remarks) or bad or not whole)


def _show_letters(printed: Sequence[letters.Row]) -> int:
    for row in printed:
        told = ", ".join(f"{number} {name}" for name, number in asdict(row).items())
        Console(highlight=False).print(f"Printing of letters, crashed at every step: {told}", soft_wrap=True)
    return int(any(row.lost or row.double for row in printed))


_HEADINGS = ("torn", "driver", "points", "produced", "quarantined", "lost", "double")


def _list(console: Console, heading: str, lines: Sequence[str]) -> None:
    if lines:
        console.print(heading)
        for line in lines:
            console.print(f"  {line}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
