"""What a cell may hold, and how a fault in it is told."""

from __future__ import annotations

import pickle

import pytest

from batch.tables.faults import MOST, Fault, TableFaults
from tests.unit.intake_kit import (
    GROUP_ROW,
    PERSON_ROW,
    faults_of,
    faults_of_rows,
    read,
    read_rows,
    text_of,
    the_fault,
)


@pytest.mark.parametrize(
    ("column", "value", "kept"),
    [
        ("group", "  Team\u00a0A ", "Team A"),
        ("group", "Coo\u0308rdinatie", "Coördinatie"),
        ("group", "Команда", "Команда"),
        ("language", "IT", "it"),
        ("country", "nl", "NL"),
        ("country", "", "NL"),
        ("kind", "Groep", "group"),
        ("count", "007", "7"),
        ("subscriber_number", "NTRNL-90001234", "90001234"),
        ("email", "o'brien+team@sub.example.org", "o'brien+team@sub.example.org"),
        ("address_4", "", ""),
    ],
)
def test_good_values_are_kept_in_their_plain_form(column: str, value: str, kept: str) -> None:
    assert read_rows({**GROUP_ROW, column: value}).rows[0].fields[column] == kept


@pytest.mark.parametrize(
    ("column", "value", "wrong", "right"),
    [
        ("language", "xx", "no language", "use nl, en or it"),
        ("country", "UK", "no country code", "GB"),
        ("kind", "robot", "no kind", "group or person"),
        ("kind", "person", "which is for a group", "write group"),
        ("layout", "group-crad", "no layout", "did you mean group-card?"),
        ("layout", "group-card:dsa-512", "no layout", "did you mean group-card"),
        ("layout", "zzz", "no layout", "use one of group-card, group-usb"),
        ("count", "0", "out of range", "1 to 10000"),
        ("count", "10001", "out of range", "1 to 10000"),
        ("count", "12,0", "no whole number", "write 12"),
        ("count", "twelve", "no whole number", "digits only"),
        ("count", "-3", "no whole number", "digits only"),
        ("count", "٣", "no whole number", "digits only"),
        ("count", "9" * 5000, "no whole number", "digits only"),
        ("count", "", "is empty", "how many tokens"),
        ("subscriber_number", "9001234", "trade register", "was it 09001234?"),
        ("subscriber_number", "9.00E+07", "trade register", "8 digits"),
        ("manager_email", "jan.example.org", "no e-mail address", "name@example.org"),
        ("manager_email", "jan@localhost", "no e-mail address", "name@example.org"),
        ("manager_email", "jan@example..org", "no e-mail address", "name@example.org"),
        ("manager_email", "a@b.example.org, c@d.example.org", "no e-mail address", "one address"),
        ("manager_email", "zoë@example.org", "outside ASCII", "plain letters"),
        ("group", "", "is empty", "a group needs it"),
        ("group", "x" * 65, "has 65 characters", "at most 64"),
        ("group", "...", "no letter or digit", "write the name"),
        ("group", "Tea\u202em", "direction-changing", "take it out"),
        ("group", "Tea\u200bm", "invisible", "take it out"),
        ("group", "Tea\ufffdm", "lost a character", "type it again"),
        ("group", "Tea\x1bm", "control character", "take it out"),
        ("group", "Tea\x85m", "control character", "take it out"),
        ("group", "\tTeam", "a tab", "take it out"),
        ("group", "Teаm", "mixes Cyrillic and Latin", "one script"),
        ("group", "=1+1", "formula", "begin with a letter"),
        ("manager", "@SUM(A1)", "formula", "begin with a letter"),
        ("address_1", "-2+3", "formula", "begin with a letter"),
        ("order", "+1", "formula", "begin with a letter"),
        ("subscriber", "＝1", "formula", "begin with a letter"),
        ("address_1", "y" * 51, "has 51 characters", "at most 50"),
        ("surname", "Jansen", "stands in the row of a group", "leave it empty"),
    ],
)
def test_a_bad_value_is_named_by_line_column_and_what_would_be_right(
    column: str, value: str, wrong: str, right: str
) -> None:
    fault = the_fault({**GROUP_ROW, column: value})
    assert (fault.line, fault.column) == (2, column)
    assert wrong in fault.wrong
    assert right in fault.right
    assert str(fault).startswith(f"line 2, {column}: ")


@pytest.mark.parametrize(
    ("column", "value", "wrong"),
    [
        ("given_name", "", "is empty"),
        ("surname", "Jan5en", "has '5' in it"),
        ("surname", "Ren‚", "has '‚' in it"),
        ("person_number", "", "is empty"),
        ("person_number", "é1", "no such number"),
        ("email", "", "is empty"),
        ("count", "2", "too many for a person"),
        ("group", "Team", "stands in the row of a person"),
        ("kind", "group", "which is for a person"),
    ],
)
def test_a_persons_row_is_held_to_a_persons_rules(column: str, value: str, wrong: str) -> None:
    fault = the_fault({**PERSON_ROW, column: value})
    assert (fault.line, fault.column) == (2, column)
    assert wrong in fault.wrong


def test_a_person_needs_no_count_and_gets_one_token() -> None:
    (row,) = read_rows(PERSON_ROW).rows
    assert (row.count, row.fields["count"]) == (1, "1")


def test_what_the_layout_has_no_room_for_is_found_before_anything_is_made() -> None:
    fault = the_fault({**PERSON_ROW, "given_name": "A" * 40, "surname": "B" * 40})
    assert str(fault) == "line 2, surname: is too long together (profile x, CN); shorten it"


def test_a_foreign_subscriber_has_its_own_registers_number() -> None:
    draft = read_rows({**GROUP_ROW, "country": "it", "subscriber_number": "RM-1234567"})
    assert (draft.country, draft.organisation) == ("IT", "NTRIT-RM-1234567")


def test_all_faults_are_told_at_once_and_in_the_order_of_the_file() -> None:
    bad = {**GROUP_ROW, "language": "xx", "country": "UK", "count": "0", "manager_email": "x", "group": "=1"}
    other = {**GROUP_ROW, "group": "B"}
    faults = faults_of_rows(bad, other, {**other, "group": "C", "layout": "none", "language": "yy"})
    assert [(fault.line, fault.column) for fault in faults] == [
        (2, "country"),
        (2, "manager_email"),
        (2, "language"),
        (2, "count"),
        (2, "group"),
        (4, "language"),
        (4, "layout"),
    ]


def test_one_file_is_one_order_of_one_subscriber() -> None:
    rows = [{**GROUP_ROW, "group": name} for name in ("A", "B", "C")]
    rows[0]["subscriber"], rows[2]["order"] = "Gemeente Anders", "VB-2"
    assert [str(fault) for fault in faults_of_rows(*rows)] == [
        "line 2, subscriber: 'Gemeente Anders' differs from 'Ministerie van Voorbeeldzaken' on line 3; "
        "one file is one order of one subscriber: write the same in every row",
        "line 4, order: 'VB-2' differs from 'VB-1' on line 2; "
        "one file is one order of one subscriber: write the same in every row",
    ]


def test_an_order_has_at_most_a_hundred_thousand_tokens() -> None:
    rows = [{**GROUP_ROW, "group": f"Group {number}", "count": "10000"} for number in range(11)]
    assert read_rows(*rows[:10]).count == 100_000
    fault = the_fault(*rows)
    assert (fault.line, fault.column, "110,000" in fault.wrong) == (12, "count", True)


def test_a_list_of_faults_has_an_end() -> None:
    bad = {**GROUP_ROW, "language": "xx"}
    faults = faults_of(text_of([bad] * (MOST + 5)))
    assert len(faults) == MOST
    assert "more than 9,999 faults" in faults[-1].wrong


def test_faults_read_as_a_list_and_survive_a_pipe() -> None:
    faults = TableFaults(
        (Fault(7, "language", "xx", "is wrong", "write nl"), Fault(0, "", "", "odd", "stop")), "a.csv"
    )
    assert str(faults) == (
        "a.csv: 2 faults, nothing was taken\n"
        "  line 7, language: 'xx' is wrong; write nl\n"
        "  the file: odd; stop"
    )
    again = pickle.loads(pickle.dumps(faults))
    assert (str(again), again.faults) == (str(faults), faults.faults)


def test_nothing_a_terminal_would_obey_comes_out_of_a_fault() -> None:
    evil = "\x1b[2J\u202egnp"
    text = text_of([{**GROUP_ROW, "group": evil, "layout": "x\u2066y"}]).replace("address_4", f"no{evil}", 1)
    with pytest.raises(TableFaults) as refused:
        read(text)
    assert len(refused.value.faults) == 3
    assert all(line.isprintable() for line in str(refused.value).split("\n"))
