"""`make faults`: the complete matrix of torn personalisations, in one table."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from layouts.library import Library
from tests.faults import letters, machine_matrix
from tests.faults.commits import Row as Sum
from tests.faults.tearing import SEATS, Floor, Outcome, Point, floor, points

_AT_ONCE = 2
"""Benches that work at the same time."""

_ONE_IN = 30
_ONE_LETTER_IN = 5
_ALGORITHMS = {"p-256": False, "rsa-2048": True}
"""Of each layout: torn before and after every exchange, and torn once at every exchange."""


@dataclass
class Row:
    """One line of the table."""

    what: str
    driver: str
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
    try:
        with ThreadPoolExecutor(_AT_ONCE) as benches:
            printed = benches.submit(_printed, folder, quick) if only is None or "letters" in only else None
            kills = [benches.submit(_killed, folder, quick)] if only is None or "kills" in only else []
            works = [work for work in _works() if only is None or work[0] in only]
            torn = [benches.submit(_torn, folder, *work, quick) for work in works]
            rows = [one.result() for one in torn]
            machine = [row for one in kills for row in one.result()]
            crashed = printed.result() if printed else None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return _show(rows, machine, time.monotonic() - begun) | _show_letters(crashed)


def _works() -> list[tuple[str, str, bool]]:
    """Layout with algorithm, driver, and whether each exchange is torn once only; long ones first."""
    library = Library()
    found = []
    for name in library.names():
        for algorithm, once in _ALGORITHMS.items():
            layout = library.token(f"{name}:{algorithm}")
            found.append((layout.ref, layout.driver, once))
    return sorted(found, key=lambda work: (work[1] != "pkcs11", work[2]))


def _torn(folder: Path, layout: str, driver: str, once: bool, quick: bool) -> Row:
    row = Row(layout, driver)
    with floor(Path(tempfile.mkdtemp(dir=folder)), layout) as desk:
        left = points(desk.exchanges(), once=once, during=driver == "piv" and not once)
        left = left[:: _ONE_IN if quick else 1]
        while left:
            some, left = left[:SEATS], left[SEATS:]
            _tear(desk, some, row)
            states = Counter(one.state for one in row.outcomes)
            told = ", ".join(f"{number} {state}" for state, number in states.items())
            _say(f"{layout}: {told}; {len(left)} to go")
            for remark in row.remarks:
                _say(f"  {remark}")
    return row


def _killed(folder: Path, quick: bool) -> list[tuple[str, Sum]]:
    found = []

    def place(name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=name, dir=folder))

    for name, row in machine_matrix.rows(place, _ONE_IN if quick else 1):
        found.append((name, row))
        _say(f"{name}: {row.points} points")
    return found


def _printed(folder: Path, quick: bool) -> letters.Row:
    def place(name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=name, dir=folder))

    row = letters.row(place, _ONE_LETTER_IN if quick else 1)
    _say(f"letters: {row.points} points")
    return row


def _tear(desk: Floor, some: Sequence[Point], row: Row) -> None:
    found = desk.tear(some)
    row.outcomes += found.outcomes
    row.wrong += found.wrong


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)  # noqa: T201


def _show(rows: Sequence[Row], machine: Sequence[tuple[str, Sum]], seconds: float) -> int:
    console = Console(highlight=False, width=None if Console().is_terminal else 140)
    table = Table(title=f"Torn at every point, in {seconds / 60:.0f} min", title_justify="left")
    for number, heading in enumerate(_HEADINGS):
        table.add_column(heading, justify="right" if number > 1 else "left")
    for row in rows:
        table.add_row(*row.cells)
    table.add_section()
    for name, sum_ in machine:
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
    bad = any(sum_.lost or sum_.double for _, sum_ in machine)
    return int(bool(remarks) or bad)


def _show_letters(row: letters.Row | None) -> int:
    if row is None:
        return 0
    told = ", ".join(f"{number} {name}" for name, number in asdict(row).items())
    Console(highlight=False).print(f"Printing of letters, crashed at every step: {told}", soft_wrap=True)
    return int(bool(row.lost or row.double))


_HEADINGS = ("torn", "driver", "points", "produced", "quarantined", "lost", "double")


def _list(console: Console, heading: str, lines: Sequence[str]) -> None:
    if lines:
        console.print(heading)
        for line in lines:
            console.print(f"  {line}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
