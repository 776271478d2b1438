"""A file that somebody filled in, to header and rows: CSV or .xlsx, told apart by content."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from batch.tables import workbook
from batch.tables.decoding import decode
from batch.tables.faults import FaultList
from batch.tables.table import Record, split


def read_table(data: bytes, faults: FaultList, known: Callable[[str], bool]) -> Iterator[Record]:
    """The rows of a file, the header first; `known` tells column names. Raises `TableFaults`."""
    if data.startswith(workbook.BEGINS):
        return workbook.rows(data, faults, known)
    return split(decode(data, faults), faults, known)
