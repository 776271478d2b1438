"""Who may order, and how well they are known: managers are named, identified, registered, ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from batch.audit.verification import verify
from batch.model.errors import FaultyValue, NotFound, Refused, Transition
from batch.model.registry import Function, Person, Terms
from batch.model.states import PersonState, SubscriberState
from batch.people import manager_certificates, registry
from batch.store import audit
from batch.store.database import Records
from tests.unit.registry_kit import (
    EMAIL,
    MANAGER,
    ORGANISATION,
    PASSPORT,
    SUBSCRIBER,
    certificate,
    der,
    manager,
    pem,
    subscribed,
)
from tests.unit.tampering import Tamper


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with closing(Records.create(tmp_path / "station.db")) as made:
        yield made


def events(records: Records) -> list[str]:
    return [json.loads(entry.body)["event"] for entry in audit.entries(records)]


def said(records: Records) -> list[str]:
    return [finding.what for finding in verify(records).findings]


def named(records: Records) -> Person:
    with records.transaction():
        return registry.name_manager(
            records, organisation=ORGANISATION, name="Noëlle", email=EMAIL, language="nl", operator="ada"
        )


def registered(records: Records) -> Person | None:
    with records.transaction():
        return registry.registered(records, organisation=ORGANISATION, email=EMAIL.upper(), operator="pia")


def test_a_manager_named_in_an_order_is_identified_first_and_registered_with_the_first_token(
    records: Records,
) -> None:
    assert registry.manager_of(records, ORGANISATION, EMAIL) is None
    assert named(records).state is PersonState.NAMED
    assert registered_without_event(records) is None
    found = registry.manager_of(records, ORGANISATION, EMAIL.upper())
    assert found is not None
    registry.identify(records, found.number, PASSPORT, operator="ada")
    done = registered(records)
    assert done is not None
    assert done.state is PersonState.REGISTERED
    assert done.registered_on == registry.today()
    assert registered_without_event(records) is None
    assert named(records) == done
    assert events(records) == ["person.named", "person.identified", "person.registered"]


def registered_without_event(records: Records) -> Person | None:
    before = events(records)
    done = registered(records)
    assert events(records) == before
    return done


def test_who_ended_is_named_and_identified_anew(records: Records) -> None:
    first = manager(records)
    registry.end(records, first.number, operator="ada")
    assert registry.manager_of(records, ORGANISATION, EMAIL) is None
    again = named(records)
    assert again.number != first.number
    assert again.state is PersonState.NAMED
    with pytest.raises(Transition):
        registry.end(records, first.number, operator="ada")
    with pytest.raises(Transition):
        registry.identify(records, first.number, PASSPORT, operator="ada")


def test_a_contact_person_who_is_named_in_an_order_becomes_a_manager_too(records: Records) -> None:
    subscribed(records)
    contact = registry.add_person(records, replace(MANAGER, functions=(Function.CONTACT,)), operator="ada")
    assert registry.manager_of(records, ORGANISATION, EMAIL) is None
    assert named(records).number == contact.number
    found = registry.manager_of(records, ORGANISATION, EMAIL)
    assert found is not None
    assert found.functions == (Function.CONTACT, Function.MANAGER)


def test_one_address_of_a_subscriber_is_one_person(records: Records) -> None:
    manager(records)
    with pytest.raises(Refused, match="e-mail address"):
        registry.add_person(records, replace(MANAGER, email=EMAIL.upper()), operator="ada")
    other = registry.add_person(records, replace(MANAGER, email="b@example.org"), operator="ada")
    with pytest.raises(Refused, match="e-mail address"):
        registry.change_person(records, replace(other, email=EMAIL), operator="ada")


def test_a_subscriber_is_taken_in_once_changed_and_closed_with_its_people(records: Records) -> None:
    found = manager(records)
    with pytest.raises(Refused, match="already"):
        subscribed(records)
    registry.change_subscriber(records, replace(SUBSCRIBER, quota=5), operator="ada")
    closed = registry.close_subscriber(records, ORGANISATION, operator="ada")
    assert (closed.quota, closed.state) == (5, SubscriberState.CLOSED)
    assert registry.subscriber(records, ORGANISATION) == closed
    assert registry.require_person(records, found.number).state is PersonState.ENDED
    with pytest.raises(NotFound):
        registry.add_person(records, replace(MANAGER, organisation="NTRNL-11111111"), operator="ada")


def test_functions_hold_between_their_days_only() -> None:
    person = replace(MANAGER, valid_from=date(2026, 1, 1), valid_until=date(2026, 12, 31))
    assert [person.valid(date(2026, 1, 1)), person.valid(date(2026, 12, 31))] == [True, True]
    assert [person.valid(date(2025, 12, 31)), person.valid(date(2027, 1, 1))] == [False, False]
    assert not replace(person, state=PersonState.ENDED).valid(date(2026, 6, 1))


def test_terms_and_the_certificate_for_orders_are_kept_with_who_is_identified(records: Records) -> None:
    found = manager(records, identified=False)
    made = manager_certificates.read(pem(certificate()), where="c.pem", now=datetime.now(UTC))
    with pytest.raises(Refused, match="not identified"):
        registry.set_certificate(records, found.number, made, operator="ada")
    registry.identify(records, found.number, PASSPORT, operator="ada")
    registry.set_certificate(records, found.number, made, operator="ada")
    terms = Terms(date(2026, 11, 2), "ab" * 32)
    registry.sign_terms(records, found.number, terms, operator="ada")
    kept = registry.require_person(records, found.number)
    assert (kept.certificate, kept.terms, kept.identified) == (made, terms, PASSPORT)
    contact = replace(MANAGER, functions=(Function.CONTACT,), email="c@example.org")
    number = registry.add_person(records, contact, operator="ada").number
    with pytest.raises(Refused, match="certificate manager"):
        registry.set_certificate(records, number, made, operator="ada")


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b"nonsense", "is not one certificate"),
        (pem(certificate()) * 2, "is not one certificate"),
        (b"\x30" * 30_000, "bytes"),
        (der(certificate(usage="key_encipherment")), "is not for signatures"),
        (der(certificate(usage=None)), "does not say"),
        (der(certificate(ca=True)), "authority"),
        (der(certificate(curve=ec.SECP192R1())), "192 bits only"),
        (der(certificate(days=(-10, -1))), "was valid until"),
        (der(certificate(days=(1, 10))), "is not valid before"),
    ],
)
def test_a_certificate_that_no_order_could_be_verified_with_is_refused(data: bytes, wrong: str) -> None:
    with pytest.raises(FaultyValue, match=wrong) as told:
        manager_certificates.read(data, where="c.pem", now=datetime.now(UTC))
    assert (told.value.where, bool(told.value.next)) == ("c.pem", True)


def test_certificates_for_signatures_are_read_from_pem_and_der_alike() -> None:
    made = certificate(usage="content_commitment")
    for data in (pem(made), der(made)):
        assert manager_certificates.read(data, where="c", now=datetime.now(UTC)) == der(made)


def test_the_log_tells_every_change_and_names_nobody(records: Records) -> None:
    found = manager(records)
    registry.end(records, found.number, operator="ada")
    assert events(records) == ["subscriber.added", "person.added", "person.identified", "person.ended"]
    text = "".join(entry.body for entry in audit.entries(records)) + records.ledger.path.read_text("utf-8")
    for word in (MANAGER.name, "Noëlle", EMAIL, SUBSCRIBER.name, SUBSCRIBER.email, MANAGER.phone):
        assert word not in text
    assert found.number in text
    assert said(records) == []


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE persons SET email = 'eve@example.org'", "person P"),
        ("UPDATE persons SET certificate = x'00'", "person P"),
        ("UPDATE persons SET state = 'registered'", "person P"),
        ("UPDATE persons SET forgotten = '2026-01-01T00:00:00+00:00', salt = NULL", "is forgotten, but"),
        ("UPDATE subscribers SET quota = 100000", "NTRNL-90001234 stands otherwise"),
        ("DELETE FROM persons", "is not on record"),
        ("UPDATE persons SET number = 'P99999999'", "the log does not tell of it"),
    ],
)
def test_whoever_edits_the_registry_is_found(records: Records, statement: str, finding: str) -> None:
    manager(records)
    with Tamper(records.path) as tamper:
        tamper.execute(statement)
    assert any(finding in one for one in said(records))
