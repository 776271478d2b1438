"""Rows of a faulty file as they stand in it, for a person to look at beside its faults."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from batch.tables.columns import ColumnSet
from batch.tables.faults import FaultList, TableFaults, shown
from batch.tables.reading import read_table
from batch.tables.table import MOST_CELLS

_FIRST, _MOST = 50, 500
"""Rows that are shown whatever they hold, and rows that are shown at most."""


@dataclass(frozen=True)
class ExcerptRow:
    """A row on the lines `first` to `last`, counted from 1."""

    first: int
    last: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Excerpt:
    """`columns` are the names under which faults are told; `rows` begins with the header as it stands there.

    Cells are shortened, and what a terminal would obey or hide is written as escapes.
    """

    columns: tuple[str, ...]
    rows: tuple[ExcerptRow, ...]


def excerpt(data: bytes, columns: ColumnSet, lines: Collection[int]) -> Excerpt:
    """The header, the first rows, and those on the given lines; nothing of a file that is no table."""
    faults = FaultList("")
    rows: list[ExcerptRow] = []
    wanted = set(lines)
    with suppress(TableFaults):
        for place, record in enumerate(read_table(data, faults, lambda name: columns.find(name) is not None)):
            on = range(record.first, record.last + 1)
            if place <= _FIRST or any(line in wanted for line in on):
                cells = tuple(shown(cell) for cell in record.cells[:MOST_CELLS])
                rows.append(ExcerptRow(record.first, record.last, cells))
                if place == 0:
                    named = [columns.find(cell.strip()) for cell in record.cells[:MOST_CELLS]]
            if len(rows) > _MOST:
                break
    if not rows:
        return Excerpt((), ())
    names = zip(named, rows[0].cells, strict=True)
    return Excerpt(tuple(column.name if column else cell.strip() for column, cell in names), tuple(rows))
