"""What is over long enough is forgotten for good, and the log holds afterwards as it did before (R37)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from batch.audit.contents import Asked, commitment, fingerprints
from batch.audit.log import log
from batch.audit.verification import verify
from batch.model.assessment import OrderSignature, SignatureResult
from batch.model.errors import NotFound, RecordsShut, Refused
from batch.model.events import Event
from batch.model.orders import Order
from batch.model.registry import Function, Person
from batch.model.states import ItemState, OrderState
from batch.orders.assessment import assess
from batch.orders.decisions import receive, reject
from batch.orders.draft import DraftRow, OrderDraft
from batch.orders.notices import write
from batch.orders.subjects import subject_key
from batch.people import registry
from batch.people.forgetting import Retention, due, forget
from batch.store import assessments, items, journal, orders
from batch.store.database import Records
from batch.store.forgetting import forget_item
from batch.store.ledger import read
from layouts.fields import Kind
from layouts.library import Library
from tests.unit.intake_kit import GROUP_ROW, PERSON_ROW
from tests.unit.order_kit import AnyLayouts, approved
from tests.unit.registry_kit import EMAIL, MANAGER, ORGANISATION, certificate, der, manager
from tests.unit.tampering import Tamper

TERMS = Retention()
YEAR = 366
LONG_AGO = (-12 * YEAR, -9 * YEAR)
RECENTLY = (-3 * YEAR, -YEAR)
VALID = (-YEAR, YEAR)
WORDS = ("Noëlle", EMAIL, "Zoë", "Esempio", "zoe@example.org", "P-1001", "p-1001", "Bezorglaan")


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    path = tmp_path / "station.db"
    Records.create(path).close()
    with closing(Records(path, (tmp_path / "copy.jsonl",))) as opened:
        yield opened


def received(records: Records, reference: str = "VB-1") -> Order:
    """An order of a group's two tokens and a person's one."""
    rows = [
        DraftRow(line, row["layout"], kind, count, row, subject_key(kind, ORGANISATION, name, row["layout"]))
        for line, row, kind, count, name in (
            (2, {**GROUP_ROW, "address_1": "Bezorglaan 1"}, Kind.GROUP, 2, GROUP_ROW["group"]),
            (3, {**PERSON_ROW, "address_2": "Bezorglaan 2"}, Kind.PERSON, 1, PERSON_ROW["person_number"]),
        )
    ]
    draft = OrderDraft("o.csv", reference, "Ministerie", "90001234", "NL", "00" * 32, tuple(rows))
    return receive(records, draft, "ada")


def produced(records: Records, days: tuple[int, int]) -> Order:
    """An order, made long ago, whose certificates are valid between two days from today."""
    order = approved(records, received(records).number)
    for at, item in enumerate(items.items(records, order)):
        with records.transaction():
            items.begin_item(records, item, "piv-1", "piv", f"serial {at}")
            journal.add_key(records, item.id, "signing", "9c")
            journal.set_csr(records, item.id, "signing", PERSON_ROW["surname"].encode())
            journal.set_certificate(records, item.id, "signing", der(certificate(days=days)))
            items.end_item(records, item.id, ItemState.PRODUCED)
            detail = {"certificates": fingerprints(journal.keys(records, item.id))}
            event = Event("item.produced", "pia", order=order.number, item=item.mailer_number, detail=detail)
            log(records, replace(event, token=f"serial {at}"))
    with records.transaction():
        orders.set_order_state(records, order, OrderState.IN_PRODUCTION)
        orders.set_order_state(records, orders.order(records, order.number), OrderState.PRODUCED)
        log(records, Event("order.produced", "pia", order=order.number))
    aged(records, f"UPDATE items SET began_at = '{day(days[0])}', ended_at = '{day(days[0])}'")
    return orders.order(records, order.number)


def day(days: int) -> str:
    return f"{registry.today() + timedelta(days=days)}T12:00:00.000000+00:00"


def aged(records: Records, statement: str) -> None:
    """Let time pass for what the log does not compare."""
    with Tamper(records.path) as tamper:
        tamper.execute(statement)


def ended(records: Records, days: int) -> Person:
    """A manager who left some days from today, as an import tells."""
    person = manager(records)
    over = replace(registry.end(records, person.number, operator="ada"), ended_on=date.min)
    with records.transaction():
        over = replace(over, ended_on=registry.today() + timedelta(days=days))
        log(records, registry.put_person(records, over, "person.changed", "ada"))
    return over


def names(records: Records) -> list[str]:
    return [one.name for one in due(records, TERMS)]


def said(records: Records) -> list[str]:
    return [finding.what for finding in verify(records).findings]


def files(records: Records) -> bytes:
    """All bytes of the records and the ledgers."""
    return b"".join(path.read_bytes() for path in sorted(records.path.parent.iterdir()))


def test_an_order_is_forgotten_with_its_time_and_the_log_still_holds(records: Records) -> None:
    order = produced(records, LONG_AGO)
    person = ended(records, -9 * YEAR)
    assert names(records) == [order.number, person.number]
    assert said(records) == []
    lines = [(line.sequence, line.hash) for line in read(records.ledger.path)]
    for name in names(records):
        forget(records, name, TERMS, operator="ada")
    assert records.scrub()
    whole = files(records)
    assert [word for word in WORDS if word.encode() in whole] == []
    assert "Coördinatiepunt".encode() in whole  # a group is no person, and has its name for good (R30)
    assert names(records) == []
    assert said(records) == []
    kept = list(read(records.ledger.path))
    assert [(line.sequence, line.hash) for line in kept][: len(lines)] == lines
    assert [line.kept for line in kept] == [None] * len(kept)
    assert records.ledger.path.read_bytes() == (records.path.parent / "copy.jsonl").read_bytes()
    with pytest.raises(NotFound, match="was forgotten"):
        registry.require_person(records, person.number)
    with pytest.raises(Refused, match="already"):
        forget(records, order.number, TERMS, operator="ada")
    with pytest.raises(NotFound, match="was forgotten"):
        forget(records, person.number, TERMS, operator="ada")


def test_a_copy_of_the_ledger_that_is_away_would_keep_the_words_so_nothing_is_done(records: Records) -> None:
    order = produced(records, LONG_AGO)
    copy = records.path.with_name("copy.jsonl")
    copy.rename(copy.with_name("elsewhere"))
    before = files(records)
    with pytest.raises(RecordsShut, match="away"):
        forget(records, order.number, TERMS, operator="ada")
    assert files(records) == before
    copy.with_name("elsewhere").rename(copy)
    forget(records, order.number, TERMS, operator="ada")
    assert b"Bezorglaan" not in copy.read_bytes()


@pytest.mark.parametrize("days", [RECENTLY, VALID])
def test_what_certificates_were_made_from_is_kept_seven_years_after_they_end(
    records: Records, days: tuple[int, int]
) -> None:
    order = produced(records, days)
    person = ended(records, -9 * YEAR)
    assert names(records) == []
    before = files(records)
    for name in (order.number, person.number):
        with pytest.raises(Refused, match=r"must be kept until|still in use"):
            forget(records, name, TERMS, operator="ada")
    assert files(records) == before


def test_a_rejected_order_is_kept_a_year(records: Records) -> None:
    order = reject(records, received(records).number, "bob", "incomplete")
    assert names(records) == []
    aged(records, f"UPDATE orders SET decided_at = '{day(-2 * YEAR)}'")
    assert names(records) == [order.number]
    forget(records, order.number, TERMS, operator="ada")
    assert said(records) == []
    assert {item.fields["surname"] for item in items.items(records)} == {""}


def test_nobody_at_work_and_no_open_order_is_forgotten(records: Records) -> None:
    order, person = received(records), manager(records)
    aged(records, f"UPDATE orders SET imported_at = '{day(-20 * YEAR)}'")
    for name in (order.number, person.number):
        with pytest.raises(Refused, match="still in use"):
            forget(records, name, TERMS, operator="ada")
    registry.end(records, person.number, operator="ada")
    with pytest.raises(Refused, match="still in use"):  # an open order names this manager
        forget(records, person.number, TERMS, operator="ada")
    assert names(records) == []


def test_who_left_and_had_no_certificates_made_may_be_forgotten_at_once_and_is_due_in_a_year(
    records: Records,
) -> None:
    manager(records)
    contact = replace(MANAGER, functions=(Function.CONTACT,), email="c@example.org", name="Bo Testen")
    first = registry.add_person(records, contact, operator="ada")
    with pytest.raises(Refused, match="still in use"):
        forget(records, first.number, TERMS, operator="ada")
    registry.end(records, first.number, operator="ada")
    assert names(records) == []
    forget(records, first.number, TERMS, operator="ada")
    assert said(records) == []
    found = registry.manager_of(records, ORGANISATION, EMAIL)
    assert found is not None
    left = replace(found, valid_until=registry.today() - timedelta(days=2 * YEAR))
    registry.change_person(records, left, operator="ada")
    assert names(records) == [found.number]


def test_a_forgotten_person_leaves_no_way_to_try_names_on_the_log(records: Records) -> None:
    person = ended(records, -9 * YEAR)
    forget(records, person.number, TERMS, operator="ada")
    assert records.row("SELECT salt FROM persons") == (None,)
    order = reject(records, received(records).number, "bob", "incomplete")
    aged(records, f"UPDATE orders SET decided_at = '{day(-2 * YEAR)}'")
    forget(records, order.number, TERMS, operator="ada")
    assert records.rows("SELECT DISTINCT salt FROM items") == [(None,)]


def test_what_was_found_out_and_told_about_an_order_names_nobody_afterwards(records: Records) -> None:
    """Its signature, its assessments, its notices; and nobody finds out by trying whom a notice went to."""
    order = received(records)
    signature = OrderSignature(
        SignatureResult.UNVERIFIABLE, None, None, None, "nobody is known", "CMS of Noëlle".encode()
    )
    with records.transaction():
        assessments.add_signature(records, order.id, signature)
        log(records, Event("test", "ada"))
    assess(records, order.number, AnyLayouts(), "ada")
    order = reject(records, order.number, "bob", "incomplete")
    notice = write(records, order.number, Library(), "ada")
    plain = hashlib.sha256(notice.text.encode()).hexdigest()
    named = registry.manager_of(records, ORGANISATION, EMAIL)
    assert named is not None
    assert EMAIL in notice.text
    aged(records, f"UPDATE orders SET decided_at = '{day(-2 * YEAR)}'")

    for name in (order.number, named.number):
        forget(records, name, TERMS, operator="ada")
    assert records.scrub()
    whole = files(records)
    assert [word for word in (*WORDS, plain) if word.encode() in whole] == []
    kept = assessments.signature(records, order.id)
    assert kept is not None
    assert kept.facts() == signature.facts()
    assert assessments.assessment(records, order.id) is not None
    assert [one.kind for one in assessments.notices(records, order)] == ["rejected"]


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE items SET forgotten = '00', salt = NULL WHERE id = 1", "other tokens, fields or layouts"),
        ("UPDATE items SET fields = '{}' WHERE id = 1", "other tokens, fields or layouts"),
        ("UPDATE items SET salt = NULL WHERE id = 1", "other tokens, fields or layouts"),
    ],
)
def test_nobody_passes_an_edit_off_as_forgetting(records: Records, statement: str, finding: str) -> None:
    received(records)
    aged(records, statement)
    assert any(finding in one for one in said(records))


def test_what_the_log_does_not_tell_as_forgotten_must_be_there(records: Records) -> None:
    order = received(records)
    with records.transaction():
        for item in items.items(records, order):
            forget_item(records, item, commitment(item))
        log(records, Event("innocent", "eve"))
    told = f"order {order.number} is not forgotten as the log tells, in whole and only then"
    assert said(records) == [told]


def test_an_early_log_that_told_the_words_themselves_still_holds(records: Records) -> None:
    """Logs of the first release tell a digest without salts."""
    order = received(records)
    aged(records, "UPDATE items SET salt = NULL")
    with Tamper(records.path) as tamper:
        facts = json.loads(tamper.bodies[0])
        del facts["detail"]["committed"]
        facts["detail"]["asked"] = Asked(items.items(records, order)).of(order.id)
        tamper.bodies[0] = json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        tamper.rehash()
    assert said(records) == []
    reject(records, order.number, "bob", "incomplete")
    aged(records, f"UPDATE orders SET decided_at = '{day(-2 * YEAR)}'")
    forget(records, order.number, TERMS, operator="ada")
    assert said(records) == []
