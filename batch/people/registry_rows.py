"""A row of a registry file and what it tells: one subscriber, and one of its people or none."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TypeVar

from batch.model.errors import FaultyValue
from batch.model.registry import Document, Function, Identification, Person, Subscriber, Terms
from batch.model.states import PersonState, SubscriberState
from batch.people.registry import today
from batch.people.registry_columns import LINES, OF_PERSON, OF_SUBSCRIBER, REGISTRY, checked

Cells = Mapping[str, str]
"""Checked values by column, "" where there is none."""


Told = TypeVar("Told", Subscriber, Person)


class BadCell(Exception):
    """What a row tells cannot be: the `column` to look at, what is `wrong`, what would be `right`."""

    def __init__(self, column: str, wrong: str, right: str) -> None:
        super().__init__(column, wrong, right)
        self.column, self.wrong, self.right = column, wrong, right


def tells_person(cells: Cells) -> bool:
    """Whether a row has anything in a person's columns."""
    return any(cells[column.name] for column in OF_PERSON)


def tells_subscriber(cells: Cells) -> bool:
    """Whether a row has anything in a subscriber's columns."""
    return any(cells[column.name] for column in OF_SUBSCRIBER)


def subscriber_of(cells: Cells) -> Subscriber:
    """The subscriber a row tells; raises `BadCell`."""
    for column in ("subscriber", "visiting_1", "subscriber_language", "notices_email"):
        _require(cells, column)
    return Subscriber(
        organisation=cells["organisation"],
        name=cells["subscriber"],
        visiting=_lines(cells, "visiting"),
        country=cells["country"] or cells["organisation"][3:5],
        language=cells["subscriber_language"],
        email=cells["notices_email"],
        postal=_lines(cells, "postal"),
        quota=int(cells["quota"]) if cells["quota"] else None,
        state=SubscriberState(cells["subscriber_state"] or SubscriberState.ACTIVE),
    )


def person_of(cells: Cells, today: date) -> Person:
    """The person a row tells; the number may be ""; raises `BadCell` where it does not fit together."""
    for column in ("functions", "name", "email"):
        _require(cells, column)
    state = PersonState(cells["state"] or PersonState.NAMED)
    known = state in (PersonState.IDENTIFIED, PersonState.REGISTERED)
    begin, until = _day(cells["valid_from"]), _day(cells["valid_until"])
    if begin and until and until < begin:
        raise BadCell("valid_until", f"is before {begin}", "write the last day of the functions")
    functions = tuple(Function(one) for one in cells["functions"].split())
    if state is PersonState.REGISTERED and Function.MANAGER not in functions:
        raise BadCell("state", "is a certificate manager's only", "write identified")
    ended = _day(cells["ended_on"])
    if ended and state is not PersonState.ENDED:
        raise BadCell("ended_on", f"stands with a person who is {state}", "leave it empty, or write ended")
    identified = _together(
        cells, ("identified_by", "identified_on", "document"), f"is {state}" if known else ""
    )
    terms = _together(cells, ("terms_on", "terms_sha256"), "")
    certificate = cells["certificate"]
    if certificate and (Function.MANAGER not in functions or state is PersonState.NAMED):
        raise BadCell("certificate", "is for managers who are identified", "leave it empty")
    return Person(
        number=cells["person"],
        organisation=cells["organisation"],
        functions=functions,
        name=cells["name"],
        email=cells["email"],
        phone=cells["phone"],
        language=cells["language"],
        state=state,
        since=_day(cells["since"]) or today,
        valid_from=begin,
        valid_until=until,
        identified=_identification(identified) if identified else None,
        terms=Terms(date.fromisoformat(terms[0]), terms[1]) if terms else None,
        certificate=base64.b64decode(certificate) if certificate else None,
        registered_on=_day(cells["registered_on"]) or (today if state is PersonState.REGISTERED else None),
        ended_on=ended or (today if state is PersonState.ENDED else None),
    )


def cells_of(subscriber: Subscriber | None, person: Person | None) -> dict[str, str]:
    """The row that tells of a subscriber, of a person, or of both."""
    told: dict[str, object] = dict.fromkeys((one.name for one in (*OF_SUBSCRIBER, *OF_PERSON)), "")
    if subscriber is not None:
        told |= {
            "organisation": subscriber.organisation,
            "subscriber": subscriber.name,
            "country": subscriber.country,
            "subscriber_language": subscriber.language,
            "notices_email": subscriber.email,
            "quota": subscriber.quota,
            "subscriber_state": subscriber.state,
        }
        for name, lines in (("visiting", subscriber.visiting), ("postal", subscriber.postal)):
            told |= {f"{name}_{number}": line for number, line in enumerate(lines, 1)}
    if person is not None:
        identified, terms = person.identified, person.terms
        told |= {
            "organisation": person.organisation,
            "person": person.number,
            "functions": " ".join(person.functions),
            "name": person.name,
            "email": person.email,
            "phone": person.phone,
            "language": person.language,
            "valid_from": person.valid_from,
            "valid_until": person.valid_until,
            "state": person.state,
            "since": person.since,
            "identified_by": identified and identified.by,
            "identified_on": identified and identified.on,
            "document": identified and identified.document,
            "terms_on": terms and terms.on,
            "terms_sha256": terms and terms.sha256,
            "certificate": person.certificate and base64.b64encode(person.certificate).decode(),
            "registered_on": person.registered_on,
            "ended_on": person.ended_on,
        }
    return {name: "" if value is None else str(value) for name, value in told.items()}


def _require(cells: Cells, column: str) -> None:
    if not cells[column]:
        raise BadCell(column, "is empty", f"write {REGISTRY.by_name[column].meaning}")


def _lines(cells: Cells, name: str) -> tuple[str, ...]:
    lines = [cells[f"{name}_{line}"] for line in LINES]
    return tuple(line for line in lines if line)


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _together(cells: Cells, columns: Sequence[str], why: str) -> tuple[str, ...]:
    """The values of columns that stand together or not at all, empty where they do not."""
    found = tuple(cells[column] for column in columns)
    if any(found) or why:
        for column in columns:
            if not cells[column]:
                others = ", ".join(one for one in columns if one != column)
                wrong = f"is empty, but the person {why}" if why else f"is empty beside {others}"
                raise BadCell(column, wrong, "write it")
    return found if any(found) else ()


def _identification(cells: Sequence[str]) -> Identification:
    by, on, document = cells
    return Identification(by, date.fromisoformat(on), Document(document))


def typed_subscriber(before: Subscriber | None, typed: Cells) -> Subscriber:
    """A subscriber with what somebody typed, by column, in its place; raises `FaultyValue`."""
    return _typed(subscriber_of, cells_of(before, None), typed)


def typed_person(before: Person | None, typed: Cells) -> Person:
    """A person with what somebody typed, by column, in its place; raises `FaultyValue`."""
    return _typed(lambda cells: person_of(cells, today()), cells_of(None, before), typed)


def _typed(make: Callable[[Cells], Told], before: Cells, typed: Cells) -> Told:
    try:
        return make({**before, **{column: checked(column, value) for column, value in typed.items()}})
    except BadCell as error:
        raise FaultyValue(error.wrong, where=error.column, next=error.right) from None
