"""The XML parts of an .xlsx (ECMA-376), looked at within bounds before any reader of workbooks gets them.

What comes out is a workbook of those parts alone: no macro, picture or entity, nothing uncounted.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from batch.tables.faults import FaultList

MOST_PARTS = 1_000
MOST_BYTES = 64_000_000
"""Bytes of all XML parts together, unpacked."""

MOST_ELEMENTS: Mapping[str, int] = {"sheets": 1_000_000, "texts": 500_000, "others": 50_000}
"""XML elements: of all sheets, of the shared texts, of all else together."""

DEEPEST = 64
LONGEST_ATTRIBUTE = 4_096
MOST_ROWS = 100_000
MOST_COLUMNS = 200

_CHUNK = 1 << 16
_XML = (".xml", ".rels")
_WAYS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CELL = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_STRICT = "http://purl.oclc.org/ooxml/"
_SAVE = "save it anew as 'Excel Workbook (.xlsx)', or as 'CSV UTF-8'"
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, expat.ExpatError)


@dataclass
class Seen:
    """What one sheet holds that its values do not tell: rows and columns from 1, ranges as in the file.

    `columns`: one past the last filled one. `rows`: the last filled one.
    """

    rows: int = 0
    columns: int = 0
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)


def look(data: bytes, faults: FaultList) -> tuple[bytes, Mapping[str, Seen]]:
    """A workbook of the XML parts of `data` alone, and what every sheet holds by its part's name.

    Raises `TableFaults` where it is no such workbook or passes a bound.
    """
    bounds = _Bounds()
    kept, sheets = io.BytesIO(), dict[str, Seen]()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(kept, "w") as clean:
            for name, content in _parts(archive, bounds):
                sheets |= _scan(name, content, bounds)
                clean.writestr(name, content)
    except _Refused as error:
        faults.add(0, "", "", error.wrong, error.right)
        faults.stop()
    except _UNREADABLE:
        faults.add(0, "", "", "is a damaged workbook, or a ZIP archive of another kind", _SAVE)
        faults.stop()
    return kept.getvalue(), sheets


class _Refused(Exception):
    def __init__(self, wrong: str, right: str = _SAVE) -> None:
        super().__init__(wrong, right)
        self.wrong, self.right = wrong, right


class _Bounds:
    """What is left of each bound."""

    def __init__(self) -> None:
        self._bytes, self._elements = MOST_BYTES, dict(MOST_ELEMENTS)

    def take(self, size: int) -> None:
        self._bytes -= size
        if self._bytes < 0:
            raise _Refused(f"unpacks to more than {MOST_BYTES:,} bytes", "split it")

    def element(self, kind: str) -> None:
        self._elements[kind] -= 1
        if self._elements[kind] < 0:
            raise _Refused(f"has more than {MOST_ELEMENTS[kind]:,} XML elements", "split it")


def _parts(archive: zipfile.ZipFile, bounds: _Bounds) -> Iterator[tuple[str, bytes]]:
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if len(entries) > MOST_PARTS or len(names) != len(entries):
        raise _Refused(f"has more than {MOST_PARTS:,} parts, or one of them twice")
    if not {"[Content_Types].xml", "xl/workbook.xml"} <= names:
        raise _Refused("is a ZIP archive, but no .xlsx workbook")
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise _Refused("is a workbook with macros")
    for entry in entries:
        if not entry.filename.lower().endswith(_XML):
            continue
        if entry.compress_type not in _WAYS or entry.flag_bits & 1:
            raise _Refused("is packed in a way no spreadsheet program packs")
        content = bytearray()
        with archive.open(entry) as file:
            while chunk := file.read(_CHUNK):
                bounds.take(len(chunk))
                content += chunk
        yield entry.filename, bytes(content)


def _scan(name: str, content: bytes, bounds: _Bounds) -> dict[str, Seen]:
    sheet = name.startswith("xl/worksheets/") and not name.endswith(".rels")
    kind = "sheets" if sheet else "texts" if name.lower().endswith("sharedstrings.xml") else "others"
    scan = _Scan(kind, bounds)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = scan.start
    parser.EndElementHandler = scan.end
    parser.Parse(content, True)
    return {name: scan.seen} if sheet else {}


def _refuse_doctype(*_: object) -> None:
    # Entities are declared there; without them no text grows, and nothing is fetched.
    raise _Refused("has a document type of its own in it")


class _Scan:
    """Counts the elements of one part, and sees the rows and cells of a sheet come in their order."""

    def __init__(self, kind: str, bounds: _Bounds) -> None:
        self._kind, self._bounds = kind, bounds
        self._depth = self._row = self._column = 0
        self.seen = Seen()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _Refused(f"is nested more than {DEEPEST} deep")
        if any(len(value) > LONGEST_ATTRIBUTE for value in attributes.values()):
            raise _Refused(f"has an attribute of more than {LONGEST_ATTRIBUTE:,} characters")
        if name.startswith(_STRICT):
            raise _Refused("is a 'Strict Open XML' workbook")
        local = name.rpartition(" ")[2]
        cells = self._kind != "sheets" or local in _OF_CELLS
        self._bounds.element(self._kind if cells else "others")
        if self._kind == "sheets" and (hear := _HEARD.get(local)):
            hear(self, attributes)

    def end(self, name: str) -> None:
        self._depth -= 1

    def row(self, attributes: dict[str, str]) -> None:
        number = _number(attributes.get("r")) or self._row + 1
        if number <= self._row:
            raise _Refused(f"tells row {number} twice or out of order")
        self._row, self._column = number, 0
        if _true(attributes.get("hidden")) or _zero(attributes.get("ht")):
            self.seen.hidden_rows.add(number)

    def cell(self, attributes: dict[str, str]) -> None:
        told = attributes.get("r")
        place = _CELL.fullmatch(told) if told else None
        column = column_number(place[1]) if place else self._column + 1
        if (told and not place) or (place and int(place[2]) != self._row) or column <= self._column:
            raise _Refused(f"tells the cells of row {self._row} twice or out of order")
        self._column = column

    def filled(self, attributes: dict[str, str]) -> None:
        if self._row > MOST_ROWS:
            raise _Refused(f"has more than {MOST_ROWS:,} rows", "split it")
        if self._column > MOST_COLUMNS:
            raise _Refused(f"has more than {MOST_COLUMNS} columns in row {self._row}", "take out the others")
        self.seen.rows = max(self.seen.rows, self._row)
        self.seen.columns = max(self.seen.columns, self._column)

    def hidden_columns(self, attributes: dict[str, str]) -> None:
        if _true(attributes.get("hidden")) or _zero(attributes.get("width")):
            first = _number(attributes.get("min"))
            self.seen.hidden_columns.append((first, _number(attributes.get("max")) or first))

    def merge(self, attributes: dict[str, str]) -> None:
        self.seen.merged.append(attributes.get("ref", ""))


_OF_CELLS = frozenset({"row", "c", "v", "is", "t", "f", "r"})
_HEARD = {
    "row": _Scan.row,
    "c": _Scan.cell,
    "v": _Scan.filled,
    "is": _Scan.filled,
    "f": _Scan.filled,
    "col": _Scan.hidden_columns,
    "mergeCell": _Scan.merge,
}


def column_number(letters: str) -> int:
    """The number of a column, from 1, by its capital letters."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 8 else 0


def _true(text: str | None) -> bool:
    return text in ("1", "true", "on")


def _zero(text: str | None) -> bool:
    try:
        return text is not None and float(text) == 0
    except ValueError:
        return False
