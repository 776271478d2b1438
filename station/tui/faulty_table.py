"""The rows of a faulty file and which of its cells each fault is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from station.conversation.messages import Fault

Spot = tuple[int, int]
"""A cell by row and column of the table; column 0 is the row as a whole."""


@dataclass(frozen=True)
class FaultyTable:
    """Headings and rows as they are shown, the first cell being where the row stands; and faults by spot."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    faults: Mapping[Spot, tuple[Fault, ...]]

    @property
    def spots(self) -> list[Spot]:
        """Where there are faults, from the top, each row from the left."""
        return sorted(self.faults)


def faulty_table(faults: Sequence[Fault], table: Mapping[str, Any] | None) -> FaultyTable:
    """Faults laid over the rows of a file as `check --json` tells them; those of no row come first."""
    columns = list(table["columns"]) if table else []
    told = list(table["rows"]) if table else []
    rows: list[tuple[str, ...]] = []
    beside: dict[int, int] = {}
    lines: dict[int, int] = {}
    if any(one.row is None for one in faults):
        rows.append(("",))
    known = {line for row in told for line in range(row["row"], row["last"] + 1)}
    missing = sorted({one.row for one in faults if one.row is not None} - known)
    merged = sorted([(line, None) for line in missing] + [(row["row"], row) for row in told], key=_first)
    for line, row in merged:
        cells = tuple(row["cells"]) if row else ()
        for each in range(line, (row["last"] if row else line) + 1):
            (lines if row else beside)[each] = len(rows)
        rows.append((str(line), *cells))
    found: dict[Spot, list[Fault]] = {}
    for one in faults:
        at = 0 if one.row is None else lines.get(one.row, beside.get(one.row, 0))
        place = columns.index(one.column) + 1 if one.column in columns and one.row in lines else 0
        found.setdefault((at, place), []).append(one)
    width = max(len(columns) + 1, *(len(row) for row in rows)) if rows else len(columns) + 1
    headings = ("", *columns, *("" for _ in range(width - len(columns) - 1)))
    filled = tuple((*row, *("" for _ in range(width - len(row)))) for row in rows)
    return FaultyTable(headings, filled, {spot: tuple(those) for spot, those in found.items()})


def _first(row: tuple[int, object]) -> int:
    return row[0]
