"""Text to header and rows, each with the line it stands on; what cannot be a row is noted as a fault."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from batch.tables.faults import FaultList

LONGEST_LINE = 65_536
"""Characters of one line; a row of the longest values allowed has some 1,000."""

MOST_CELLS = 200

MOST_LINES = 250_000
"""Lines of one file: as many rows as an order may have, and room for empty ones."""

_LONGEST_ROW = 10  # lines; no cell may hold a line break, so a longer row is a quote nobody closed
_DELIMITERS = ";,\t"
_SEP = re.compile(r'"?sep=(.)"?[;,\t]*\s*', re.IGNORECASE)
_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Record:
    """One row: its cells, and the first and last line (from 1) it stands on.

    `named`: the indexes of cells whose fault is noted already.
    """

    first: int
    last: int
    cells: list[str]
    named: frozenset[int] = frozenset()

    def line_of(self, index: int) -> int:
        """The line on which a cell begins."""
        if self.first == self.last:
            return self.first
        return self.first + sum(len(_BREAK.findall(cell)) for cell in self.cells[:index])


def split(text: str, faults: FaultList, known: Callable[[str], bool]) -> Iterator[Record]:
    """The rows of a file, the header first; empty rows are left out, broken ones noted and left out.

    The delimiter is what Excel's `sep=` line says, else the one with which most header names are `known`.
    """
    lines = list(itertools.islice(io.StringIO(text, newline=""), MOST_LINES + 1))
    if len(lines) > MOST_LINES:
        faults.add(0, "", "", f"has more than {MOST_LINES:,} lines", "take out empty ones, or split the file")
        faults.stop()
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE:
            wrong = f"this line has {len(line):,} characters"
            faults.add(
                number, "", "", wrong, f"a row has at most {LONGEST_LINE:,}; look for lost line breaks"
            )
            lines[number - 1] = ""
    first = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    if first == len(lines):
        return
    if said := _SEP.fullmatch(lines[first]):
        delimiter, first = said[1], first + 1
        if delimiter not in _DELIMITERS:
            faults.add(first, "", delimiter, "is no delimiter of such a file", "use comma, semicolon or tab")
            faults.stop()
    else:
        delimiter = max(_DELIMITERS, key=lambda mark: _score(lines[first], mark, known))
    yield from _records(lines, first, delimiter, faults)


def _score(line: str, delimiter: str, known: Callable[[str], bool]) -> tuple[int, int]:
    cells = line.count(delimiter)
    if not cells:
        return (0, 0)
    row = next(csv.reader([line], delimiter=delimiter))
    return sum(map(known, row[:MOST_CELLS])), cells


def _records(lines: list[str], start: int, delimiter: str, faults: FaultList) -> Iterator[Record]:
    while start < len(lines):
        feed = _Feed(lines, start)
        reader = csv.reader(feed, delimiter=delimiter, strict=True)
        while True:
            feed.row = feed.at
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                _note_quote(feed.row + 1, feed.at, faults)
                # what follows may have been swallowed by the open quote: read it on its own
                start = feed.row + 1
                break
            if any(cell and not cell.isspace() for cell in cells):
                yield Record(feed.row + 1, feed.at, cells)


class _Feed:
    """Lines from `at` on; a row that runs on for too many ends in `csv.Error`, which bounds the time."""

    def __init__(self, lines: list[str], at: int) -> None:
        self._lines, self.at, self.row = lines, at, at

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.at >= len(self._lines):
            raise StopIteration
        if self.at - self.row >= _LONGEST_ROW:
            raise csv.Error
        self.at += 1
        return self._lines[self.at - 1]


def _note_quote(first: int, last: int, faults: FaultList) -> None:
    if first == last:
        wrong = "a quoted value does not end at its closing quote, or has none"
    else:
        wrong = f"a quote opened here is not closed as it should be (read on to line {last})"
    faults.add(
        first, "", "", wrong, 'put a value that has quotes in it between quotes and double them: "a ""b"" c"'
    )
