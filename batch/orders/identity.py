"""Whose order a file is: what all rows must agree on, and what follows from it for each row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from batch.orders.columns import OF_ORDER
from batch.orders.draft import DraftRow, Known, organisation
from batch.orders.rows import Row
from batch.orders.subjects import subject_key
from batch.tables import values
from batch.tables.faults import FaultList, quoted
from batch.tables.header import Header
from layouts.fields import Kind


class Identity:
    """The subscriber and reference that most rows have; rows that differ are noted as faulty.

    `common`: by column, "" where no row says it. `number`, `organisation`: of the subscriber, the latter as
    organizationIdentifier, "" where unknown.
    """

    def __init__(self, rows: Sequence[Row], header: Header, faults: FaultList) -> None:
        self._header, self._faults = header, faults
        self._first: dict[str, Row] = {}
        self.common = {name: self._agreed(name, rows) for name in OF_ORDER}
        self.number = self._number()
        self.organisation = organisation(self.common["country"], self.number) if self.number else ""

    def _agreed(self, name: str, rows: Sequence[Row]) -> str:
        good = [row for row in rows if row.fields[name] and name not in row.bad]
        if not good:
            return ""
        common = Counter(row.fields[name] for row in good).most_common(1)[0][0]
        first = self._first[name] = next(row for row in good if row.fields[name] == common)
        for row in good:
            if row.fields[name] != common:
                wrong = f"differs from {quoted(common)} on {self._faults.at(first.record.first)}"
                self._note(
                    row, name, wrong, "one file is one order of one subscriber: write the same in every row"
                )
        return common

    def _number(self) -> str:
        number, country = self.common["subscriber_number"], self.common["country"]
        if not (number and country):
            return ""
        try:
            return values.legal_number(number, country)
        except values.BadValue as error:
            self._note(self._first["subscriber_number"], "subscriber_number", error.wrong, error.right)
            return ""

    def check_known(self, known: Known) -> None:
        """Note that this reference of this subscriber was taken in before."""
        reference = self.common["order"]
        if self.organisation and reference and (before := known.ordered(self.organisation, reference)):
            wrong = f"was taken in before, as order {before}"
            self._note(self._first["order"], "order", wrong, "give a new order a reference of its own")

    def draft(self, row: Row) -> DraftRow | None:
        """A row as part of the order; None where nobody can tell whom it is for."""
        named = row.fields["group" if row.kind is Kind.GROUP else "person_number"]
        if not (row.layout and row.kind and named):
            return None
        return DraftRow(
            line=row.record.first,
            layout=row.fields["layout"],
            kind=row.kind,
            count=row.count,
            fields={**row.fields, "subscriber_number": self.number},
            subject_key=subject_key(row.kind, self.organisation, named, row.layout.name),
        )

    def _note(self, row: Row, name: str, wrong: str, right: str) -> None:
        line = row.record.line_of(self._header.place[name])
        self._faults.add(line, name, row.fields[name], wrong, right)
