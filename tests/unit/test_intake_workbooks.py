"""An .xlsx is read as the same order in CSV is, or its faults are named by sheet, row and column."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from batch.tables.faults import Fault, TableFaults
from tests.unit.intake_kit import GROUP_ROW, PERSON_ROW, faults_of, read, read_rows
from tests.unit.refusals import refusal
from tests.unit.workbook_kit import COLUMNS, replaced, saved, sheet_of, workbook_of


def the_fault(
    change: Callable[[Worksheet], object] = lambda sheet: None, row: dict[str, object] | None = None
) -> Fault:
    (fault,) = faults_of(workbook_of([{**GROUP_ROW, **(row or {})}], change=change))
    return fault


def at(column: str, row: int = 2) -> str:
    return f"{chr(65 + COLUMNS.index(column))}{row}"


def put(column: str, value: object, number_format: str = "General") -> Callable[[Worksheet], None]:
    def change(sheet: Worksheet) -> None:
        cell = sheet[at(column)]
        cell.value = value
        cell.number_format = number_format

    return change


def test_a_workbook_is_the_order_that_the_same_rows_in_csv_are() -> None:
    rows = [GROUP_ROW, {**GROUP_ROW, "group": "Tweede", "count": "1"}, PERSON_ROW]
    assert replace(read(workbook_of(rows)), sha256="") == replace(read_rows(*rows), sha256="")


def test_rules_are_those_of_csv_and_faults_are_named_by_sheet_row_and_column() -> None:
    data = workbook_of([GROUP_ROW, {**GROUP_ROW, "kind": "grp"}], title="Bestelling 1")
    faults = faults_of(data)
    assert [fault.cell for fault in faults] == [f"'Bestelling 1'!{at('kind', 3)}"]
    assert str(faults[0]).startswith("'Bestelling 1'!L3, kind: 'grp' is no kind of token")


def test_what_names_another_row_names_it_as_a_row() -> None:
    (fault,) = faults_of(workbook_of([GROUP_ROW, {**GROUP_ROW, "order": "VB-2"}]))
    assert fault.cell == "Sheet1!A3"
    assert "on row 2" in fault.wrong


def test_a_missing_column_is_told_of_the_row_of_names() -> None:
    columns = [name for name in COLUMNS if name != "language"]
    (fault,) = faults_of(workbook_of([GROUP_ROW], columns))
    assert str(fault).startswith("Sheet1, row 1, language: this column is missing")


def test_an_unknown_column_is_named_with_its_cell() -> None:
    def rename(sheet: Worksheet) -> None:
        sheet[at("language", 1)].value = "langage"

    assert the_fault(rename).cell == "Sheet1!K1"


@pytest.mark.parametrize(
    ("value", "number_format", "kept"),
    [
        (3, "General", "3"),
        (3.0, "General", "3"),
        ("3", "@", "3"),
        (3, "0", "3"),
    ],
)
def test_a_whole_number_is_its_digits(value: object, number_format: str, kept: str) -> None:
    draft = read(workbook_of([GROUP_ROW], change=put("count", value, number_format)))
    assert draft.rows[0].fields["count"] == kept


def test_zeros_that_a_number_is_shown_with_belong_to_it() -> None:
    change = put("person_number", 123, "00000")
    draft = read(workbook_of([PERSON_ROW], change=change))
    assert draft.rows[0].fields["person_number"] == "00123"


def test_a_text_of_digits_keeps_its_zeros() -> None:
    draft = read(workbook_of([{**PERSON_ROW, "person_number": "00123"}]))
    assert draft.rows[0].fields["person_number"] == "00123"


@pytest.mark.parametrize(
    ("value", "number_format", "wrong"),
    [
        (1.5, "General", "is no whole number"),
        (1234567890123456, "General", "more digits than a spreadsheet keeps"),
        (1234, "#,##0", "is a number shown as"),
        (0.03, "0%", "is no whole number"),
        (True, "General", "is true or false"),
        (date(2026, 3, 1), "yyyy-mm-dd", "is a date or time"),
        (datetime(2026, 3, 1, 12), "yyyy-mm-dd", "is a date or time"),
        (time(12, 30), "hh:mm", "is a date or time"),
        ("=1+2", "General", "is a formula"),
        ("#REF!", "General", "is the error of a formula"),
    ],
)
def test_what_would_be_a_guess_is_a_fault_of_its_cell(value: object, number_format: str, wrong: str) -> None:
    fault = the_fault(put("order", value, number_format))
    assert wrong in fault.wrong
    assert (fault.cell, fault.column) == ("Sheet1!A2", "order")


def test_a_hidden_row_is_neither_taken_nor_left_out() -> None:
    def hide(sheet: Worksheet) -> None:
        sheet.row_dimensions[2].hidden = True

    fault = the_fault(hide)
    assert str(fault).startswith("Sheet1, row 2: this row is hidden")


def test_a_hidden_column_is_a_fault_where_it_is_filled() -> None:
    def hide(column: str) -> Callable[[Worksheet], None]:
        def change(sheet: Worksheet) -> None:
            sheet.column_dimensions[at(column)[0]].hidden = True

        return change

    assert "hidden column" in faults_of(workbook_of([GROUP_ROW], change=hide("manager")))[0].wrong
    (fault,) = faults_of(workbook_of([GROUP_ROW], change=hide("address_4")))
    assert fault.line == 1, "its name is what is filled"


def test_merged_cells_are_a_fault_of_their_first_cell() -> None:
    def merge(sheet: Worksheet) -> None:
        sheet.append([])
        sheet.merge_cells("A2:A3")

    assert the_fault(merge).cell == "Sheet1!A2"


def test_other_sheets_are_left_alone_and_two_orders_are_not() -> None:
    book = Workbook()
    book.worksheets[0].append(["Explanation"])
    sheet = book.create_sheet("Order")
    sheet.append(list(COLUMNS))
    sheet.append([value or None for value in GROUP_ROW.values()])
    assert read(saved(book)).reference == "VB-1"
    other = book.create_sheet("Again")
    other.append(list(COLUMNS))
    (fault,) = faults_of(saved(book))
    assert "'Order' and 'Again' begin with column names" in fault.wrong
    other.sheet_state = "hidden"
    (fault,) = faults_of(saved(book))
    assert "'Again' is hidden" in fault.wrong


def test_rows_above_and_between_that_are_empty_are_left_out() -> None:
    def shift(sheet: Worksheet) -> None:
        sheet.insert_rows(1, 2)
        sheet.append([])
        sheet.append(["VB-1"])

    faults = faults_of(workbook_of([GROUP_ROW], change=shift))
    assert {fault.line for fault in faults} == {6}


def test_a_workbook_without_rows_and_one_without_a_table_say_so() -> None:
    (fault,) = faults_of(saved(Workbook()))
    assert "holds no rows" in fault.wrong
    assert "no row of column names" in faults_of(workbook_of([], ["a", "b"]))[0].wrong


def test_what_a_size_told_by_the_sheet_leaves_out_is_read_nevertheless() -> None:
    row = "".join(f'<c t="inlineStr"><is><t>{name}</t></is></c>' for name in COLUMNS)
    sheet = sheet_of(f'<dimension ref="A1:A1"/><sheetData><row>{row}</row><row>{row}</row></sheetData>')
    refused = refusal(TableFaults, lambda: read(replaced(workbook_of([GROUP_ROW]), sheet=sheet)))
    assert isinstance(refused, TableFaults)
    assert {fault.line for fault in refused.faults} == {2}


def test_texts_kept_apart_and_in_runs_are_read_as_a_spreadsheet_writes_them() -> None:
    good = workbook_of([GROUP_ROW])
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    texts = [*COLUMNS, *(value for value in GROUP_ROW.values() if value)]
    entries = [f"<si><t>{text}</t></si>" for text in texts]
    entries[texts.index("VB-1")] = "<si><r><t>VB</t></r><r><rPr><b/></rPr><t>-1</t></r></si>"
    cells = [
        "".join(f'<c r="{at(name, row)}" t="s"><v>{texts.index(text)}</v></c>' for name, text in line if text)
        for row, line in ((1, zip(COLUMNS, COLUMNS, strict=True)), (2, GROUP_ROW.items()))
    ]
    sheet = f'<row r="1">{cells[0]}</row><row r="2">{cells[1]}</row>'
    kinds = (
        zipfile.ZipFile(io.BytesIO(good))
        .read("[Content_Types].xml")
        .replace(
            b"</Types>",
            b'<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-'
            b'officedocument.spreadsheetml.sharedStrings+xml"/></Types>',
        )
    )
    data = replaced(
        good,
        sheet=sheet_of(f"<sheetData>{sheet}</sheetData>"),
        texts=f'<sst xmlns="{main}">{"".join(entries)}</sst>'.encode(),
        **{"[Content_Types].xml": kinds},
    )
    assert replace(read(data), sha256="") == replace(read_rows(GROUP_ROW), sha256="")
