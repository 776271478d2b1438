"""A registry file is taken in whole or not at all, and an exported one is the registry it came from."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.audit.verification import verify
from batch.model.registry import Function, Terms
from batch.model.states import PersonState
from batch.people import registry
from batch.people.registry_columns import COLUMNS
from batch.people.registry_export import export
from batch.people.registry_import import Taken, take
from batch.store import audit
from batch.store import registry as stored
from batch.store.database import Records
from batch.tables.columns import Column
from batch.tables.faults import TableFaults
from batch.tables.formulas import harmless, undone
from batch.tables.values import BadValue
from tests.unit.refusals import refusal
from tests.unit.registry_kit import EMAIL, MANAGER, ORGANISATION, SUBSCRIBER, certificate, der, manager

ROW: Mapping[str, str] = {
    "organisation": ORGANISATION,
    "subscriber": "Ministerie van Voorbeeldzaken",
    "visiting_1": "Verzonnenlaan 12",
    "subscriber_language": "nl",
    "notices_email": "aanvragen@example.org",
    "functions": "manager",
    "name": "Noëlle van der Testen",
    "email": EMAIL,
}
OTHER = {**ROW, "organisation": "NTRNL-90005678", "subscriber": "Gemeente Nergenshuizen"}


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with closing(Records.create(tmp_path / "station.db")) as made:
        yield made


def file(*rows: Mapping[str, str]) -> bytes:
    text = io.StringIO(newline="")
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def taken(records: Records, *rows: Mapping[str, str]) -> Taken:
    return take(records, file(*rows), source="registry.csv", operator="ada")


def faults(records: Records, *rows: Mapping[str, str]) -> list[tuple[int, str, str]]:
    before = list(audit.entries(records)), list(stored.subscribers(records)), list(stored.persons(records))
    with pytest.raises(TableFaults) as refused:
        taken(records, *rows)
    after = list(audit.entries(records)), list(stored.subscribers(records)), list(stored.persons(records))
    assert after == before
    return [(fault.line, fault.column, fault.wrong) for fault in refused.value.faults]


def exported(records: Records) -> str:
    text = io.StringIO(newline="")
    export(records, text, operator="ada")
    return text.getvalue()


def everything(records: Records) -> tuple[Sequence[object], Sequence[object]]:
    return list(stored.subscribers(records)), list(stored.persons(records))


def test_an_exported_registry_is_the_same_again_elsewhere_and_changes_nothing_where_it_came_from(
    records: Records, tmp_path: Path
) -> None:
    found = manager(records)
    registry.set_certificate(records, found.number, der(certificate()), operator="ada")
    registry.sign_terms(records, found.number, Terms(date(2026, 11, 2), "ab" * 32), operator="ada")
    contact = replace(MANAGER, functions=(Function.CONTACT, Function.REPRESENTATIVE), email="c@example.org")
    gone = registry.add_person(records, replace(contact, valid_until=date(2030, 1, 1)), operator="ada")
    registry.end(records, gone.number, operator="ada")
    empty = replace(SUBSCRIBER, organisation="NTRIT-X1", postal=("Casella 1", "Roma"), quota=None)
    registry.add_subscriber(records, replace(empty, country="IT", name="Ente"), operator="ada")
    text = exported(records)
    assert take(records, text.encode(), source="r.csv", operator="ada") == Taken(unchanged=4)
    with closing(Records.create(tmp_path / "other.db")) as other:
        done = take(other, text.encode("utf-8-sig"), source="r.csv", operator="bob")
        assert done == Taken(new_subscribers=2, new_persons=2)
        assert everything(other) == everything(records)
        assert verify(other).findings == []
    assert verify(records).findings == []


def test_an_export_is_told_in_the_log(records: Records) -> None:
    exported(records)
    assert [json.loads(entry.body)["event"] for entry in audit.entries(records)] == ["registry.exported"]


def test_no_spreadsheet_runs_what_is_exported(records: Records) -> None:
    manager(records)
    rows = list(csv.reader(io.StringIO(exported(records))))
    assert "'+31 70 123 4567" in rows[1]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


@given(st.text(alphabet="=+-@'a\t", max_size=6))
def test_what_is_made_harmless_is_made_undone(value: str) -> None:
    assert not harmless(value).startswith(("=", "+", "-", "@"))
    assert undone(harmless(value)) == value


def test_a_file_is_taken_in_with_all_its_rows(records: Records) -> None:
    second = {"organisation": ORGANISATION, "functions": "contact", "name": "Bo", "email": "bo@example.org"}
    assert taken(records, ROW, second, OTHER) == Taken(new_subscribers=2, new_persons=3)
    assert [one.name for one in stored.people_of(records, ORGANISATION)] == ["Bo", "Noëlle van der Testen"]
    assert taken(records, {**ROW, "phone": "070 123 4567"}) == Taken(changed_persons=1, unchanged=1)
    found = registry.manager_of(records, ORGANISATION, EMAIL)
    assert found is not None
    assert (found.phone, found.state) == ("070 123 4567", PersonState.NAMED)
    assert verify(records).findings == []


def test_columns_that_a_file_has_not_keep_what_is_on_record(records: Records) -> None:
    found = manager(records)
    row = {"organisation": ORGANISATION, "person": found.number, "phone": "", "email": "new@example.org"}
    assert taken(records, row) == Taken(changed_persons=1)
    changed = registry.require_person(records, found.number)
    assert changed == replace(found, phone="", email="new@example.org")
    assert stored.subscriber(records, ORGANISATION) == SUBSCRIBER


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"organisation": "90001234"}, (2, "organisation", "is no organizationIdentifier")),
        ({"organisation": "NTRXQ-1"}, (2, "organisation", "is no organizationIdentifier")),
        ({"organisation": ""}, (2, "organisation", "is empty")),
        ({"subscriber": ""}, (2, "subscriber", "is empty")),
        ({"quota": "many"}, (2, "quota", "is no number of tokens")),
        ({"subscriber_language": "Dutch!"}, (2, "subscriber_language", "is no language tag")),
        ({"functions": "boss"}, (2, "functions", "names 'boss', which is no function")),
        ({"functions": ""}, (2, "functions", "is empty")),
        ({"email": "nobody"}, (2, "email", "is no e-mail address")),
        ({"phone": "call me"}, (2, "phone", "is no telephone number")),
        ({"valid_until": "31-12-2026"}, (2, "valid_until", "is no date")),
        (
            {"valid_from": "2026-02-01", "valid_until": "2026-01-01"},
            (
                2,
                "valid_until",
                "is before 2026-02-01",
            ),
        ),
        ({"person": "7"}, (2, "person", "is no person's number")),
        (
            {"state": "identified"},
            (
                2,
                "organisation",
                "identified_by is empty, but the person is identified",
            ),
        ),
        ({"state": "ready"}, (2, "state", "is none of what may stand here")),
        ({"functions": "contact", "state": "registered"}, (2, "state", "is a certificate manager's only")),
        ({"ended_on": "2026-01-01"}, (2, "ended_on", "stands with a person who is named")),
        ({"terms_on": "2026-01-01", "terms_sha256": ""}, (2, "terms_sha256", "is empty beside terms_on")),
        ({"terms_sha256": "abc"}, (2, "terms_sha256", "is no SHA-256")),
        ({"certificate": "AAAA"}, (2, "certificate", "is not one certificate")),
        ({"certificate": "%%"}, (2, "certificate", "is no base64")),
        (
            {"certificate": base64.b64encode(der(certificate())).decode()},
            (2, "certificate", "is for managers who are identified"),
        ),
        ({"name": "=HYPERLINK()"}, (2, "name", "begins with =, which a spreadsheet would run as a formula")),
    ],
)
def test_a_faulty_cell_is_named_by_row_and_column_and_nothing_is_taken(
    records: Records, changes: dict[str, str], expected: tuple[int, str, str]
) -> None:
    assert expected in faults(records, {**ROW, **changes}, OTHER)


def test_rows_are_held_against_each_other_and_the_records(records: Records) -> None:
    found = manager(records)
    assert faults(records, OTHER, {**OTHER, "notices_email": "b@example.org", "email": "b@example.org"}) == [
        (3, "notices_email", "differs from line 2")
    ]
    assert faults(records, OTHER, OTHER) == [(3, "email", "is the address on line 2 too")]
    stranger = {"organisation": "NTRNL-11111111", "functions": "contact", "name": "A", "email": "a@b.nl"}
    assert faults(records, stranger)[0][1:] == (
        "organisation",
        "is no subscriber in the registry, and no row tells its name",
    )
    known = {"organisation": ORGANISATION, "person": found.number}
    assert faults(records, {**known, "state": "named"}) == [(2, "state", "does not follow identified")]
    assert faults(records, OTHER, {**OTHER, **known, "subscriber": "", "visiting_1": ""})
    second = {**ROW, "person": "P00000001"}
    assert faults(records, second) == [(2, "email", f"is the address of person {found.number}")]
    twice = {**known, "phone": "070 123 4567", "email": EMAIL}
    assert faults(records, twice, {**twice, "email": "b@example.org"}) == [(3, "person", "stands here twice")]


def test_a_file_without_the_subscriber_or_with_unknown_columns_is_refused(records: Records) -> None:
    assert faults(records, {"name": "A", "emial": "b"}) == [
        (1, "emial", "is no column of a registry"),
        (1, "organisation", "this column is missing"),
    ]
    for data in (b"", b"PK\x03\x04"):
        with pytest.raises(TableFaults):
            take(records, data, source="r.csv", operator="ada")


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: str(column.name))
@given(value=st.text(max_size=70) | st.from_regex(r"[PNTRLI0-9+ -]{0,20}", fullmatch=True))
def test_a_value_is_refused_with_advice_or_kept_as_it_will_be_kept_again(column: Column, value: str) -> None:
    kept: list[str] = []
    refused = refusal(BadValue, lambda: kept.append(column.check(value)))
    if refused is None:
        assert column.check(kept[0]) == kept[0]
    else:
        assert refused.wrong
        assert refused.right


def test_the_columns_of_a_registry_have_one_meaning_each() -> None:
    names = [name for column in COLUMNS for name in (column.name, *column.synonyms)]
    assert len(set(names)) == len(names)


def test_search_finds_every_word_in_name_number_or_address(records: Records) -> None:
    taken(records, ROW, OTHER)
    assert [one.organisation for one in stored.subscribers(records, ["VOORBEELD"])] == [ORGANISATION]
    assert [one.organisation for one in stored.subscribers(records, ["9000"])] == [
        ORGANISATION,
        "NTRNL-90005678",
    ]
    assert len(list(stored.persons(records, ["NOELLE", "example.org"]))) == 2
    assert len(list(stored.persons(records, ["noëlle", "90005678"]))) == 1
    assert list(stored.persons(records, ["noëlle", "nobody"])) == []
