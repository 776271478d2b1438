"""The cells of a row, each checked by its column."""

from __future__ import annotations

from collections.abc import Mapping

from batch.tables import values
from batch.tables.columns import ColumnSet
from batch.tables.faults import FaultList
from batch.tables.header import Header
from batch.tables.table import Record


class Cells:
    """Reads the cells under a header and notes their faults."""

    def __init__(self, header: Header, columns: ColumnSet, faults: FaultList) -> None:
        self._header, self._faults = header, faults
        self._checks = [
            (index, name, columns.by_name[name].check, dict[str, str | values.BadValue]())
            for name, index in header.place.items()
        ]
        self._blank = dict.fromkeys(columns.by_name, "")

    def read(self, record: Record) -> tuple[dict[str, str], set[str]] | None:
        """The fields of a row by column, "" where not filled, and the names of the faulty ones.

        Those stand as they are in the file. None where the row's cells cannot be told apart.
        """
        width = len(record.cells)
        if width < self._header.width or any(cell.strip() for cell in record.cells[self._header.width :]):
            wrong = f"has {width} cells under {self._header.width} column names"
            right = "put a value with a delimiter in it between quotes, and leave empty cells in their place"
            self._faults.add(record.first, "", "", wrong, right)
            return None
        fields, bad = self._blank.copy(), set()
        for index, name, check, seen in self._checks:
            raw = record.cells[index]
            if index in record.named:
                bad.add(name)
                fields[name] = raw.strip()
                continue
            if (value := seen.get(raw)) is None:
                try:
                    value = values.clean(raw)
                    value = check(value) if value else ""
                except values.BadValue as error:
                    value = error
                seen[raw] = value
            if isinstance(value, values.BadValue):
                bad.add(name)
                fields[name] = raw.strip()
                self.note(record, name, raw, value.wrong, value.right)
            else:
                fields[name] = value
        return fields, bad

    def require(self, record: Record, fields: Mapping[str, str], name: str, meaning: str, why: str) -> None:
        """Note where a column is missing or its cell empty; `meaning`: what to write, `why` it has to be."""
        if name not in self._header.place:
            self._header.require(name, why)
        elif not fields[name]:
            self.note(record, name, "", "is empty", f"write {meaning}; {why}")

    def note(self, record: Record, name: str, value: str, wrong: str, right: str) -> None:
        """Note what is wrong with the cell of a column that is there."""
        self._faults.add(record.line_of(self._header.place[name]), name, value, wrong, right)
