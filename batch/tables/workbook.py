"""An .xlsx to header and rows: what each cell shows as text, or a fault where that would be a guess."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from batch.tables.faults import FaultList, column_letters, quoted
from batch.tables.table import Record
from batch.tables.workbook_parts import Seen, column_number, look

if TYPE_CHECKING:
    from openpyxl.cell.read_only import EmptyCell, ReadOnlyCell

    Cell = ReadOnlyCell | EmptyCell

BEGINS = b"PK\x03\x04"
"""How every .xlsx begins, and every other ZIP archive."""

_HEADINGS = 2
"""Column names that make a row a header; one may be a word in an explanation."""

_TEXT = "format the cell as Text, then type it again as it shall read"
_EXACT = 10**15
"""Whole numbers from here on may have lost digits in a spreadsheet, which holds 15."""

_OF_READER = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, OSError, RecursionError, SyntaxError),
    *(TypeError, ValueError, zipfile.BadZipFile),
)
"""What a reader of workbooks raises for what is no workbook; it has no error of its own."""

_ZEROS = re.compile(r"0{1,40}")
_RANGE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6}):([A-Z]{1,3})([1-9][0-9]{0,6})")


@dataclass(frozen=True)
class _Sheet:
    name: str
    visible: bool
    seen: Seen
    rows: Callable[[], Iterator[Sequence[Cell]]]


class _Bad(Exception):
    def __init__(self, shown: str, wrong: str, right: str) -> None:
        super().__init__(shown, wrong, right)
        self.shown, self.wrong, self.right = shown, wrong, right


def rows(data: bytes, faults: FaultList, known: Callable[[str], bool]) -> Iterator[Record]:
    """The rows of the one visible sheet that begins with column names, the header first, empty rows left out.

    `known` tells column names. Cells that are no text or plain number, hidden or merged, are noted as faults.
    Raises `TableFaults` where no such sheet can be read.
    """
    try:
        sheet = _chosen(_sheets(*look(data, faults)), faults, known)
        if sheet is not None:
            yield from _records(sheet, faults)
    except (
        KeyError,
        ValueError,
        TypeError,
        IndexError,
        AttributeError,
        AssertionError,
        SyntaxError,
        OSError,
    ):
        # A reader of workbooks has no error of its own for what is no workbook.
        faults.add(0, "", "", "cannot be read as a workbook", "save it anew, or as 'CSV UTF-8'")
        faults.stop()


def _sheets(data: bytes, seen: Mapping[str, Seen]) -> list[_Sheet]:
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
    found = []
    for sheet in book.worksheets:
        # Its part is named nowhere else, and the size a sheet tells of itself hides what lies beyond.
        told = seen.get(getattr(sheet, "_worksheet_path"), Seen())  # noqa: B009
        getattr(sheet, "reset_dimensions")()  # noqa: B009

        def cells(sheet=sheet, told=told) -> Iterator[Sequence[Cell]]:  # type: ignore[no-untyped-def]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if told.rows and told.columns:
                    yield from sheet.iter_rows(max_row=told.rows, max_col=told.columns)

        found.append(_Sheet(sheet.title, sheet.sheet_state == "visible", told, cells))
    return found


def _chosen(sheets: Sequence[_Sheet], faults: FaultList, known: Callable[[str], bool]) -> _Sheet | None:
    first = {sheet.name: _first(sheet) for sheet in sheets}
    headed = [sheet for sheet in sheets if sum(map(known, first[sheet.name])) >= _HEADINGS]
    names = " and ".join(quoted(sheet.name) for sheet in headed)
    if hidden := [sheet for sheet in headed if not sheet.visible]:
        wrong = f"the sheet {quoted(hidden[0].name)} is hidden and begins with column names"
        faults.add(0, "", "", wrong, "show it, or take it out")
        faults.stop()
    if len(headed) > 1:
        faults.add(0, "", "", f"{names} begin with column names", "one file is one table: leave one sheet")
        faults.stop()
    filled = headed or [sheet for sheet in sheets if sheet.visible and first[sheet.name]]
    if len(filled) > 1:
        faults.add(0, "", "", "no sheet begins with column names", "write them in the first row")
        faults.stop()
    return filled[0] if filled else None


def _first(sheet: _Sheet) -> list[str]:
    for cells in sheet.rows():
        if any(_filled(cell) for cell in cells):
            return [str(cell.value) for cell in cells if isinstance(cell.value, str)] or ["?"]
    return []


def _records(sheet: _Sheet, faults: FaultList) -> Iterator[Record]:
    faults.sheet = sheet.name
    hidden = {
        column
        for first, last in sheet.seen.hidden_columns
        for column in range(max(first, 1), min(last, sheet.seen.columns) + 1)
    }
    header = 0
    for number, cells in enumerate(sheet.rows(), 1):
        if not any(_filled(cell) for cell in cells):
            continue
        if not header:
            header = number
            _refuse_merged(sheet, header, faults)
        named: set[int] = set()
        texts = [
            _noted(cell, number, index, index + 1 in hidden, named, faults)
            for index, cell in enumerate(cells)
        ]
        if number in sheet.seen.hidden_rows:
            faults.add(number, "", "", "this row is hidden", "show it, or take it out")
        yield Record(number, number, texts, frozenset(named))


def _refuse_merged(sheet: _Sheet, header: int, faults: FaultList) -> None:
    for told in sheet.seen.merged:
        place = _RANGE.fullmatch(told)
        if place is None or int(place[4]) >= header:
            row = int(place[2]) if place else header
            column = column_number(place[1]) if place else 1
            faults.add_cell(row, column - 1, "", f"cells are merged here ({told[:30]})", "unmerge them")


def _noted(cell: Cell, row: int, index: int, hidden: bool, named: set[int], faults: FaultList) -> str:
    try:
        text = text_of(cell.value, cell.data_type, cell.number_format) if _filled(cell) else ""
        if hidden and text.strip():
            raise _Bad(text, "stands in a hidden column", f"show column {column_letters(index + 1)}")
    except _Bad as error:
        named.add(index)
        faults.add_cell(row, index, error.shown, error.wrong, error.right)
        return error.shown
    return text


def _filled(cell: Cell) -> bool:
    return cell.value is not None and cell.value != ""


def text_of(value: object, data_type: str, number_format: str) -> str:
    """What a cell shows, where that is one text beyond doubt; raises `_Bad`.

    Text as it is; a whole number as its digits, with the zeros before it that a format such as `00000` shows.
    """
    if data_type == "f":
        formula = value if isinstance(value, str) else "="
        raise _Bad(formula, "is a formula", "put its value there: copy, then paste as value")
    if data_type == "e":
        raise _Bad(str(value), "is the error of a formula", "put the value there")
    match value:
        case str():
            return value
        case bool():
            raise _Bad(str(value).upper(), "is true or false, not a text", _TEXT)
        case datetime() | date() | time() | timedelta():
            raise _Bad(str(value), "is a date or time, perhaps made so by the spreadsheet", _TEXT)
        case int() | float():
            return _digits(value, number_format)
    raise _Bad(str(value)[:60], "is neither text nor number", _TEXT)


def _digits(value: float, number_format: str) -> str:
    if isinstance(value, float) and not value.is_integer():
        raise _Bad(f"{value:.15g}", "is no whole number", _TEXT)
    if abs(value) >= _EXACT:
        raise _Bad(f"{value:.15g}", "has more digits than a spreadsheet keeps in a number", _TEXT)
    if _ZEROS.fullmatch(number_format):
        return f"{int(value):0{len(number_format)}d}"
    if number_format not in ("General", "@"):
        raise _Bad(str(int(value)), f"is a number shown as {quoted(number_format)}", _TEXT)
    return str(int(value))
