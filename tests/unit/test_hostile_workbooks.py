"""An .xlsx made to hurt its reader is refused, in bounded time and memory."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable, Mapping

import pytest

from tests.unit.intake_kit import GROUP_ROW, faults_of
from tests.unit.limits import within
from tests.unit.workbook_kit import replaced, sheet_of, workbook_of

DATA = b"<sheetData>"
GOOD = workbook_of([GROUP_ROW])

DOCTYPE = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>&b;</t></si></sst>'
)
OUTSIDE = DOCTYPE.replace(b'<!ENTITY a "aaaaaaaaaa">', b'<!ENTITY a SYSTEM "file:///etc/passwd">')


def zeros() -> bytes:
    return replaced(GOOD, sheet=sheet_of(" " * 70_000_000))


def many_cells() -> bytes:
    return replaced(GOOD, sheet=sheet_of("<sheetData><row>" + "<c/>" * 1_050_000 + "</row></sheetData>"))


def many_texts() -> bytes:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return replaced(GOOD, texts=f'<sst xmlns="{main}">{"<si/>" * 600_000}</sst>'.encode())


def many_styles() -> bytes:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return replaced(
        GOOD, styles=f'<styleSheet xmlns="{main}"><cellXfs>{"<xf/>" * 60_000}</cellXfs></styleSheet>'.encode()
    )


def long_format() -> bytes:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    formats = f'<numFmts count="1"><numFmt numFmtId="200" formatCode="{"[" * 500_000}"/></numFmts>'
    return replaced(GOOD, styles=f'<styleSheet xmlns="{main}">{formats}</styleSheet>'.encode())


def deep() -> bytes:
    return replaced(GOOD, sheet=sheet_of("<a>" * 100_000 + "</a>" * 100_000))


def far_row() -> bytes:
    return replaced(GOOD, sheet=sheet_of('<sheetData><row r="1048576"><c><v>1</v></c></row></sheetData>'))


def far_cell() -> bytes:
    return replaced(GOOD, sheet=sheet_of('<sheetData><row r="1"><c r="XFD1"><v>1</v></c></row></sheetData>'))


def row_twice() -> bytes:
    row = '<row r="1"><c r="A1"><v>1</v></c></row>'
    return replaced(GOOD, sheet=sheet_of(f"<sheetData>{row}{row}</sheetData>"))


def all_merged() -> bytes:
    inside = '<sheetData><row r="1"><c t="inlineStr"><is><t>order</t></is></c></row></sheetData>'
    return replaced(
        GOOD,
        sheet=sheet_of(inside + '<mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>'),
    )


def part_twice() -> bytes:
    out = io.BytesIO(GOOD)
    with warnings.catch_warnings(), zipfile.ZipFile(out, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("xl/workbook.xml", b"<x/>")
    return out.getvalue()


def packed_otherwise() -> bytes:
    out = io.BytesIO(GOOD)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("xl/other.xml", b"<x/>")
    return out.getvalue()


def many_parts() -> bytes:
    out = io.BytesIO(GOOD)
    with zipfile.ZipFile(out, "a") as archive:
        for number in range(1_100):
            archive.writestr(f"xl/{number}.xml", b"<x/>")
    return out.getvalue()


HOSTILE: Mapping[str, Callable[[], bytes]] = {
    "a document type": lambda: replaced(GOOD, texts=DOCTYPE),
    "an entity from a file": lambda: replaced(GOOD, texts=OUTSIDE),
    "a part of zeros": zeros,
    "millions of cells": many_cells,
    "a heap of texts": many_texts,
    "a heap of styles": many_styles,
    "a long format": long_format,
    "deep nesting": deep,
    "a row far down": far_row,
    "a cell far out": far_cell,
    "a row told twice": row_twice,
    "all cells merged": all_merged,
    "a part told twice": part_twice,
    "another packing": packed_otherwise,
    "a thousand parts": many_parts,
    "macros": lambda: replaced(GOOD, **{"xl/vbaProject.bin": b"x"}),
    "no workbook": lambda: replaced(GOOD, workbook=b"<x/>"),
    "no XML": lambda: replaced(GOOD, sheet=b"<worksheet"),
    "a number of a text that is not there": lambda: replaced(
        GOOD, sheet=sheet_of('<sheetData><row><c t="s"><v>99999</v></c></row></sheetData>')
    ),
    "a number that is none": lambda: replaced(
        GOOD, sheet=sheet_of("<sheetData><row><c><v>" + "9" * 10_000 + "</v></c></row></sheetData>")
    ),
    "half a file": lambda: GOOD[: len(GOOD) // 2],
    "another archive": lambda: replaced(GOOD)[:4] + b"\0" * 100,
}


def refuse(name: str) -> None:
    """One hostile workbook, in a process that has little time and memory."""
    faults = faults_of(HOSTILE[name]())
    assert all(str(fault).isprintable() for fault in faults)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_workbook_is_refused_within_bounds(name: str) -> None:
    within("tests.unit.test_hostile_workbooks:refuse", name, seconds=20, megabytes=700)


def large() -> None:
    """An order near what a workbook may hold."""
    rows = [{**GROUP_ROW, "group": f"Groep {number}", "count": 1} for number in range(5_000)]
    from tests.unit.intake_kit import read

    assert read(workbook_of(rows)).count == 5_000


def test_a_large_order_is_read_within_bounds() -> None:
    within("tests.unit.test_hostile_workbooks:large", seconds=60, megabytes=700)


def test_macros_and_another_archive_are_told_apart() -> None:
    assert "macros" in faults_of(HOSTILE["macros"]())[0].wrong
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("order.csv", "order;subscriber")
    assert "no .xlsx workbook" in faults_of(out.getvalue())[0].wrong
