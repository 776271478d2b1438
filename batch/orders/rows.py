"""One row at a time: its cells checked, alone and against its layout."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from batch.orders.columns import ALWAYS, BY_NAME, HAS_DEFAULT, OF_KIND, ORDER
from batch.orders.draft import Layouts, OrderableLayout
from batch.tables.cells import Cells
from batch.tables.faults import FaultList
from batch.tables.header import Header
from batch.tables.table import Record
from layouts.fields import Kind


@dataclass(frozen=True)
class Row:
    """A row as it was read: `fields` by canonical name, a faulty cell as it stands in the file.

    `bad`: the names of those. `layout`, `kind`: None where the row does not tell. `count`: 0 where it is
    faulty. `sound`: nothing is wrong with the row, taken alone.
    """

    record: Record
    fields: dict[str, str]
    bad: frozenset[str]
    layout: OrderableLayout | None
    kind: Kind | None
    count: int
    sound: bool


class Catalogue:
    """The layouts, each asked for once."""

    def __init__(self, layouts: Layouts) -> None:
        self._layouts = layouts
        self._found: dict[str, OrderableLayout | None] = {}
        self._instead: dict[str, str] = {}
        self.references = tuple(layouts.references())

    def find(self, reference: str) -> OrderableLayout | None:
        """The layout behind a reference, None where there is none."""
        if reference not in self._found:
            self._found[reference] = self._layouts.find(reference)
        return self._found[reference]

    def instead_of(self, reference: str) -> str:
        """What to write instead of a reference that is none."""
        if reference not in self._instead:
            near = difflib.get_close_matches(reference.casefold(), self.references, n=1)
            known = ", ".join(self.references) or "none: this desk has no layouts yet"
            self._instead[reference] = f"did you mean {near[0]}?" if near else f"use one of {known}"
        return self._instead[reference]


class RowReader:
    """Reads rows under a header and notes their faults."""

    def __init__(self, header: Header, catalogue: Catalogue, faults: FaultList) -> None:
        self._header, self._catalogue, self._faults = header, catalogue, faults
        self._cells = Cells(header, ORDER, faults)
        self._needs: dict[tuple[Kind | None, str], dict[str, str]] = {}

    def read(self, record: Record) -> Row | None:
        """The row of a record; None where its cells cannot be told apart."""
        before = len(self._faults)
        if (read := self._cells.read(record)) is None:
            return None
        fields, bad = read
        fields["country"] = fields["country"] or "NL"
        layout = self._layout(record, fields, bad)
        kind = Kind(fields["kind"]) if fields["kind"] and "kind" not in bad else None
        if layout and kind and layout.kind is not kind:
            wrong = f"does not fit layout {layout.name}, which is for a {layout.kind}"
            right = f"write {layout.kind}, or choose another layout"
            self._cells.note(record, "kind", fields["kind"], wrong, right)
            kind = layout = None
        self._check_filled(record, fields, kind, layout)
        count = self._count(record, fields, kind, bad)
        sound = len(self._faults) == before and not self._header.missing and not record.named
        return Row(record, fields, frozenset(bad), layout, kind, count, sound)

    def _layout(self, record: Record, fields: dict[str, str], bad: set[str]) -> OrderableLayout | None:
        reference = fields["layout"]
        if not reference or "layout" in bad:
            return None
        if (layout := self._catalogue.find(reference)) is None:
            right = self._catalogue.instead_of(reference)
            self._cells.note(record, "layout", reference, "is no layout of this desk", right)
        return layout

    def _check_filled(
        self, record: Record, fields: dict[str, str], kind: Kind | None, layout: OrderableLayout | None
    ) -> None:
        key = (kind, fields["layout"] if layout else "")
        if key not in self._needs:
            self._needs[key] = _needs(kind, layout, fields["layout"])
        needs = self._needs[key]
        for name, why in needs.items():
            self._cells.require(record, fields, name, BY_NAME[name].meaning, why)
        if kind is None:
            return
        for other, names in OF_KIND.items():
            for name in names:
                if other is not kind and fields[name] and name not in needs:
                    right = f"leave it empty, or write {other} as kind"
                    self._cells.note(record, name, fields[name], f"stands in the row of a {kind}", right)

    def _count(self, record: Record, fields: dict[str, str], kind: Kind | None, bad: set[str]) -> int:
        if "count" in bad:
            return 0
        if fields["count"]:
            count = int(fields["count"])
            if kind is Kind.PERSON and count != 1:
                right = "one row is one person's one token; write 1 or leave it empty"
                self._cells.note(record, "count", fields["count"], "is too many for a person", right)
            return count
        if kind is Kind.GROUP and "count" in self._header.place:
            self._cells.note(
                record, "count", "", "is empty", "write how many tokens the group gets, such as 1"
            )
            return 0
        fields["count"] = "1"
        return 1


def _needs(kind: Kind | None, layout: OrderableLayout | None, reference: str) -> dict[str, str]:
    """The columns a row must fill, each with the reason."""
    reasons = dict.fromkeys(layout.columns - HAS_DEFAULT, f"layout {reference} needs it") if layout else {}
    reasons |= dict.fromkeys(OF_KIND[kind], f"a {kind} needs it") if kind else {}
    reasons |= dict.fromkeys(ALWAYS, "every row has it")
    return {name: reasons[name] for name in BY_NAME if name in reasons}
