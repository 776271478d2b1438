"""Faults of a file as `check` shows them, with the rows they stand in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batch.tables.excerpt import Excerpt
    from batch.tables.faults import Fault

FAULTS = {"row": "Row", "column": "Column", "what": "Fault", "next": "Next"}


def fault_row(fault: Fault) -> dict[str, Any]:
    """A fault; row and column are None where it is of the whole file or row."""
    return {
        "row": fault.line or None,
        "column": fault.column or None,
        "value": fault.value or None,
        "what": fault.what,
        "next": fault.right,
    }


def table(excerpt: Excerpt | None) -> dict[str, Any] | None:
    """Rows of a file as they stand in it; None where there is nothing to show."""
    if excerpt is None or not excerpt.rows:
        return None
    rows = [{"row": one.first, "last": one.last, "cells": one.cells} for one in excerpt.rows]
    return {"columns": excerpt.columns, "rows": rows}
