"""Codes are random, not trivial, and cannot be misread."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.custody.codes import (
    REVOCATION_ALPHABET,
    digits,
    plausible_revocation_code,
    revocation_code,
    trivial,
)

TRIVIAL = {
    "one digit repeated": "000000",
    "two digits only": "111211",
    "a run": "123456",
    "a run backwards": "654321",
    "a run past nine": "890123",
    "a half twice": "482482",
    "a palindrome": "482284",
    "a day": "311299",
    "a day, year first": "991231",
    "a long date": "31121999",
    "a long date, year first": "20021231",
    "columns of a keypad": "147258",
}


@pytest.mark.parametrize("value", TRIVIAL.values(), ids=TRIVIAL.keys())
def test_trivial_codes_are_known(value: str) -> None:
    assert trivial(value)


@pytest.mark.parametrize("value", ["284019", "907361", "67657013", "40917365"])
def test_ordinary_codes_are_not_trivial(value: str) -> None:
    assert not trivial(value)


@given(st.integers(6, 12))
def test_a_pin_has_its_length_is_digits_and_never_trivial(length: int) -> None:
    pin = digits(length).reveal().decode()
    assert re.fullmatch(rf"[0-9]{{{length}}}", pin)
    assert not trivial(pin)


def test_two_pins_are_hardly_ever_the_same() -> None:
    assert len({digits(8).reveal() for _ in range(200)}) >= 199


def test_a_revocation_code_comes_in_groups_of_characters_nobody_mistakes() -> None:
    for _ in range(200):
        code = revocation_code(3, 4).reveal().decode()
        assert re.fullmatch(r"([A-Z0-9]{4}-){2}[A-Z0-9]{4}", code)
        assert not set(code) & set("0O1IL5S8B")
        assert plausible_revocation_code(code)


@given(st.integers(0, 10), st.sampled_from(REVOCATION_ALPHABET))
def test_one_wrong_character_is_noticed(place: int, wrong: str) -> None:
    code = revocation_code(3, 4).reveal().decode().replace("-", "")
    mistyped = code[:place] + wrong + code[place + 1 :]
    assert plausible_revocation_code(mistyped) is (mistyped == code)


def test_a_revocation_code_of_less_than_forty_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="40 bits"):
        revocation_code(2, 4)


@pytest.mark.parametrize("text", ["", "ABC", "0000-0000-0000", "läuft", "XEQJ 4PHV"])
def test_nonsense_is_no_revocation_code(text: str) -> None:
    assert not plausible_revocation_code(text)
