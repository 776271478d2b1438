"""What an impact printer gets, read by an interpreter of ESC/P that nobody here wrote: pyscape.

It is a program of its own with an environment of its own (`.venv/judges`), and it judges ESC/P only; of IBM
Proprinter it sees what both have in common.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.pages import PageFormat
from drivers.tokens import Code
from layouts.mailer import sample
from simulators.impact_printer import Emulation
from tests.conftest import need
from tests.unit.impact_kit import FORM, GROUP, page
from tests.unit.letter_kit import WORDS

JUDGE = Path(sys.prefix) / "judges/bin/escapy"
_WORD = re.compile(r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)"[^>]*>([^<]+)</word>')
PINS = pytest.mark.parametrize(("speaks", "pins"), [("escp-9", "9"), ("escp-24", "24")])


def judged(given: bytes, pins: str) -> bytes:
    """The PDF that pyscape makes of it."""
    need("pdftotext")
    if not JUDGE.exists():
        pytest.fail(f"not installed: {JUDGE}; `make setup` does that")
    done = subprocess.run(
        [str(JUDGE), "--pins", pins, "--no-single_sheets", "-o", "-", "-"],
        input=given,
        capture_output=True,
        check=True,
    )
    assert b"WARNING" not in done.stderr, done.stderr
    return done.stdout


def words(pdf: bytes) -> dict[str, tuple[float, float]]:
    """Where the words of the first page stand: characters from its left edge, points from its top.

    It sets ten to the inch in a Courier that is narrower, so characters are measured by that.
    """
    command = ["pdftotext", "-bbox", "-l", "1", "-", "-"]
    told = subprocess.run(command, input=pdf, capture_output=True, check=True).stdout.decode()
    found = {}
    for left, top, right, word in _WORD.findall(told):
        wide = (float(right) - float(left)) / len(word)
        found[word] = (float(left) / wide, float(top))
    return found


@PINS
def test_it_reads_every_text_in_its_own_letters(speaks: Emulation, pins: str) -> None:
    found = words(judged(page(speaks), pins))
    assert {*WORDS.values(), "000317", "Súdwest-Fryslân", "Zoë", "Ås", "Intrekkingscode"} <= set(found)


@PINS
def test_it_finds_them_at_the_rows_and_columns_of_the_layout(speaks: Emulation, pins: str) -> None:
    found = words(judged(page(speaks), pins))
    places = {place.what: place for place in FORM.places}
    pin, puk, label = found[WORDS[Code.PIN]], found[WORDS[Code.PUK]], found["Intrekkingscode"]
    assert puk[1] - pin[1] == pytest.approx(72 / 6 * (places["puk"].row - places["pin"].row), abs=0.5)
    across = places["pin"].column - places["revocation_label"].column
    assert pin[0] - label[0] == pytest.approx(across, abs=0.2)


@PINS
def test_it_reads_the_alignment_print(speaks: Emulation, pins: str) -> None:
    found = words(judged(sample(GROUP, "nl", PageFormat(speaks)), pins))
    assert {"123456", "12345678", "K7TX-0Q4M-S9IB"} <= set(found)
