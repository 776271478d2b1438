"""Subscribers, their representatives, contact persons and certificate managers: what may be done with them.

A manager is named (in an order, or by hand), identified, registered with the first token made for an order of
theirs, and ended. Every change is told in the log by number and salted digest, never by name.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from batch.audit.log import log
from batch.audit.registry import commitment
from batch.model.errors import NotFound, Refused
from batch.model.events import Event
from batch.model.registry import Function, Identification, Person, Subscriber, Terms
from batch.model.states import PersonState, SubscriberState, move
from batch.store import registry
from batch.store.clock import now
from batch.store.database import Records

_DIGITS = 8


def subscriber(records: Records, organisation: str) -> Subscriber | None:
    """The subscriber of an organizationIdentifier such as `NTRNL-90001234`, None where there is none."""
    return registry.subscriber(records, organisation)


def manager_of(records: Records, organisation: str, email: str) -> Person | None:
    """The certificate manager of a subscriber with an e-mail address (any case), None where there is none.

    Whoever ended is none any more: named again, they are identified anew.
    """
    found = registry.person_of_address(records, organisation, email)
    return found if found is not None and found.manager else None


def name_manager(
    records: Records, *, organisation: str, name: str, email: str, language: str, operator: str
) -> Person:
    """The manager whom an order names: the one there is, else a new one, to be identified.

    Called in the transaction that takes the order in. A contact person or representative of that address
    becomes a manager as well.
    """
    found = registry.person_of_address(records, organisation, email)
    if found is not None and found.manager:
        return found
    if found is None:
        found = Person(
            number=new_number(records),
            organisation=organisation,
            functions=(Function.MANAGER,),
            name=name,
            email=email,
            language=language,
            since=today(),
        )
    else:
        found = replace(found, functions=_sorted((*found.functions, Function.MANAGER)))
    log(records, put_person(records, found, "person.named", operator))
    return found


def registered(records: Records, *, organisation: str, email: str, operator: str) -> Person | None:
    """A token was produced for an order of this manager: one who was identified is registered from today.

    Called in the transaction that makes the token produced; None where nothing changed.
    """
    found = manager_of(records, organisation, email)
    if found is None or found.state is not PersonState.IDENTIFIED:
        return None
    found = replace(found, state=PersonState.REGISTERED, registered_on=today())
    log(records, put_person(records, found, "person.registered", operator))
    return found


def add_subscriber(records: Records, new: Subscriber, *, operator: str) -> Subscriber:
    """Take a subscriber into the registry; raises `Refused` where the number is there already."""
    with records.transaction():
        if registry.subscriber(records, new.organisation):
            advice = f"station registry change {new.organisation}"
            raise Refused("this subscriber is in the registry already", where=new.organisation, next=advice)
        log(records, put_subscriber(records, new, "subscriber.added", operator))
    return new


def change_subscriber(records: Records, changed: Subscriber, *, operator: str) -> Subscriber:
    """Put a changed subscriber in the place of the one on record; its number stays."""
    with records.transaction():
        before = require_subscriber(records, changed.organisation)
        if before.state is not changed.state:
            move(before.state, changed.state, where=changed.organisation)
        log(records, put_subscriber(records, changed, "subscriber.changed", operator))
    return changed


def close_subscriber(records: Records, organisation: str, *, operator: str) -> Subscriber:
    """A subscriber orders no more, and its people's functions end today."""
    with records.transaction():
        found = require_subscriber(records, organisation)
        closed = move(found.state, SubscriberState.CLOSED, where=organisation)
        found = replace(found, state=closed)
        events = [put_subscriber(records, found, "subscriber.closed", operator)]
        for one in registry.people_of(records, organisation):
            if one.state is not PersonState.ENDED:
                over = replace(one, state=PersonState.ENDED, ended_on=today())
                events.append(put_person(records, over, "person.ended", operator))
        log(records, *events)
    return found


def add_person(records: Records, new: Person, *, operator: str) -> Person:
    """Take a person of a subscriber into the registry, under a new number; `new` may have none.

    Raises `NotFound` for an unknown subscriber, `Refused` where somebody has that e-mail address.
    """
    with records.transaction():
        require_subscriber(records, new.organisation)
        refuse_same_address(records, new)
        new = replace(new, number=new_number(records), functions=_sorted(new.functions), since=today())
        log(records, put_person(records, new, "person.added", operator))
    return new


def change_person(records: Records, changed: Person, *, operator: str) -> Person:
    """Put a changed person in the place of the one on record.

    Number, subscriber and state stay. Raises `Refused` where another has the e-mail address.
    """
    with records.transaction():
        before = require_person(records, changed.number)
        changed = replace(
            changed,
            organisation=before.organisation,
            state=before.state,
            functions=_sorted(changed.functions),
        )
        refuse_same_address(records, changed)
        log(records, put_person(records, changed, "person.changed", operator))
    return changed


def identify(records: Records, number: str, how: Identification, *, operator: str) -> Person:
    """A person was identified with a document, whose number is kept nowhere; raises `Transition`."""
    with records.transaction():
        found = require_person(records, number)
        # Somebody may be identified again, such as before a renewal.
        known = found.state in (PersonState.IDENTIFIED, PersonState.REGISTERED)
        state = found.state if known else move(found.state, PersonState.IDENTIFIED, where=number)
        found = replace(found, state=state, identified=how)
        log(records, put_person(records, found, "person.identified", operator))
    return found


def sign_terms(records: Records, number: str, terms: Terms, *, operator: str) -> Person:
    """A person signed the terms (R6)."""
    with records.transaction():
        found = replace(_present(records, number), terms=terms)
        log(records, put_person(records, found, "person.terms", operator))
    return found


def set_certificate(records: Records, number: str, certificate: bytes, *, operator: str) -> Person:
    """Register the certificate (DER) of a manager, against which signed orders are verified.

    Raises `Refused` for who is no manager, or is not identified yet: nobody would know whose it is.
    """
    with records.transaction():
        found = _present(records, number)
        if not found.manager:
            raise Refused("only a certificate manager signs orders", where=number)
        if found.state is PersonState.NAMED:
            advice = f"station registry person identify {number}"
            raise Refused("whoever is not identified has no certificate here", where=number, next=advice)
        found = replace(found, certificate=certificate)
        log(records, put_person(records, found, "person.certificate", operator))
    return found


def end(records: Records, number: str, *, operator: str) -> Person:
    """A person's functions end today, for good; raises `Transition` where they did."""
    with records.transaction():
        found = require_person(records, number)
        over = move(found.state, PersonState.ENDED, where=number)
        found = replace(found, state=over, ended_on=today())
        log(records, put_person(records, found, "person.ended", operator))
    return found


def require_subscriber(records: Records, organisation: str) -> Subscriber:
    """The subscriber of an organizationIdentifier; raises `NotFound`."""
    if (found := registry.subscriber(records, organisation)) is None:
        advice = "see `station registry list`, or add it: `station registry add`"
        raise NotFound("no subscriber of that number", where=organisation, next=advice)
    return found


def require_person(records: Records, number: str) -> Person:
    """The person of a number; raises `NotFound`, for who is forgotten too."""
    found = registry.person(records, number)
    if found is None:
        raise NotFound("no person of that number", where=number, next="see `station registry search`")
    if found.forgotten is not None:
        raise NotFound(f"was forgotten on {found.forgotten:%Y-%m-%d}", where=number)
    return found


def refuse_same_address(records: Records, person: Person) -> None:
    """Raises `Refused` where somebody else of the subscriber has a person's e-mail address."""
    other = registry.person_of_address(records, person.organisation, person.email)
    if other is not None and other.number != person.number and person.state is not PersonState.ENDED:
        raise Refused(
            f"somebody of {person.organisation} has this e-mail address already",
            where=other.number,
            next="give that person another function, or end it first",
        )


def put_subscriber(records: Records, subscriber: Subscriber, event: str, operator: str) -> Event:
    """Write a subscriber inside a transaction; returns the event that must be logged in it."""
    salt = registry.put_subscriber(records, subscriber)
    detail = {"subscriber": subscriber.organisation, "content": commitment(subscriber, salt)}
    return Event(event, operator, detail=detail)


def put_person(records: Records, person: Person, event: str, operator: str) -> Event:
    """Write a person inside a transaction; returns the event that must be logged in it."""
    salt = registry.put_person(records, person)
    detail = {
        "person": person.number,
        "subscriber": person.organisation,
        "state": str(person.state),
        "functions": " ".join(person.functions),
        "content": commitment(person, salt),
    }
    return Event(event, operator, detail=detail)


def new_number(records: Records) -> str:
    """A number nobody has; drawn, so that it tells nothing and none is given again after a restore."""
    while True:
        number = f"P{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}"
        if registry.person(records, number) is None:
            return number


def today() -> date:
    """The day in UTC."""
    return now().date()


def _present(records: Records, number: str) -> Person:
    found = require_person(records, number)
    if found.state is PersonState.ENDED:
        raise Refused(f"ended on {found.ended_on}", where=number, next="add them anew if they came back")
    return found


def _sorted(functions: Sequence[Function]) -> tuple[Function, ...]:
    return tuple(one for one in Function if one in functions)
