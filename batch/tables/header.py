"""The row of column names: which column stands where."""

from __future__ import annotations

from collections.abc import Mapping

from batch.tables.columns import Column, ColumnSet
from batch.tables.faults import FaultList, quoted
from batch.tables.table import MOST_CELLS, Record


class Header:
    """Where each column stands (`place`), which are `missing`, and how many cells make a row (`width`).

    What is wrong with the names is noted as it is made. Raises `TableFaults` where the row names no column at
    all, because then nothing below it can be read.
    """

    def __init__(self, record: Record, columns: ColumnSet, faults: FaultList) -> None:
        self._columns = columns
        names = [name.strip() for name in record.cells]
        while not names[-1]:
            names.pop()
        if len(names) > MOST_CELLS:
            right = f"{columns.what} has at most {MOST_CELLS}"
            faults.add(record.first, "", "", f"has {len(names):,} columns", right)
            faults.stop()
        found = {index: column for index, name in enumerate(names) if (column := columns.find(name))}
        if not found:
            right = f"begin with a row that names the columns: {', '.join(columns.always)} …"
            faults.add(record.first, "", "", "this is no row of column names", right)
            faults.stop()
        self.line = record.first
        self.width = len(names)
        self._faults = faults
        self.missing: set[str] = set()
        faults.place = {name: index for index, name in enumerate(names)} | {
            column.name: index for index, column in reversed(found.items())
        }
        self.place: Mapping[str, int] = self._placed(record, names, found)
        self.missing |= self._unknown(record, names, found)
        for name in columns.always:
            self.require(name, f"{columns.what} always has it")

    def _placed(self, record: Record, names: list[str], found: Mapping[int, Column]) -> Mapping[str, int]:
        place: dict[str, int] = {}
        for index, column in found.items():
            if (first := place.setdefault(column.name, index)) != index:
                wrong = f"stands here twice, as {quoted(names[first])} and {quoted(names[index])}"
                self._faults.add(
                    record.line_of(index), column.name, "", wrong, "leave one of the columns out"
                )
        return place

    def _unknown(self, record: Record, names: list[str], found: Mapping[int, Column]) -> set[str]:
        """Note the names that are none of ours; the missing columns they were surely meant to be."""
        meant = set()
        for index, name in enumerate(names):
            line = record.line_of(index)
            if not name:
                self._faults.add(line, "", "", f"column {index + 1} has no name", "name it, or take it out")
            elif index not in found:
                near = self._columns.nearest(name)
                right = (
                    f"did you mean {near}?" if near else f"the columns are {', '.join(self._columns.by_name)}"
                )
                self._faults.add(line, name, "", f"is no column of {self._columns.what}", right)
                if near and near not in self.place:
                    meant.add(near)
        return meant

    def require(self, name: str, why: str) -> None:
        """Note, once, that a column is not there and `why` it has to be."""
        if name not in self.place and name not in self.missing:
            self.missing.add(name)
            right = f"add it, with {self._columns.by_name[name].meaning}; {why}"
            self._faults.add(self.line, name, "", "this column is missing", right)
