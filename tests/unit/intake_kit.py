"""What the tests of intake share: a desk with three layouts and a memory, and orders to read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from batch.orders import intake
from batch.orders.draft import Issued, OrderDraft
from batch.tables.faults import Fault, TableFaults
from layouts.errors import FieldFault, LayoutError
from layouts.fields import Kind

GROUP_ROW: Mapping[str, str] = {
    "order": "VB-1",
    "subscriber": "Ministerie van Voorbeeldzaken",
    "subscriber_number": "90001234",
    "country": "NL",
    "manager": "Noëlle van der Testen",
    "manager_email": "n.vandertesten@example.org",
    "address_1": "Verzonnenlaan 12",
    "address_2": "9999 XX Nergenshuizen",
    "address_3": "",
    "address_4": "",
    "language": "nl",
    "kind": "group",
    "layout": "group-card",
    "count": "3",
    "group": "Coördinatiepunt Zeehavens",
    "given_name": "",
    "surname": "",
    "person_number": "",
    "email": "",
}

PERSON_ROW: Mapping[str, str] = {
    **GROUP_ROW,
    "kind": "person",
    "layout": "personal-card",
    "count": "",
    "group": "",
    "given_name": "Zoë",
    "surname": "d'Esempio-Müster",
    "person_number": "P-1001",
    "email": "zoe@example.org",
}


@dataclass(frozen=True)
class FakeLayout:
    """A layout whose certificates have room for full names of 64 characters."""

    name: str
    kind: Kind
    columns: frozenset[str]

    def faults(self, fields: Mapping[str, str]) -> Sequence[LayoutError]:
        whole = f"{fields['given_name']} {fields['surname']}"
        if len(whole) > 64:
            return (
                FieldFault("is too long together", field="surname", where="profile x, CN", next="shorten it"),
            )
        return ()


class FakeLayouts:
    """Two layouts for groups, one with a variant, and one for persons that wants an e-mail address."""

    def __init__(self) -> None:
        self._found = {
            "group-card": FakeLayout("group-card", Kind.GROUP, frozenset({"group", "subscriber", "country"})),
            "group-usb": FakeLayout("group-usb", Kind.GROUP, frozenset({"group", "address_2"})),
            "personal-card": FakeLayout("personal-card", Kind.PERSON, frozenset({"surname", "email"})),
        }
        self._found["group-card:rsa-3072"] = self._found["group-card"]
        self._found["personal-card:p-256"] = self._found["personal-card"]

    def find(self, reference: str) -> FakeLayout | None:
        return self._found.get(reference)

    def references(self) -> Sequence[str]:
        return tuple(self._found)


@dataclass
class FakeKnown:
    """What was ordered before, by subject key, and references taken in."""

    subjects: dict[str, Issued] = field(default_factory=dict)
    references: dict[tuple[str, str], str] = field(default_factory=dict)

    def issued(self, subject_key: str) -> Issued | None:
        return self.subjects.get(subject_key)

    def ordered(self, organisation: str, reference: str) -> str | None:
        return self.references.get((organisation, reference))


def text_of(
    rows: Iterable[Mapping[str, str]],
    columns: Sequence[str] = tuple(GROUP_ROW),
    delimiter: str = ";",
    ending: str = "\r\n",
) -> str:
    """A CSV file of rows, as a spreadsheet writes it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=ending)
    writer.writerow(columns)
    writer.writerows([row[column] for column in columns] for row in rows)
    return out.getvalue()


def read(file: bytes | str, known: FakeKnown | None = None) -> OrderDraft:
    """The order in a file, at a desk with `FakeLayouts`."""
    data = file.encode() if isinstance(file, str) else file
    return intake.read(data, source="order.csv", layouts=FakeLayouts(), known=known or FakeKnown())


def read_rows(*rows: Mapping[str, str], known: FakeKnown | None = None) -> OrderDraft:
    """The order of some rows."""
    return read(text_of(rows), known)


def faults_of(file: bytes | str, known: FakeKnown | None = None) -> tuple[Fault, ...]:
    """The faults of a file that must have some."""
    with pytest.raises(TableFaults) as refused:
        read(file, known)
    return refused.value.faults


def faults_of_rows(*rows: Mapping[str, str], known: FakeKnown | None = None) -> tuple[Fault, ...]:
    """The faults of some rows that must have some."""
    return faults_of(text_of(rows), known)


def the_fault(*rows: Mapping[str, str], known: FakeKnown | None = None) -> Fault:
    """The only fault of some rows."""
    (fault,) = faults_of_rows(*rows, known=known)
    return fault
