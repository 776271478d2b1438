"""No one gets a token twice, and no subscriber another's name (R30)."""

from __future__ import annotations

from batch.orders.draft import Issued
from tests.unit.intake_kit import (
    GROUP_ROW,
    PERSON_ROW,
    FakeKnown,
    faults_of_rows,
    read,
    read_rows,
    text_of,
    the_fault,
)

OTHER_PERSON = {**PERSON_ROW, "given_name": "Noël", "person_number": "P-1002", "email": "noel@example.org"}
UNCOUNTED = [name for name in GROUP_ROW if name != "count"]


def known_by(key: str, organisation: str = "NTRNL-90001234", valid: bool = True) -> FakeKnown:
    return FakeKnown(subjects={key: Issued("2026-0007", organisation, valid)})


def test_a_person_is_not_ordered_twice_in_any_variant_of_a_layout() -> None:
    again = {**PERSON_ROW, "layout": "personal-card:p-256", "person_number": "p-1001"}
    fault = the_fault(PERSON_ROW, OTHER_PERSON, again)
    assert str(fault) == (
        "line 4, person_number: 'p-1001' has a token of this layout on line 2 already; "
        "one each is allowed; leave this row out"
    )


def test_one_number_is_not_given_to_two_persons() -> None:
    fault = the_fault({**PERSON_ROW, "layout": "personal-card"}, {**OTHER_PERSON, "person_number": "P-1001"})
    assert (fault.line, fault.column) == (3, "person_number")


def test_one_person_does_not_come_under_two_numbers() -> None:
    fault = the_fault(PERSON_ROW, {**PERSON_ROW, "person_number": "P-9"})
    assert fault.wrong == "has the name and e-mail address of line 2, under another number"
    namesake = {**PERSON_ROW, "person_number": "P-9", "email": "zoe.2@example.org"}
    assert read_rows(PERSON_ROW, namesake).count == 2


def test_a_duplicate_is_told_together_with_the_rows_other_faults() -> None:
    faults = faults_of_rows(PERSON_ROW, {**PERSON_ROW, "language": "xx"})
    assert [fault.column for fault in faults] == ["language", "person_number"]


def test_a_group_may_have_several_rows_but_not_the_same_one_twice() -> None:
    rows = [GROUP_ROW, {**GROUP_ROW, "layout": "group-usb"}, {**GROUP_ROW, "manager": "Daniël Proefkonijn"}]
    assert read_rows(*rows).count == 9
    fault = the_fault(*rows, {**GROUP_ROW, "count": "5"})
    assert str(fault) == "line 5: this row repeats line 2; order all tokens in one row, or leave one out"


def test_a_file_without_a_count_column_has_one_row_per_token() -> None:
    assert read(text_of([GROUP_ROW] * 3, UNCOUNTED)).count == 3


def test_one_group_is_spelled_alike_everywhere() -> None:
    other = {**GROUP_ROW, "layout": "group-usb", "group": "coördinatiepunt  ZEEHAVENS"}
    fault = the_fault(GROUP_ROW, other)
    assert (fault.line, fault.wrong) == (3, "is 'Coördinatiepunt Zeehavens' of line 2, spelled otherwise")


def test_a_group_name_given_to_another_subscriber_is_never_given_again() -> None:
    known = known_by("group:coördinatiepunt zeehavens", organisation="NTRNL-11111111", valid=False)
    fault = the_fault({**GROUP_ROW, "group": "COÖRDINATIEPUNT Zeehavens"}, known=known)
    assert (fault.line, fault.column) == (2, "group")
    assert "given to another subscriber in order 2026-0007" in fault.wrong


def test_the_same_group_of_the_same_subscriber_gets_more_tokens() -> None:
    assert read_rows(GROUP_ROW, known=known_by("group:coördinatiepunt zeehavens")).count == 3


def test_a_person_with_a_valid_token_gets_no_second_of_its_layout() -> None:
    known = known_by("person:NTRNL-90001234:p-1001:personal-card")
    fault = the_fault(PERSON_ROW, OTHER_PERSON, known=known)
    assert (fault.line, fault.column) == (2, "person_number")
    assert "from order 2026-0007" in fault.wrong
    over = known_by("person:NTRNL-90001234:p-1001:personal-card", valid=False)
    assert read_rows(PERSON_ROW, known=over).count == 1


def test_persons_of_two_subscribers_may_have_the_same_number() -> None:
    known = known_by("person:NTRNL-11111111:p-1001:personal-card", organisation="NTRNL-11111111")
    assert read_rows(PERSON_ROW, known=known).count == 1


def test_the_key_of_a_draft_row_is_the_key_that_finds_it_again() -> None:
    for row in (GROUP_ROW, PERSON_ROW):
        (draft,) = read_rows(row).rows
        assert faults_of_rows(row, known=known_by(draft.subject_key, "NTRNL-11111111"))


def test_a_reference_taken_in_before_is_refused_so_that_no_file_is_made_twice() -> None:
    known = FakeKnown(references={("NTRNL-90001234", "VB-1"): "2026-0003"})
    fault = the_fault(GROUP_ROW, known=known)
    assert str(fault) == (
        "line 2, order: 'VB-1' was taken in before, as order 2026-0003; "
        "give a new order a reference of its own"
    )
