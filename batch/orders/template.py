"""An empty order form as an .xlsx, with the columns that orders have and a sheet that explains them."""

from __future__ import annotations

import io
from collections.abc import Sequence

from batch.model.errors import NotFound
from batch.orders.columns import ALWAYS, COLUMNS, HAS_DEFAULT, OF_KIND
from batch.orders.draft import Layouts, OrderableLayout
from batch.tables.columns import Column
from batch.tables.values import LANGUAGES
from layouts.fields import Kind

SHEET = "Order"
_ROWS = 5_000
"""Rows that offer choices; an order may have more."""

_LONGEST_CHOICES = 255
"""Characters of a list of choices inside a cell's rule (ECMA-376-1 §18.3.1.32 in practice)."""

_WIDTH = 24


def columns_for(layout: OrderableLayout | None) -> tuple[Column, ...]:
    """The columns of a form: every one there is, or those that an order for `layout` may fill."""
    if layout is None:
        return COLUMNS
    wanted = {
        *ALWAYS,
        *OF_KIND[layout.kind],
        *layout.columns,
        "country",
        "address_2",
        "address_3",
        "address_4",
    }
    if layout.kind is Kind.GROUP:
        wanted.add("count")
    return tuple(column for column in COLUMNS if column.name in wanted)


def template(layouts: Layouts, reference: str | None = None) -> bytes:
    """The form as .xlsx, for every layout or for one; raises `NotFound` where there is none of that name.

    Every cell is formatted as text, so that a spreadsheet takes no zero away and makes no date.
    """
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    layout = _found(layouts, reference) if reference else None
    columns = columns_for(layout)
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = SHEET
    sheet.append([column.name for column in columns])
    sheet.freeze_panes = "A2"
    choices = {
        "language": LANGUAGES,
        "kind": (str(layout.kind),) if layout else tuple(map(str, Kind)),
        "layout": _references(layouts, layout, reference),
    }
    for number, column in enumerate(columns, 1):
        letter = get_column_letter(number)
        sheet.column_dimensions[letter].number_format = "@"
        sheet.column_dimensions[letter].width = _WIDTH
        sheet.cell(1, number).font = Font(bold=True)
        offered = ",".join(choices.get(column.name, ()))
        if offered and len(offered) <= _LONGEST_CHOICES:
            rule = DataValidation(type="list", formula1=f'"{offered}"', allow_blank=True)
            rule.add(f"{letter}2:{letter}{_ROWS}")
            sheet.add_data_validation(rule)
    explained = book.create_sheet("Explanation")
    for row in (
        ("Column", "To be filled", "What"),
        *((one.name, _filled(one, layout), one.meaning) for one in columns),
    ):
        explained.append(row)
    for letter, width in (("A", _WIDTH), ("B", 32), ("C", 64)):
        explained.column_dimensions[letter].width = width
        explained[f"{letter}1"].font = Font(bold=True)
        explained[f"{letter}1"].alignment = Alignment(vertical="top")
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _found(layouts: Layouts, reference: str) -> OrderableLayout:
    layout = layouts.find(reference)
    if layout is None:
        there = ", ".join(layouts.references())
        raise NotFound("no layout of that name", where=reference, next=f"there are: {there}")
    return layout


def _references(layouts: Layouts, layout: OrderableLayout | None, reference: str | None) -> Sequence[str]:
    if layout is None:
        return tuple(layouts.references())
    if reference != layout.name:
        return (str(reference),)
    return tuple(name for name in layouts.references() if name.partition(":")[0] == layout.name)


def _filled(column: Column, layout: OrderableLayout | None) -> str:
    if column.name in ALWAYS:
        return "always"
    if column.name in HAS_DEFAULT:
        return "if not the default"
    for kind, names in OF_KIND.items():
        if column.name in names:
            return f"for a {kind}"
    if layout is not None:
        return f"layout {layout.name} needs it" if column.name in layout.columns else "if there is one"
    return "where the layout wants it"
