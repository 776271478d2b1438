"""Every form is in somebody's hand, spoiled, destroyed or lost, and on record as such (R12, R13, R14)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.audit.verification import verify
from batch.letters import accounting, stock
from batch.letters.accounting import Seen, confirm, in_print_order, read_lines
from batch.letters.policy import May, standing
from batch.model.errors import FaultyValue, NotFound, Refused, Transition
from batch.model.forms import named, spans
from batch.model.states import FormState, LetterState, LifeState
from batch.store import forms
from tests.unit.forms_kit import PRINTER, LetterDesk, form, letter_desk
from tests.unit.warrant_kit import LAYOUT, LIBRARY


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[LetterDesk]:
    with letter_desk(tmp_path) as desk:
        yield desk


def test_each_letter_is_confirmed_with_the_number_of_its_form(desk: LetterDesk) -> None:
    desk.printed("000001", "000002")
    confirm(
        desk.records, [Seen("000001", form("A-0001")), Seen("000002", form("a-0002"))], "carl", numbered=True
    )
    assert (desk.state("000001"), desk.form("A-0002")) == (LetterState.CONFIRMED, FormState.PRINTED)
    held = forms.of_letter(desk.records, "000002")
    assert held is not None
    assert str(held.number) == "A-0002"


def test_a_run_is_confirmed_in_print_order_past_forms_without_a_letter(desk: LetterDesk) -> None:
    desk.printed("000003", "000001", "000002")
    seen = in_print_order(desk.records, desk.order.id, form("A-0007"), [form("A-0008")])
    assert [(one.letter, str(one.form)) for one in seen] == [
        ("000003", "A-0007"),
        ("000001", "A-0009"),
        ("000002", "A-0010"),
    ]


def test_a_wrong_number_confirms_nothing_and_every_fault_is_named(desk: LetterDesk) -> None:
    desk.printed("000001", "000002")
    stock.receive(desk.records, "other", form("B-1"), form("B-9"), "carl")
    seen = [
        Seen("000001", form("A-0001")),
        Seen("000002", form("A-0001")),
        Seen("000003", form("A-0003")),
        Seen("000009", form("A-0004")),
    ]
    with pytest.raises(Refused) as told:
        confirm(desk.records, seen, "carl", numbered=True)
    for words in (
        "form A-0001: it is printed, with letter 000001",
        "letter 000003: it is sealed, not printed",
        "000009: no letter of that number",
    ):
        assert words in told.value.what
    assert "letter 000001:" not in told.value.what
    assert (desk.state("000001"), desk.form("A-0001")) == (LetterState.PRINTED, FormState.IN_STOCK)
    for wrong, words in (("A-0101", "no stock has received it"), ("B-1", "of the stock of printer other")):
        with pytest.raises(Refused, match=words):
            confirm(desk.records, [Seen("000001", form(wrong))], "carl", numbered=True)


def test_whether_forms_have_numbers_is_the_printers(desk: LetterDesk) -> None:
    desk.printed("000001")
    with pytest.raises(Refused, match="the number of its form is wanted"):
        confirm(desk.records, [Seen("000001")], "carl", numbered=True)
    with pytest.raises(Refused, match="the printer has no numbered forms"):
        confirm(desk.records, [Seen("000001", form("A-0001"))], "carl", numbered=False)
    confirm(desk.records, [Seen("000001")], "carl", numbered=False)
    assert desk.state("000001") is LetterState.CONFIRMED


def test_scanned_lines_are_read_and_a_wrong_one_is_named() -> None:
    read = read_lines(["# tray 1", "", "12 A-0001", "000013  a-0002 ", "14"])
    assert [(one.letter, str(one.form)) for one in read] == [
        ("000012", "A-0001"),
        ("000013", "A-0002"),
        ("000014", "None"),
    ]
    for wrong in ("12 A-1 more", "A-0001 12", "-"):
        with pytest.raises(FaultyValue, match="is not LETTER FORM"):
            read_lines(["12 A-0001", wrong])
    with pytest.raises(FaultyValue, match=r"line 2: form 'A-' is no form number"):
        read_lines(["12 A-0001", "13 A-"])
    with pytest.raises(FaultyValue, match="are more than 100000"):
        read_lines(itertools.repeat("12 A-0001"))


@given(st.lists(st.text(max_size=40)))
def test_whatever_a_scanner_sends_is_read_or_refused(lines: list[str]) -> None:
    seen: list[Seen] = []
    with suppress(FaultyValue):
        seen = read_lines(lines)
    assert all(one.letter.isdecimal() for one in seen)
    assert all(one.form is None or form(str(one.form)) == one.form for one in seen)


def test_a_letter_in_doubt_is_accounted_for_with_its_form(desk: LetterDesk, tmp_path: Path) -> None:
    session = tmp_path / "printing.lock"

    def settle(number: str, to: LetterState, **more: object) -> None:
        accounting.settle(
            desk.records,
            number,
            to,
            "carl",
            "as seen",
            session=session,
            numbered=True,
            **more,  # type: ignore[arg-type]
        )

    for number in ("000001", "000002", "000003"):
        desk.letter(number, LetterState.UNKNOWN)
    for to in (LetterState.PRINTED, LetterState.VOID):
        with pytest.raises(Refused, match="the number of its form is wanted"):
            settle("000001", to)
    settle("000001", LetterState.PRINTED, form=form("A-0001"))
    assert (desk.state("000001"), desk.form("A-0001")) == (LetterState.CONFIRMED, FormState.PRINTED)
    with pytest.raises(Refused, match="with letter 000001"):
        settle("000002", LetterState.VOID, form=form("A-0001"))
    settle("000002", LetterState.VOID, form=form("A-0002"))
    assert (desk.state("000002"), desk.form("A-0002")) == (LetterState.VOID, FormState.SPOILED)
    settle("000003", LetterState.VOID, no_form=True)
    assert desk.state("000003") is LetterState.VOID
    assert not [one for one in verify(desk.records).findings if "letter" in one.more]


def test_a_torn_form_voids_its_letter(desk: LetterDesk) -> None:
    desk.printed("000001", "000002")
    with pytest.raises(Refused, match="the number of its form is wanted"):
        accounting.spoil(desk.records, "000001", "carl", "torn", numbered=True)
    accounting.spoil(desk.records, "000001", "carl", "torn", form=form("A-0001"), numbered=True)
    assert (desk.state("000001"), desk.form("A-0001")) == (LetterState.VOID, FormState.SPOILED)
    confirm(desk.records, [Seen("000002", form("A-0002"))], "carl", numbered=True)
    with pytest.raises(Refused, match="it is on form A-0002"):
        accounting.spoil(desk.records, "000002", "carl", "torn", form=form("A-0003"), numbered=True)
    accounting.spoil(desk.records, "000002", "carl", "torn", numbered=True)
    assert desk.form("A-0002") is FormState.SPOILED
    with pytest.raises(Refused, match="it is sealed; only the form of a printed letter"):
        accounting.spoil(desk.records, "000003", "carl", "torn")


def test_a_lost_letter_takes_its_form_along_and_is_destroyed_when_found(desk: LetterDesk) -> None:
    desk.printed("000001")
    confirm(desk.records, [Seen("000001", form("A-0001"))], "carl", numbered=True)
    accounting.lose(desk.records, "000001", "carl", "not in the safe")
    assert (desk.state("000001"), desk.form("A-0001")) == (LetterState.LOST, FormState.MISSING)
    assert not forms.balance(desk.records).holds
    accounting.destroy(desk.records, "000001", "carl", "emil", "behind the cupboard")
    assert (desk.state("000001"), desk.form("A-0001")) == (LetterState.VOID, FormState.DESTROYED)
    assert forms.balance(desk.records).holds
    with pytest.raises(Transition):
        accounting.lose(desk.records, "000002", "carl", "never printed")


def test_nobody_witnesses_what_they_destroy_themselves(desk: LetterDesk) -> None:
    desk.printed("000001")
    confirm(desk.records, [Seen("000001", form("A-0001"))], "carl", numbered=True)
    with pytest.raises(Refused, match="who destroys a form does not witness it"):
        accounting.destroy(desk.records, "000001", "carl", "Carl", "not to leave")
    assert desk.state("000001") is LetterState.CONFIRMED
    accounting.destroy(desk.records, "000001", "carl", "emil", "not to leave")
    assert forms.form(desk.records, form("A-0001")).witness == "emil"
    with pytest.raises(Refused, match="was confirmed, came back or was found"):
        accounting.destroy(desk.records, "000002", "carl", "emil", "not to leave")


def test_only_the_letter_of_a_token_out_of_use_is_withheld(desk: LetterDesk) -> None:
    layout = LIBRARY.token(LAYOUT)

    def may(number: str) -> May:
        return standing(desk.records, desk.item(number), layout, desk.order.imported_at.date())

    with pytest.raises(Refused, match="nobody has acknowledged it"):
        accounting.withhold(desk.records, "000001", may("000001"), "carl")
    desk.token("000001", LifeState.LOST)
    accounting.withhold(desk.records, "000001", may("000001"), "carl")
    assert desk.state("000001") is LetterState.VOID
    desk.printed("000002")
    desk.token("000002", LifeState.LOST)
    with pytest.raises(Refused, match="it is not to be withheld: printed"):
        accounting.withhold(desk.records, "000002", may("000002"), "carl")


def test_forms_are_received_once(desk: LetterDesk) -> None:
    for first, last in (("A-0100", "A-0200"), ("A-0001", "A-0001"), ("A-0000", "A-9999")):
        with pytest.raises(Refused, match="A-0001 to A-0100 were received on"):
            stock.receive(desk.records, "another", form(first), form(last), "carl")
    stock.receive(desk.records, "device", form("A-101"), form("A-200"), "carl")  # of another width
    stock.receive(desk.records, "device", form("A-0101"), form("A-0200"), "carl")
    for first, last in (("A-0300", "A-0299"), ("A-0300", "B-0301"), ("A-300", "A-0301")):
        with pytest.raises(FaultyValue, match="are no range"):
            stock.receive(desk.records, "device", form(first), form(last), "carl")
    with pytest.raises(FaultyValue, match="at most are taken in at once"):
        stock.receive(desk.records, "device", form("C0000001"), form("C9999999"), "carl")


def test_forms_reconcile_and_those_passed_over_are_named(desk: LetterDesk) -> None:
    desk.printed("000001", "000002")
    confirm(
        desk.records, [Seen("000001", form("A-0001")), Seen("000002", form("A-0004"))], "carl", numbered=True
    )
    whole = forms.balance(desk.records)
    assert str(whole) == "100 received = 98 in stock + 2 printed"
    assert (whole.skipped, whole.holds) == (2, False)
    assert [str(one) for one in forms.skipped(desk.records)] == ["A-0002", "A-0003"]
    assert stock.spoil(desk.records, named("A-0002..A-0003"), "carl", "double feed") == 2
    assert stock.destroy(desk.records, [form("A-0002")], "carl", "emil", "shredded") == 1
    assert stock.miss(desk.records, [form("A-0005")], "carl", "not in the pack") == 1
    whole = forms.balance(desk.records)
    assert str(whole) == "100 received = 95 in stock + 2 printed + 1 spoiled + 1 destroyed + 1 missing"
    assert (whole.skipped, whole.holds) == (0, False)
    assert [str(one.number) for one in forms.forms(desk.records, None, FormState.SPOILED)] == ["A-0003"]


def test_a_stock_with_too_few_forms_for_the_letters_is_told(desk: LetterDesk) -> None:
    assert stock.lacking(desk.records, PRINTER, 100) == 0
    stock.spoil(desk.records, named("A-0001..A-0010"), "carl", "wet")
    assert stock.lacking(desk.records, PRINTER, 93) == 3
    assert stock.lacking(desk.records, "another", 2) == 2


def test_the_form_of_a_letter_is_not_taken_out_of_stock_behind_its_back(desk: LetterDesk) -> None:
    desk.printed("000001")
    confirm(desk.records, [Seen("000001", form("A-0001"))], "carl", numbered=True)
    for way in (stock.spoil, stock.miss):
        with pytest.raises(Refused, match="letter 000001 is on it"):
            way(desk.records, [form("A-0002"), form("A-0001")], "carl", "so I think")
    assert desk.form("A-0002") is FormState.IN_STOCK
    with pytest.raises(Refused, match="who destroys a form does not witness it"):
        stock.destroy(desk.records, [form("A-0003")], "carl", "carl", "shredded")
    with pytest.raises(Transition):
        stock.destroy(desk.records, [form("A-0003")], "carl", "emil", "shredded, whole as it was")
    with pytest.raises(NotFound, match="no stock has received it"):
        stock.spoil(desk.records, [form("Z-1")], "carl", "torn")


@pytest.mark.parametrize(
    "text", ["", "A-", "A 12", "É-12", "A" * 13 + "1", "-", "12-A", "A-1\n2", "ß1", "A-\u0661"]
)
def test_what_is_no_form_number_is_refused(text: str) -> None:
    with pytest.raises(FaultyValue, match="is no form number"):
        form(text)


def test_a_form_number_is_read_as_it_stands_whatever_the_case_and_blanks() -> None:
    assert [str(form(text)) for text in (" a-0012 ", "000317", "jep/2026-004")] == [
        "A-0012",
        "000317",
        "JEP/2026-004",
    ]
    assert spans([form("7"), form("5"), form("6"), form("9")]) == ["5..7", "9"]
    for wrong in ("A-1..B-2", "A-2..A-1", "A-00001..A-99999"):
        with pytest.raises(FaultyValue):
            named(wrong)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE letters SET state = 'sent' WHERE state = 'confirmed'", "letter 000001 is sent, but the log"),
        ("UPDATE letters SET state = 'sealed' WHERE state = 'confirmed'", "sealed, but was confirmed, as"),
        ("UPDATE forms SET state = 'destroyed' WHERE state = 'spoiled'", "A-0002 is destroyed, but spoiled"),
        ("DELETE FROM forms WHERE number = 'A-0002'", "A-0002 is in stock on record, but spoiled, as"),
        ("INSERT INTO forms SELECT 'A-0050', range_id, 50, 'spoiled', NULL, since, operator, NULL, NULL"
         " FROM forms WHERE number = 'A-0002'", "A-0050 is spoiled, but in-stock, as the log tells"),
        ("UPDATE form_ranges SET last = 99", "A-0001 to A-0099 were not received as the log tells"),
    ],
)  # fmt: skip
def test_an_edit_of_letters_and_forms_shows_against_the_log(
    desk: LetterDesk, statement: str, words: str
) -> None:
    desk.printed("000001")
    confirm(desk.records, [Seen("000001", form("A-0001"))], "carl", numbered=True)
    stock.spoil(desk.records, [form("A-0002")], "carl", "torn")

    def findings() -> list[str]:
        told = [one.more for one in verify(desk.records).findings]
        return [one for one in told if one.startswith(("letter", "form"))]

    assert findings() == []
    desk.records.db.execute(statement)
    assert words in "; ".join(findings())


def test_what_becomes_of_letters_and_forms_agrees_with_the_log_all_the_way(desk: LetterDesk) -> None:
    desk.printed("000001", "000002", "000003")
    confirm(
        desk.records, [Seen("000001", form("A-0001")), Seen("000002", form("A-0002"))], "carl", numbered=True
    )
    accounting.lose(desk.records, "000001", "carl", "not in the safe")
    accounting.destroy(desk.records, "000001", "carl", "emil", "found")
    accounting.destroy(desk.records, "000002", "carl", "emil", "not to leave")
    accounting.spoil(desk.records, "000003", "carl", "torn", form=form("A-0003"), numbered=True)
    stock.destroy(desk.records, [form("A-0003")], "carl", "emil", "shredded")
    told = [one.more for one in verify(desk.records).findings]
    assert not [one for one in told if one.startswith(("letter", "form"))]


def test_the_next_form_is_the_one_behind_the_last_that_was_used(desk: LetterDesk) -> None:
    assert forms.next_in_stock(desk.records, PRINTER) == form("A-0001")
    stock.receive(desk.records, PRINTER, form("B-01"), form("B-02"), "carl")
    stock.spoil(desk.records, [form("A-0007")], "carl", "torn")
    assert forms.next_in_stock(desk.records, PRINTER) == form("A-0008")
    assert forms.in_stock_of(desk.records, PRINTER) == 101
    stock.spoil(desk.records, [form("A-0100")], "carl", "torn")
    assert forms.next_in_stock(desk.records, PRINTER) == form("B-01")
    stock.miss(desk.records, [form("B-02")], "carl", "not there")
    assert forms.next_in_stock(desk.records, PRINTER) is None
