"""The form a subscriber fills in: what is typed into it is an order."""

from __future__ import annotations

import io
from collections.abc import Mapping

import openpyxl
import pytest

from batch.model.errors import NotFound
from batch.orders.catalogue import LibraryLayouts
from batch.orders.columns import COLUMNS
from batch.orders.intake import read
from batch.orders.template import SHEET, columns_for, template
from layouts.library import Library
from tests.unit.intake_kit import GROUP_ROW, PERSON_ROW, FakeKnown
from tests.unit.workbook_kit import saved

LAYOUTS = LibraryLayouts(Library())
ROWS = {"group": GROUP_ROW, "person": PERSON_ROW}


def filled(form: bytes, row: Mapping[str, str]) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(form))
    sheet = book[SHEET]
    for number, name in enumerate([cell.value for cell in sheet[1]], 1):
        cell = sheet.cell(2, number)
        cell.value = row[str(name)] or None
        cell.number_format = "@"
    return saved(book)


def test_the_form_has_every_column_an_order_may_have() -> None:
    book = openpyxl.load_workbook(io.BytesIO(template(LAYOUTS)))
    assert [cell.value for cell in book[SHEET][1]] == [column.name for column in COLUMNS]


def test_every_cell_of_the_form_is_text_and_choices_are_offered() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(template(LAYOUTS)))[SHEET]
    assert {one.number_format for one in sheet.column_dimensions.values()} == {"@"}
    offered = [rule.formula1 for rule in sheet.data_validations.dataValidation]
    assert {'"nl,en,it"', '"group,person"'} <= set(offered)


@pytest.mark.parametrize("reference", LAYOUTS.references())
def test_a_form_for_a_layout_filled_in_is_an_order_for_it(reference: str) -> None:
    layout = LAYOUTS.find(reference)
    assert layout is not None
    form = template(LAYOUTS, reference)
    row = {**ROWS[str(layout.kind)], "layout": reference}
    draft = read(filled(form, row), source="form.xlsx", layouts=LAYOUTS, known=FakeKnown())
    assert [one.layout for one in draft.rows] == [reference]
    names = {column.name for column in columns_for(layout)}
    assert ("group" in names) is (layout.kind == "group")


def test_there_is_no_form_for_a_layout_that_is_not_there() -> None:
    with pytest.raises(NotFound, match="group-card"):
        template(LAYOUTS, "grup-card")
