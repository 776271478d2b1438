"""Workbooks for tests of intake: rows as a spreadsheet keeps them, and parts that none would write."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence

from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from tests.unit.intake_kit import GROUP_ROW

COLUMNS = tuple(GROUP_ROW)


def workbook_of(
    rows: Iterable[Mapping[str, object]],
    columns: Sequence[str] = COLUMNS,
    change: Callable[[Worksheet], object] = lambda sheet: None,
    title: str = "Sheet1",
) -> bytes:
    """An .xlsx of rows under their column names on one sheet, which `change` may spoil."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = title
    sheet.append(list(columns))
    for row in rows:
        sheet.append([row[column] or None for column in columns])
    change(sheet)
    return saved(book)


def saved(book: Workbook) -> bytes:
    """The bytes of a workbook."""
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def replaced(data: bytes, **parts: bytes) -> bytes:
    """The workbook with other parts: by `sheet`, `styles`, `texts`, `workbook`, or more under other names."""
    names = {
        "sheet": "xl/worksheets/sheet1.xml",
        "styles": "xl/styles.xml",
        "texts": "xl/sharedStrings.xml",
        "workbook": "xl/workbook.xml",
    }
    wanted = {names.get(name, name): content for name, content in parts.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in wanted:
                new.writestr(name, old.read(name))
        for name, content in wanted.items():
            new.writestr(name, content)
    return out.getvalue()


def sheet_of(inside: str) -> bytes:
    """The XML of a sheet that holds `inside`."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<?xml version="1.0"?><worksheet xmlns="{main}">{inside}</worksheet>'.encode()
