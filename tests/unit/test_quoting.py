"""The number that acknowledges a token is its own, and a slip in it is always told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.life.dispatch import quoting

NUMBERS = st.integers(1, 9_999_999).map(lambda number: quoting.draw(f"{number:06d}"))


@given(NUMBERS, st.data())
def test_every_wrong_digit_and_every_two_that_are_swapped_are_told(quoted: str, data: st.DataObject) -> None:
    assert quoting.holds(quoted)
    digits = quoted.replace("-", "")
    at = data.draw(st.integers(0, len(digits) - 1))
    other = data.draw(st.sampled_from([one for one in "0123456789" if one != digits[at]]))
    assert not quoting.holds(digits[:at] + other + digits[at + 1 :])
    for one, two in zip(range(len(digits)), range(1, len(digits)), strict=False):
        swapped = digits[:one] + digits[two] + digits[one] + digits[two + 1 :]
        assert quoting.holds(swapped) is (digits[one] == digits[two])


@given(NUMBERS, st.sampled_from(["-", " ", "", "–", "‑"]))
def test_a_number_is_known_however_its_parts_are_set_off(quoted: str, between: str) -> None:
    written = quoted.replace("-", between)
    assert quoting.whole(written) == quoted
    assert quoting.found_in(f"nummer: {written}.") == [quoted]
    assert quoting.token_of(quoted) == quoted.split("-", maxsplit=1)[0]


@pytest.mark.parametrize("phone", ["0031701234567", "+31701234567", "00317012345670", "0031701234568"])
def test_a_telephone_number_in_a_mail_is_no_mistyped_number(phone: str) -> None:
    assert quoting.found_in(f"Bel mij: {phone}") == []


def test_a_mistyped_number_is_told_where_its_parts_are_set_off() -> None:
    wrong = next(one for one in (f"000123-4821-{digit}" for digit in "01") if not quoting.holds(one))
    assert quoting.found_in(wrong) == [wrong]
    assert quoting.found_in(wrong.replace("-", "")) == []


@pytest.mark.parametrize(
    "text", ["", "000001", "0612345678901234", "12-34", "tel. 0612345678", "000001-123-4"]
)
def test_what_is_no_such_number_is_not_taken_for_one(text: str) -> None:
    assert quoting.whole(text) is None
    assert quoting.found_in(text) == []
