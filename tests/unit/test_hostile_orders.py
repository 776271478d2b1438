"""What an order file may not smuggle in: signs nobody sees, and names that only look new."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.orders.draft import Issued
from batch.tables.faults import TableFaults
from batch.tables.values import folded
from tests.unit.intake_kit import GROUP_ROW, PERSON_ROW, FakeKnown, read_rows, the_fault
from tests.unit.refusals import refusal

UNSEEN = [
    *("\u034f", "\u115f", "\u1160", "\u17b4", "\u180b", "\u2800", "\u3164", "\ufe0f", "\uffa0", "\U000e0100"),
    *("\u200b", "\u200d", "\u202e", "\u2066", "\ufeff", "\u00ad", "\u061c", "\u2062", "\U000e0041", "\ue000"),
]


@pytest.mark.parametrize("sign", UNSEEN)
@pytest.mark.parametrize("column", ["group", "subscriber", "address_1", "order"])
def test_a_sign_nobody_sees_stands_in_no_cell(column: str, sign: str) -> None:
    value = f"Burger{sign}zaken"
    fault = the_fault({**GROUP_ROW, column: value})
    assert fault.column == column
    assert f"U+{ord(sign):04X}" in fault.wrong
    assert str(fault).isprintable()


@pytest.mark.parametrize("digit", ["٣", "３", "𝟑", "३"])
def test_digits_of_a_name_are_those_of_ascii(digit: str) -> None:
    fault = the_fault({**GROUP_ROW, "group": f"Team {digit}"})
    assert "write digits as 0 to 9" in fault.right


@pytest.mark.parametrize(
    "spelling",
    [
        "TEAM A",
        "team\u00a0a",
        "Ｔｅａｍ A",
        "Te\u00e5m A".replace("\u00e5", "a"),
        "Tea\u217f A".replace("\u217f", "m"),
    ],
)
def test_a_name_spelled_otherwise_is_the_same_name(spelling: str) -> None:
    known = FakeKnown(subjects={"group:team a": Issued("2026-0001", "NTRNL-12345678", valid=False)})
    assert "given to another subscriber" in the_fault({**GROUP_ROW, "group": spelling}, known=known).wrong


@settings(max_examples=300)
@given(st.text(st.characters(categories=["L", "M", "N"]), max_size=12))
def test_a_folded_name_is_folded_for_good(name: str) -> None:
    once = folded(name)
    assert folded(once) == once
    assert folded(unicodedata.normalize("NFD", name)) == once


@pytest.mark.parametrize("name", ["\u1fa2\u0340", "\u1fc2\u0306"])
def test_an_accent_behind_an_iota_below_has_one_form(name: str) -> None:
    assert folded(folded(name)) == folded(name)


@settings(max_examples=200)
@given(st.sampled_from([*GROUP_ROW]), st.text(max_size=80), st.booleans())
def test_no_value_of_a_cell_gets_through_unclean(column: str, value: str, person: bool) -> None:
    row = {**(PERSON_ROW if person else GROUP_ROW), column: value}
    if refusal(TableFaults, lambda: read_rows(row)):
        return
    kept = read_rows(row).rows[0].fields[column]
    assert kept.isprintable()
    assert not kept.startswith(tuple("=+-@"))
    assert unicodedata.is_normalized("NFC", kept)
