"""Order intake: a file in; out comes a draft in which everything is good, or all that is wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from batch.orders import subjects
from batch.orders.columns import BY_NAME, ORDER
from batch.orders.draft import DraftRow, Known, Layouts, OrderableLayout, OrderDraft
from batch.orders.identity import Identity
from batch.orders.rows import Catalogue, Row, RowReader
from batch.tables.faults import FaultList
from batch.tables.header import Header
from batch.tables.reading import read_table

LARGEST_FILE = 50_000_000
"""Bytes."""

MOST_TOKENS = 100_000
"""Tokens of one order, and so its rows too."""


def read(data: bytes, *, source: str, layouts: Layouts, known: Known) -> OrderDraft:
    """The order in a CSV file or an .xlsx; raises `TableFaults` with every fault, and then takes nothing.

    `source`: the file's name, for messages. `layouts` and `known` are asked; nothing is written anywhere.
    """
    faults = FaultList(source)
    if len(data) > LARGEST_FILE:
        faults.add(0, "", "", f"has {len(data):,} bytes", f"an order has at most {LARGEST_FILE:,}; split it")
        faults.stop()
    catalogue = Catalogue(layouts)
    records = read_table(data, faults, lambda name: ORDER.find(name) is not None)
    first = next(records, None)
    if first is None:
        faults.add(0, "", "", "holds no rows", "write a row of column names and at least one row below it")
        faults.stop()
    header = Header(first, ORDER, faults)
    reader = RowReader(header, catalogue, faults)
    rows: list[Row] = []
    read_on = 0
    for read_on, record in enumerate(records, 1):
        if read_on > MOST_TOKENS:
            right = f"an order has at most {MOST_TOKENS:,}; split it"
            faults.add(record.first, "", "", f"this is row {read_on:,}", right)
            break
        if row := reader.read(record):
            rows.append(row)
    if not read_on:
        faults.add(header.line, "", "", "no row follows the column names", "write at least one")
    _check_total(rows, faults)
    identity = Identity(rows, header, faults)
    drafts = []
    for row in rows:
        if draft := identity.draft(row):
            drafts.append(draft)
            if row.sound and row.layout and identity.organisation:
                _try_layout(row.layout, draft, faults)
    subjects.check_inside(drafts, "count" in header.place, faults)
    if identity.organisation:
        subjects.check_known(drafts, identity.organisation, known, faults)
        identity.check_known(known)
    faults.stop_if_any()
    return OrderDraft(
        source=source,
        reference=identity.common["order"],
        subscriber=identity.common["subscriber"],
        subscriber_number=identity.number,
        country=identity.common["country"],
        sha256=hashlib.sha256(data).hexdigest(),
        rows=tuple(drafts),
    )


def _try_layout(layout: OrderableLayout, draft: DraftRow, faults: FaultList) -> None:
    for error in layout.faults(draft.fields):
        field = getattr(error, "field", "")
        column = field if field in BY_NAME else ""
        wrong = f"{error.what} ({error.where})" if error.where else error.what
        faults.add(draft.line, column, "", wrong, error.next or "write it so that it fits")


def _check_total(rows: Sequence[Row], faults: FaultList) -> None:
    total = 0
    for row in rows:
        total += row.count
        if total > MOST_TOKENS:
            whole = sum(row.count for row in rows)
            wrong = f"the tokens counted up to this row pass {MOST_TOKENS:,} ({whole:,} in the whole file)"
            faults.add(row.record.first, "count", "", wrong, "split the order")
            return
