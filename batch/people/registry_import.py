"""Taking a registry file in: every row of it, or none and all that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from batch.audit.log import log
from batch.model.events import Event
from batch.model.registry import Person, Subscriber
from batch.model.states import PERSON, SUBSCRIBER
from batch.people.registry import new_number, put_person, put_subscriber, today
from batch.people.registry_columns import REGISTRY
from batch.people.registry_rows import (
    BadCell,
    cells_of,
    person_of,
    subscriber_of,
    tells_person,
    tells_subscriber,
)
from batch.store import registry
from batch.store.database import Records
from batch.tables.cells import Cells
from batch.tables.decoding import decode
from batch.tables.faults import FaultList
from batch.tables.formulas import undone
from batch.tables.header import Header
from batch.tables.table import Record, split

LARGEST_FILE = 200_000_000
"""Bytes."""

_KEPT = ("person", "state", "since", "registered_on", "ended_on", "subscriber_state", "country")
"""Columns whose empty cells keep what is on record."""


@dataclass(frozen=True)
class Taken:
    """What a file changed: how many subscribers and persons are new, changed, and were so before."""

    new_subscribers: int = 0
    changed_subscribers: int = 0
    new_persons: int = 0
    changed_persons: int = 0
    unchanged: int = 0


def take(records: Records, data: bytes, *, source: str, operator: str) -> Taken:
    """Take in a CSV file; raises `TableFaults` with every fault found, and then takes nothing.

    `source`: the file's name, for messages. Columns that a file has not keep what is on record.
    """
    file = _File(data, source)
    # Nobody waits for the records while cells are read.
    with records.transaction():
        return _Intake(records, file).write(operator)


def check(records: Records, data: bytes, *, source: str) -> Taken:
    """What `take` would change; raises `TableFaults` as it does, and takes nothing."""
    return _Intake(records, _File(data, source)).taken


class _File:
    """The rows of a file; raises `TableFaults` for one that has none to read."""

    def __init__(self, data: bytes, source: str) -> None:
        self.faults = faults = FaultList(source)
        if len(data) > LARGEST_FILE:
            faults.add(
                0, "", "", f"has {len(data):,} bytes", f"a registry has at most {LARGEST_FILE:,}; split it"
            )
            faults.stop()
        lines = split(decode(data, faults), faults, lambda name: REGISTRY.find(name) is not None)
        first = next(lines, None)
        if first is None:
            faults.add(
                0, "", "", "holds no rows", "write a row of column names and at least one row below it"
            )
            faults.stop()
        self.header = Header(first, REGISTRY, faults)
        if "organisation" not in self.header.place:
            faults.stop()
        self.cells = Cells(self.header, REGISTRY, faults)
        self.rows = list(_read(lines, self.cells))


def _read(lines: Iterator[Record], cells: Cells) -> Iterator[tuple[Record, dict[str, str]]]:
    for line in lines:
        record = Record(line.first, line.last, [undone(cell) for cell in line.cells])
        read = cells.read(record)
        if read is not None and not read[1]:
            yield record, read[0]


class _Intake:
    """Holds rows against each other and the records; raises `TableFaults` unless all is good."""

    def __init__(self, records: Records, file: _File) -> None:
        self._records, self._cells = records, file.cells
        self._place = file.header.place
        self._today = today()
        self._subscribers: dict[str, tuple[int, Subscriber | None, Subscriber]] = {}
        """By organisation: the line it is told on first, what is on record, what is told."""
        self._persons: dict[str, tuple[Person | None, Person]] = {}
        """By number, or by the line of who has none yet: what is on record, what is told."""
        self._addresses: dict[tuple[str, str], int] = {}
        for record, fields in file.rows:
            self._subscriber(record, fields)
        for record, fields in file.rows:
            self._person(record, fields)
        file.faults.stop_if_any()

    def _subscriber(self, record: Record, fields: dict[str, str]) -> None:
        """What a row tells of its subscriber."""
        organisation = fields["organisation"]
        if not organisation:
            self._cells.note(record, "organisation", "", "is empty", "write the number of the subscriber")
            return
        if not tells_subscriber(fields):
            return
        earlier = self._subscribers.get(organisation)
        before = earlier[1] if earlier else registry.subscriber(self._records, organisation)
        told = self._overlaid(cells_of(before, None) if before else None, fields)
        try:
            new = subscriber_of(told)
        except BadCell as error:
            self._note(record, told, error)
            return
        if earlier is None:
            self._subscribers[organisation] = (record.first, before, new)
            if before and new.state is not before.state and new.state not in SUBSCRIBER[before.state]:
                wrong = f"does not follow {before.state}"
                self._note(record, told, BadCell("subscriber_state", wrong, f"leave it {before.state}"))
        elif earlier[2] != new:
            other = cells_of(earlier[2], None)
            column = next(name for name, value in cells_of(new, None).items() if value != other[name])
            right = "write the same in every row of a subscriber, or nothing but its number"
            self._note(record, told, BadCell(column, f"differs from line {earlier[0]}", right))

    def _person(self, record: Record, fields: dict[str, str]) -> None:
        """What a row tells of a person."""
        if not fields["organisation"]:
            return
        known = fields["organisation"] in self._subscribers
        if not known and registry.subscriber(self._records, fields["organisation"]) is None:
            wrong = "is no subscriber in the registry, and no row tells its name"
            self._note(record, fields, BadCell("organisation", wrong, "fill the columns of the subscriber"))
        if not tells_person(fields):
            return
        before = self._before(fields)
        told = self._overlaid(cells_of(None, before) if before else None, fields)
        try:
            new = person_of(told, self._today)
            if before is not None:
                _check_follows(before, new)
            self._check_address(record, new)
        except BadCell as error:
            self._note(record, told, error)
            return
        key = new.number or f"line {record.first}"
        if self._persons.setdefault(key, (before, new))[1] is not new:
            self._note(record, told, BadCell("person", "stands here twice", "leave one of the rows out"))

    @property
    def taken(self) -> Taken:
        """How many are new, changed, and as before."""
        subscribers = [(before, new) for _, before, new in self._subscribers.values()]
        persons = list(self._persons.values())
        unchanged = [before for before, new in (*subscribers, *persons) if before == new]
        return Taken(
            new_subscribers=sum(before is None for before, _ in subscribers),
            changed_subscribers=sum(before not in (None, new) for before, new in subscribers),
            new_persons=sum(before is None for before, _ in persons),
            changed_persons=sum(before not in (None, new) for before, new in persons),
            unchanged=len(unchanged),
        )

    def write(self, operator: str) -> Taken:
        """Write what is new or changed, and tell it in the log."""
        events: list[Event] = []
        for _, before, new in self._subscribers.values():
            if before != new:
                what = "subscriber.changed" if before else "subscriber.added"
                events.append(put_subscriber(self._records, new, what, operator))
        for was, person in self._persons.values():
            if was != person:
                numbered = person if person.number else replace(person, number=new_number(self._records))
                what = "person.changed" if was else "person.added"
                events.append(put_person(self._records, numbered, what, operator))
        log(self._records, *events)
        return self.taken

    def _overlaid(self, before: dict[str, str] | None, fields: dict[str, str]) -> dict[str, str]:
        """What is on record, with the columns of the file in its place."""
        if before is None:
            return fields
        told = {name: before.get(name, "") for name in fields}
        return told | {name: fields[name] for name in self._place if fields[name] or name not in _KEPT}

    def _before(self, fields: dict[str, str]) -> Person | None:
        if fields["person"]:
            return registry.person(self._records, fields["person"])
        if fields["state"] == "ended":
            return None
        return registry.person_of_address(self._records, fields["organisation"], fields["email"])

    def _check_address(self, record: Record, new: Person) -> None:
        if new.ended_on is not None:
            return
        key = (new.organisation, new.email.casefold())
        if (line := self._addresses.setdefault(key, record.first)) != record.first:
            raise BadCell("email", f"is the address on line {line} too", "one address is one person")
        other = registry.person_of_address(self._records, new.organisation, new.email)
        if other is not None and other.number != new.number:
            raise BadCell("email", f"is the address of person {other.number}", "one address is one person")

    def _note(self, record: Record, fields: dict[str, str], error: BadCell) -> None:
        # A column that is not in the file is one of the row's own on record, or missing.
        column = error.column if error.column in self._place else "organisation"
        wrong = error.wrong if column == error.column else f"{error.column} {error.wrong}"
        self._cells.note(record, column, fields[column], wrong, error.right)


def _check_follows(before: Person, new: Person) -> None:
    if before.forgotten is not None:
        raise BadCell("person", f"was forgotten on {before.forgotten:%Y-%m-%d}", "leave the row out")
    if before.organisation != new.organisation:
        right = "leave person empty: with another subscriber they are somebody else"
        raise BadCell("organisation", f"is not {before.organisation}, whose person this is", right)
    if before.state is not new.state and new.state not in PERSON[before.state]:
        raise BadCell("state", f"does not follow {before.state}", f"leave it {before.state}")
