"""What a bar code holds tells what it is of and that it was read right; older prints still read."""

from __future__ import annotations

import string
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.graphics.barcode.code128 import Code128
from reportlab.pdfgen.canvas import Canvas

from batch.letters.accounting import Seen, read_lines
from batch.model.errors import FaultyValue, NotFound
from batch.model.forms import FormNumber
from batch.model.scans import plain
from batch.store import items, letters
from batch.store.database import Records
from layouts.qr import draw_qr
from layouts.scans import Kind, Scan, content, parse
from tests.conftest import need
from tests.unit.cli import Cli

NUMBERS = st.text(string.digits + string.ascii_uppercase, min_size=1, max_size=20)
KINDS = st.sampled_from(Kind)


@given(KINDS, NUMBERS)
def test_a_scan_tells_its_kind_and_its_number(kind: Kind, number: str) -> None:
    assert parse(content(kind, number)) == Scan(kind, number, True)
    assert plain(f" {content(kind, number)}\r\n", kind) == number


@given(KINDS, NUMBERS, st.data())
def test_one_wrong_character_is_always_noticed(kind: Kind, number: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(number) - 1))
    others = string.digits + string.ascii_uppercase
    other = data.draw(st.sampled_from(others).filter(lambda char: char != number[at]))
    right = content(kind, number)
    misread = right[: at + 1] + other + right[at + 2 :]
    with pytest.raises(FaultyValue, match="was misread"):
        plain(misread, kind)


@given(KINDS, KINDS, NUMBERS)
def test_a_scan_in_the_wrong_field_is_noticed(kind: Kind, other: Kind, number: str) -> None:
    if kind is not other:
        with pytest.raises(FaultyValue, match=r"scan .* here"):
            plain(content(kind, number), other)


@given(st.from_regex(r"[A-Z0-9./-]{0,12}[0-9]{1,12}", fullmatch=True))
def test_no_number_of_a_form_or_an_order_is_taken_for_a_bar_code(number: str) -> None:
    assert parse(number) is None
    assert plain(number) == number


@pytest.mark.parametrize("text", ["", "M", "MM", "000123", "9d1e3f00aa", "2026-0001", "000123-4821-7", "é"])
def test_what_was_printed_or_typed_before_stands_as_it_is(text: str) -> None:
    assert plain(text, Kind.LETTER) == text


def test_a_form_is_read_by_its_bar_code_and_by_its_number_and_never_by_a_letter_s() -> None:
    form = FormNumber("A-", 4, 7)
    assert FormNumber.read(content(Kind.FORM, "A-0007")) == FormNumber.read("A-0007") == form
    with pytest.raises(FaultyValue, match="is the number of a letter or token; scan the number of a form"):
        FormNumber.read(content(Kind.LETTER, "000123"))


def test_scanned_lines_tell_letter_and_form_apart() -> None:
    letter, form = content(Kind.LETTER, "000123"), content(Kind.FORM, "A-0007")
    assert read_lines([f"{letter} {form}\n", "000124 A-0008"]) == [
        Seen("000123", FormNumber("A-", 4, 7)),
        Seen("000124", FormNumber("A-", 4, 8)),
    ]
    with pytest.raises(FaultyValue, match=r"line 2: scan .* is the number of a form"):
        read_lines([f"{letter} {form}", f"{form} {letter}"])


def test_tokens_and_letters_are_found_by_their_bar_codes(tmp_path: Path) -> None:
    with closing(Records.create(tmp_path / "station.db")) as records:
        with pytest.raises(NotFound, match="000123: no token"):
            items.item(records, content(Kind.LETTER, "000123"))
        with pytest.raises(NotFound, match="A1b2: no token"):
            items.item(records, content(Kind.TOKEN, "A1b2"))
        with pytest.raises(FaultyValue):
            items.item(records, content(Kind.FORM, "A-0007"))
        with pytest.raises(NotFound, match="000123: no letter"):
            letters.letter(records, content(Kind.LETTER, "000123"))
        with pytest.raises(FaultyValue, match="the serial of a token"):
            letters.letter(records, content(Kind.TOKEN, "A1b2"))


def test_whoever_prints_forms_is_told_what_their_bar_codes_hold(cli: Cli) -> None:
    told = cli("letter", "forms", "barcodes", "A-0009..A-0010", "B1")
    lines = [line.split(",") for line in told.out.split()]
    assert [number for number, _ in lines] == ["A-0009", "A-0010", "B1"]
    assert all(str(FormNumber.read(code)) == number for number, code in lines)


def test_scanners_read_it_back_from_code_128_and_qr(tmp_path: Path) -> None:
    need("zbarimg", "pdftoppm")
    words = [content(Kind.TOKEN, "9d1e3f00aa7B"), content(Kind.FORM, "A-0007")]
    canvas = Canvas(str(tmp_path / "page.pdf"))
    Code128(words[0], barWidth=1, barHeight=40).drawOn(canvas, 50, 600)
    draw_qr(canvas, words[1], 100, 300, 100)
    canvas.showPage()
    canvas.save()
    page = tmp_path / "page"
    subprocess.run(["pdftoppm", "-r", "150", "-gray", "-singlefile", f"{page}.pdf", page], check=True)
    command = ["zbarimg", "-q", "--raw", f"{page}.pgm"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == sorted(words)
