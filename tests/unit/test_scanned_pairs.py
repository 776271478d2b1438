"""Letters and forms are put together as they are scanned, in whichever order the hands have them."""

from __future__ import annotations

import pytest

from batch.letters.accounting import Seen
from batch.letters.scanning import Pairs
from batch.model.errors import FaultyValue
from batch.model.forms import FormNumber
from layouts.scans import Kind, content

FIRST, SECOND = (content(Kind.LETTER, number) for number in ("000001", "000002"))
A1, A2 = (content(Kind.FORM, number) for number in ("A-0001", "A-0002"))
WHOLE = [Seen("000001", FormNumber("A-", 4, 1)), Seen("000002", FormNumber("A-", 4, 2))]


@pytest.mark.parametrize(
    "scans",
    [
        (FIRST, A1, SECOND, A2),
        (A1, FIRST, SECOND, A2),
        (FIRST, FIRST, A1, A2, A2, SECOND),
        ("000001", "A-0001", "2", "A-0002"),
    ],
)
def test_a_letter_and_its_form_make_a_pair(scans: tuple[str, ...]) -> None:
    pairs = Pairs(numbered=True)
    made = [seen for one in scans if (seen := pairs.take(one)) is not None]
    assert made == pairs.seen == WHOLE
    assert pairs.half is None


@pytest.mark.parametrize(
    ("before", "wrong", "why"),
    [
        ((), "M000001XM", "misread"),
        ((), content(Kind.TOKEN, "9A1B"), "the serial of a token"),
        ((), "A-0001", "is no number of a letter"),
        ((FIRST,), SECOND, "comes before the form of letter 000001"),
        ((A1,), A2, "comes before the letter on form A-0001"),
        ((FIRST, A1), FIRST, "was scanned already"),
        ((FIRST, A1), A1, "was scanned already"),
    ],
)
def test_what_is_scanned_wrong_is_told_and_changes_nothing(
    before: tuple[str, ...], wrong: str, why: str
) -> None:
    pairs = Pairs(numbered=True)
    for one in before:
        pairs.take(one)
    half, seen = pairs.half, list(pairs.seen)
    with pytest.raises(FaultyValue, match=why):
        pairs.take(wrong)
    assert (pairs.half, pairs.seen) == (half, seen)


def test_without_numbered_forms_each_scan_is_a_letter() -> None:
    pairs = Pairs(numbered=False)
    assert [pairs.take(one) for one in (FIRST, "2")] == [Seen("000001"), Seen("000002")]
    with pytest.raises(FaultyValue, match="the number of a form"):
        pairs.take(A1)
