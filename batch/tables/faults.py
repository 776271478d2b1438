"""What is wrong with an order file, told so that the subscriber can mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

MOST = 10_000
"""Faults listed of one file; a file with more is not an order, and memory has an end."""

_SHOWN = 60


@dataclass(frozen=True)
class Fault:
    """One fault: where it stands, what is wrong with it and what would be right.

    `line`: counted from 1 as an editor does, or a sheet's row; 0 for the file as a whole. `column`: its
    canonical name, or the name in the file where it is none of ours, "" for a whole line. `value`: as in the
    file, shortened. `cell`: in a workbook, such as `Sheet1!C7`, else "".
    """

    line: int
    column: str
    value: str
    wrong: str
    right: str
    cell: str = ""

    @property
    def what(self) -> str:
        """What is wrong, with the value it is about."""
        return f"{quoted(self.value)} {self.wrong}" if self.value else self.wrong

    def __str__(self) -> str:
        place = self.cell or (f"line {self.line}" if self.line else "the file")
        if self.column:
            place = f"{place}, {self.column}"
        return f"{place}: {self.what}; {self.right}"


class TableFaults(Exception):
    """An order file was refused as a whole; `faults` lists all that is wrong with it, by line."""

    def __init__(self, faults: tuple[Fault, ...], source: str = "") -> None:
        super().__init__(faults, source)
        self.faults, self.source = faults, source

    @property
    def head(self) -> str:
        """How many there are."""
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        return f"{count}, nothing was taken"

    def __str__(self) -> str:
        head = f"{shown(self.source) or 'order'}: {self.head}"
        return "\n".join([head, *(f"  {fault}" for fault in self.faults)])


class FaultList:
    """Collects the faults of the file `source`; raises `TableFaults` by itself when there are `MOST`.

    `sheet`: the name of the sheet the lines are rows of, "" where the file is no workbook. `place`: where the
    columns stand, by the names under which faults are noted, counted from 0.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._faults: list[Fault] = []
        self.sheet = ""
        self.place: Mapping[str, int] = {}

    def add(self, line: int, column: str, value: str, wrong: str, right: str) -> None:
        """Note one fault (see `Fault`)."""
        self._add(line, column, self.place.get(column), value, wrong, right)

    def add_cell(self, line: int, index: int, value: str, wrong: str, right: str) -> None:
        """Note a fault of the cell that is `index` to the right of the first."""
        names = [name for name, at in self.place.items() if at == index]
        self._add(line, names[0] if names else "", index, value, wrong, right)

    def at(self, line: int) -> str:
        """What another line is called in a fault: `line 7`, or `row 7` of a sheet."""
        return f"{'row' if self.sheet else 'line'} {line}"

    def _add(self, line: int, column: str, index: int | None, value: str, wrong: str, right: str) -> None:
        cell = self._cell(line, index)
        self._faults.append(Fault(line, shown(column), _shortened(value), wrong, right, cell))
        if len(self._faults) == MOST:
            last = max(fault.line for fault in self._faults)
            wrong = f"more than {MOST - 1:,} faults were found and the rest is not listed"
            right = "mend these, then import the file again"
            self._faults[-1] = Fault(last, "", "", wrong, right, self._cell(last, None))
            self.stop()

    def _cell(self, line: int, index: int | None) -> str:
        if not (self.sheet and line):
            return ""
        name = shown(self.sheet)
        if index is None:
            return f"{name}, row {line}"
        plain = name.isalnum() and not name[0].isdigit()
        quoted_name = name if plain else "'" + name.replace("'", "''") + "'"
        return f"{quoted_name}!{column_letters(index + 1)}{line}"

    def __len__(self) -> int:
        return len(self._faults)

    def stop(self) -> NoReturn:
        """Raise `TableFaults` with what was found; there is nothing more to be read."""
        raise TableFaults(tuple(sorted(self._faults, key=lambda fault: fault.line)), self._source)

    def stop_if_any(self) -> None:
        """Raise `TableFaults` if anything was found."""
        if self._faults:
            self.stop()


def _shortened(value: str) -> str:
    return value if len(value) <= _SHOWN else f"{value[: _SHOWN - 1]}…"


def quoted(value: str) -> str:
    """A value from a file between quotes, with what a terminal would obey or hide written as escapes."""
    return repr(_shortened(value))


def shown(value: str) -> str:
    """A value from a file without quotes, safe as `quoted` is."""
    short = _shortened(value)
    return short if short.isprintable() else repr(short)[1:-1]


def column_letters(number: int) -> str:
    """The letters of a sheet's column by its number, from 1."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
