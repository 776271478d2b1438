"""Subscribers and their people in the records."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from batch.model.registry import Document, Function, Identification, Person, Subscriber, Terms
from batch.model.states import PersonState, SubscriberState
from batch.store.database import Records, moment, stamp
from batch.store.paging import FIRST, MOST, UPTO, Condition, Count, Listing, Page, Place
from batch.store.words import sought

_SUBSCRIBER = "organisation, name, visiting, country, language, email, postal, quota, state"
_PERSON = (
    "number, organisation, functions, name, email, phone, language, state, since, valid_from, valid_until, "
    "identified_by, identified_on, document, terms_on, terms_sha256, certificate, registered_on, ended_on, "
    "forgotten"
)
_PAGE = 1000
_SALT = 16
"""Octets; more than anybody can try."""


def put_subscriber(records: Records, subscriber: Subscriber) -> bytes:
    """Write a subscriber, new or changed; returns the salt under which the log tells of it."""
    salt = _salt(records, "subscribers", "organisation", subscriber.organisation)
    facts = subscriber.facts()
    values = (
        subscriber.organisation,
        subscriber.name,
        json.dumps(subscriber.visiting, ensure_ascii=False),
        subscriber.country,
        subscriber.language,
        subscriber.email,
        json.dumps(subscriber.postal, ensure_ascii=False),
        subscriber.quota,
        facts["state"],
        salt,
        _search(subscriber.name, subscriber.organisation, subscriber.email),
    )
    _put(records, "subscribers", f"{_SUBSCRIBER}, salt, search", values)
    return salt


def put_person(records: Records, person: Person) -> bytes:
    """Write a person, new or changed; returns the salt under which the log tells of them."""
    salt = _salt(records, "persons", "number", person.number)
    identified, terms = person.identified, person.terms
    values = (
        person.number,
        person.organisation,
        " ".join(person.functions),
        person.name,
        person.email,
        person.phone,
        person.language,
        person.state,
        person.since.isoformat(),
        _day(person.valid_from),
        _day(person.valid_until),
        identified.by if identified else None,
        _day(identified.on) if identified else None,
        identified.document if identified else None,
        _day(terms.on) if terms else None,
        terms.sha256 if terms else None,
        person.certificate,
        _day(person.registered_on),
        _day(person.ended_on),
        None,
        salt,
        _search(person.name, person.number, person.email, person.organisation),
    )
    _put(records, "persons", f"{_PERSON}, salt, search", values)
    return salt


def forget_person(records: Records, person: Person) -> None:
    """Overwrite all that tells who somebody was; the salt too, so that nobody can try names on the log."""
    records.write(
        "UPDATE persons SET name = '', email = '', phone = '', language = '', valid_from = NULL, "
        "valid_until = NULL, identified_by = NULL, identified_on = NULL, document = NULL, terms_on = NULL, "
        "terms_sha256 = NULL, certificate = NULL, salt = NULL, search = number, forgotten = ? "
        "WHERE number = ?",
        (stamp(), person.number),
    )


def subscriber(records: Records, organisation: str) -> Subscriber | None:
    """The subscriber of an organizationIdentifier, None where there is none."""
    row = records.row(f"SELECT {_SUBSCRIBER} FROM subscribers WHERE organisation = ?", (organisation,))
    return _subscriber(row) if row else None


def person(records: Records, number: str) -> Person | None:
    """The person of a number, None where there is none."""
    row = records.row(f"SELECT {_PERSON} FROM persons WHERE number = ?", (number,))
    return _person(row) if row else None


def person_of_address(records: Records, organisation: str, email: str) -> Person | None:
    """The person of a subscriber who has an e-mail address and has not ended, None where nobody is."""
    row = records.row(
        f"SELECT {_PERSON} FROM persons WHERE organisation = ? AND email = ? AND state <> 'ended'",
        (organisation, email),
    )
    return _person(row) if row else None


def subscribers(records: Records, words: Sequence[str] = ()) -> Iterator[Subscriber]:
    """All subscribers, or those in whose name, number or address all of the words stand."""
    for row in _pages(records, "subscribers", "organisation", _SUBSCRIBER, *_with(words)):
        yield _subscriber(row)


def persons(records: Records, words: Sequence[str] = ()) -> Iterator[Person]:
    """All persons, forgotten ones too, or those in whose name, number or address all of the words stand."""
    for row in _pages(records, "persons", "number", _PERSON, *_with(words)):
        yield _person(row)


def people_of(records: Records, organisation: str) -> list[Person]:
    """The people of a subscriber by name, without those who are forgotten."""
    rows = records.rows(
        f"SELECT {_PERSON} FROM persons WHERE organisation = ? AND forgotten IS NULL ORDER BY name, number",
        (organisation,),
    )
    return [_person(row) for row in rows]


@dataclass(frozen=True)
class PeopleWanted:
    """Which people: of a subscriber by its number, in a state, with all of some words in name, number or
    address. None: any; forgotten ones are left out.
    """

    organisation: str | None = None
    state: PersonState | None = None
    words: tuple[str, ...] = ()


def subscribers_page(
    records: Records, words: Sequence[str] = (), place: Place = FIRST, limit: int = MOST
) -> Page[Subscriber]:
    """The page at a place of subscribers as `subscribers` finds them, by number."""
    return _SUBSCRIBERS.page(records, _holding(words), place, limit)


def subscribers_count(records: Records, words: Sequence[str] = (), upto: int = UPTO) -> Count:
    """How many subscribers there are, counted up to a number."""
    return _SUBSCRIBERS.count(records, _holding(words), upto)


def persons_page(
    records: Records, wanted: PeopleWanted, place: Place = FIRST, limit: int = MOST
) -> Page[Person]:
    """The page at a place of people who are wanted, by number."""
    return _PERSONS.page(records, _wanted(wanted), place, limit)


def persons_count(records: Records, wanted: PeopleWanted, upto: int = UPTO) -> Count:
    """How many people are wanted, counted up to a number."""
    return _PERSONS.count(records, _wanted(wanted), upto)


def _wanted(wanted: PeopleWanted) -> list[Condition]:
    found: list[Condition] = [("forgotten IS NULL", ())]
    if wanted.organisation is not None:
        found.append(("organisation = ?", (wanted.organisation,)))
    if wanted.state is not None:
        found.append(("state = ?", (wanted.state,)))
    return found + _holding(wanted.words)


def _holding(words: Sequence[str]) -> list[Condition]:
    return [("instr(search, ?) > 0", (sought(word),)) for word in words]


def salts(records: Records, table: str, key: str) -> Mapping[str, bytes | None]:
    """The salts of all subscribers (by `organisation`) or all persons (by `number`)."""
    return dict(records.rows(f"SELECT {key}, salt FROM {table}"))


def _pages(
    records: Records, table: str, key: str, columns: str, where: str, parameters: Sequence[str]
) -> Iterator[tuple[Any, ...]]:
    last = ""
    while page := records.rows(
        f"SELECT {columns} FROM {table} WHERE {key} > ?{where} ORDER BY {key} LIMIT {_PAGE}",
        (last, *parameters),
    ):
        yield from page
        last = page[-1][0]


def _with(words: Sequence[str]) -> tuple[str, list[str]]:
    # No full-text index: it would keep words of what is forgotten.
    return " AND instr(search, ?) > 0" * len(words), [sought(word) for word in words]


def _search(*parts: str) -> str:
    return " ".join(sought(part) for part in parts)


def _salt(records: Records, table: str, key: str, value: str) -> bytes:
    row = records.row(f"SELECT salt FROM {table} WHERE {key} = ?", (value,))
    return bytes(row[0]) if row and row[0] else secrets.token_bytes(_SALT)


def _put(records: Records, table: str, columns: str, values: Sequence[object]) -> None:
    names = columns.split(", ")
    changed = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
    records.write(
        f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(names))}) "
        f"ON CONFLICT ({names[0]}) DO UPDATE SET {changed}",
        values,
    )


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _subscriber(row: tuple[Any, ...]) -> Subscriber:
    organisation, name, visiting, country, language, email, postal, quota, state = row
    return Subscriber(
        organisation,
        name,
        tuple(json.loads(visiting)),
        country,
        language,
        email,
        tuple(json.loads(postal)),
        quota,
        SubscriberState(state),
    )


def _person(row: tuple[Any, ...]) -> Person:
    (number, organisation, functions, name, email, phone, language, state, since, begin, until, *rest) = row
    by, on, document, terms_on, terms, certificate, registered, ended, forgotten = rest
    return Person(
        number,
        organisation,
        tuple(Function(one) for one in functions.split()),
        name,
        email,
        phone,
        language,
        PersonState(state),
        date.fromisoformat(since),
        _date(begin),
        _date(until),
        Identification(by, date.fromisoformat(on), Document(document)) if on else None,
        Terms(date.fromisoformat(terms_on), terms) if terms_on else None,
        certificate,
        _date(registered),
        _date(ended),
        moment(forgotten),
    )


_SUBSCRIBERS: Listing[Subscriber] = Listing(_SUBSCRIBER, "subscribers", ("organisation",), _subscriber)
_PERSONS: Listing[Person] = Listing(_PERSON, "persons", ("number",), _person)
