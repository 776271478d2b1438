"""Faults are laid over the rows of their file, so that each is found where it stands."""

from __future__ import annotations

from station.conversation.messages import Fault
from station.tui.faulty_table import faulty_table

TABLE = {
    "columns": ["order", "count"],
    "rows": [
        {"row": 1, "last": 1, "cells": ["order", "count"]},
        {"row": 2, "last": 3, "cells": ["A", "x", "too many"]},
    ],
}


def test_a_fault_is_on_its_cell_also_in_a_row_of_several_lines() -> None:
    fault = Fault(3, "count", "is no number", "write digits")
    found = faulty_table([fault], TABLE)
    assert found.headings == ("", "order", "count", "")
    assert found.rows == (("1", "order", "count", ""), ("2", "A", "x", "too many"))
    assert found.faults == {(1, 2): (fault,)}


def test_faults_of_no_cell_no_row_and_no_column_have_a_place_too() -> None:
    file, row, column = (
        Fault(None, None, "is empty", ""),
        Fault(9, None, "broken", ""),
        Fault(1, "gone", "", ""),
    )
    found = faulty_table([file, row, column], TABLE)
    assert [one[0] for one in found.rows] == ["", "1", "2", "9"]
    assert found.faults == {(0, 0): (file,), (1, 0): (column,), (3, 0): (row,)}
    assert found.spots == [(0, 0), (1, 0), (3, 0)]


def test_a_file_that_is_no_table_has_its_faults_alone() -> None:
    fault = Fault(None, None, "is no table", "send a CSV file")
    found = faulty_table([fault], None)
    assert (found.headings, found.rows, found.spots) == (("",), (("",),), [(0, 0)])
