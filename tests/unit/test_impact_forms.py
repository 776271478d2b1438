"""Letters on multi-part forms: where each text stands, what keeps codes under seal, and what is refused."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.pages import PageFormat
from layouts.digests import _plain, mailer_digest
from layouts.errors import FileFault, LayoutError, PageFault, TextFault
from layouts.forms import MailerLayout
from layouts.impact_form import ImpactForm
from layouts.library import SHIPPED, Library
from layouts.mailer import DUMMY_CODES, check, render, sample
from simulators.impact_forms import Form
from simulators.impact_printer import Emulation, Mechanism
from tests.unit.impact_kit import FORM, GROUP, LIBRARY, REST, SPEAKS, letter, page, stock
from tests.unit.letter_kit import CODES, WORDS

EVERY = pytest.mark.parametrize("speaks", SPEAKS)


def struck(speaks: Emulation, *pages: bytes) -> Mechanism:
    """What a printer does with pages, one after the other."""
    made = Mechanism(speaks, REST)
    for byte in b"".join(pages):
        made.take(byte)
    return made


@EVERY
def test_outside_stand_number_and_address_and_nothing_else(speaks: Emulation) -> None:
    made = struck(speaks, page(speaks))
    assert made.faults == []
    form = Form(stock(), made.strikes, 0)
    assert form.outer() == [
        "000317",
        "Gemeente Súdwest-Fryslân",
        "t.a.v. Zoë van Ås",
        "Marktstraat 15",
        "8601 CR Snits",
    ]
    assert [re.sub(" +", " ", line) for line in form.strip()] == ["Briefnummer 000317"]


@EVERY
def test_the_inner_ply_has_every_code_once_beside_its_name(speaks: Emulation) -> None:
    inner = Form(stock(), struck(speaks, page(speaks)).strikes, 0).inner()
    lines = [re.sub(" +", " ", line) for line in inner]
    pin, puk, revocation = WORDS.values()
    for line in (f"PIN {pin}", f"PUK {puk}", f"Intrekkingscode {revocation}"):
        assert lines.count(line) == 1


@EVERY
def test_form_after_form_stands_at_its_place(speaks: Emulation) -> None:
    made = struck(speaks, *[page(speaks)] * 20)
    first, last = (Form(stock(), made.strikes, index) for index in (0, 19))
    assert first.inner() == last.inner()
    assert made.y == REST + 20 * stock().height


@EVERY
def test_whatever_the_printer_was_left_at_does_not_matter(speaks: Emulation) -> None:
    left = b"\x1b0\x1bM" if speaks != "proprinter" else b"\x1b0\x1b:"
    assert struck(speaks, left + page(speaks)).strikes == struck(speaks, page(speaks)).strikes


@EVERY
def test_a_form_is_eight_to_the_inch_and_twelve_across_where_it_says_so(speaks: Emulation) -> None:
    layout = changed(rows_per_inch=8, columns_per_inch=12)
    made = struck(speaks, render(layout, letter(), CODES, PageFormat(speaks)))
    narrow = stock(layout.file.impact or FORM)
    whole = Form(stock(), struck(speaks, page(speaks)).strikes, 0)
    assert made.faults == []
    assert [one.replace(" ", "") for one in Form(narrow, made.strikes, 0).outer()] == [
        one.replace(" ", "") for one in whole.outer()
    ]


@EVERY
def test_equal_letters_give_equal_bytes_and_codes_show_in_no_repr(speaks: Emulation) -> None:
    assert page(speaks) == page(speaks)
    assert page(speaks) != page(speaks, address_1="Marktstraat 16")


def test_an_alignment_print_has_dummy_codes_only() -> None:
    inner = " ".join(
        Form(stock(), struck("escp-24", sample(GROUP, "nl", PageFormat.ESCP_24)).strikes, 0).inner()
    )
    for code in DUMMY_CODES.values():
        assert code.reveal().decode() in inner


def changed(**values: Any) -> MailerLayout:
    """The shipped layout with something of its form changed."""
    form = msgspec.structs.replace(FORM, **values)
    return dataclasses.replace(GROUP, file=msgspec.structs.replace(GROUP.file, impact=form))


@EVERY
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"483920", b"483921", "the pin is on the form 0 times"),
        (b"483920\r\n", b"483920 483920\r\n", "the pin is on the form 2 times"),
        (b"Marktstraat", b"Marktstraat K7TX-2Q4M-W9HD", "the revocation is on the form 2 times"),
        (b"Marktstraat", b"Marktweg", "characters are missing"),
        (b"\r\n", b"\r\n\r\n", "is on the form 1 times instead|characters are missing"),
        (b"\x1bC\x18", b"\x1bC\x19", "tells no length"),
        (b"\x1bG", b"\x1bw\x01", "a command that no letter needs"),
        (b"\r\x0c", b"\r\x0c483920", "goes on after its form"),
        (b"\r\x0c", b"\r", "does not end its form"),
    ],
)
def test_a_page_that_is_not_as_meant_is_refused_and_not_quoted(
    speaks: Emulation, old: bytes, new: bytes, told: str
) -> None:
    made, format_ = page(speaks), PageFormat(speaks)
    check(made, GROUP, letter(), CODES, format_)
    wrong = made.replace(old, new, 1)
    assert wrong != made
    with pytest.raises(PageFault, match=told) as refused:
        check(wrong, GROUP, letter(), CODES, format_)
    assert not any(word in str(refused.value) for word in WORDS.values())


def test_a_name_the_printer_has_no_characters_for_is_refused_when_the_order_is_read() -> None:
    with pytest.raises(TextFault, match=r"U\+0142, which is not in cp850") as refused:
        page(manager="Zoë Wałęsa")
    assert refused.value.field == "address"


def test_what_does_not_fit_its_place_is_refused_whole() -> None:
    with pytest.raises(TextFault, match="does not fit its 6 x 35 characters"):
        page(subscriber="x" * 36)


def test_a_letter_without_a_form_is_told() -> None:
    plain = LIBRARY.mailer("group-letter")
    with pytest.raises(LayoutError, match=r"has no form for impact printers.*\[impact\]"):
        sample(plain, "nl", PageFormat.ESCP_9)


def test_letters_without_a_form_are_approved_as_before() -> None:
    plain = LIBRARY.mailer("group-letter")
    assert plain.file.impact is None
    digested = _plain(plain.file)
    assert isinstance(digested, dict)
    assert set(plain.file.__struct_fields__) - set(digested) == {"impact"}
    assert mailer_digest(GROUP) != mailer_digest(changed(tear_off=0))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            'what = "pin"\nrow = 16',
            'what = "pin"\nrow = 5',
            r"the pin would be struck outside the sealed area \(R15",
        ),
        (
            'what = "puk"\nrow = 18\ncolumn = 26',
            'what = "puk"\nrow = 18\ncolumn = 70',
            r"struck outside the sealed",
        ),
        ('what = "help"', 'what = "pin"', "pin has 2 places instead of one"),
        ('what = "address"\nrow = 7', 'what = "address"\nrow = 14', "the address is not in the window"),
        ('what = "number"\nrow = 2', 'what = "number"\nrow = 1', r"beyond the print head .*tear_off"),
        ('what = "puk"\nrow = 18', 'what = "puk"\nrow = 16', "overlaps the place of pin"),
        ('what = "number"\nrow = 5', 'what = "number"\nrow = 4', "neither wholly in sealed, nor in window"),
        (
            "[impact.window]\nfirst_row = 5\nlast_row = 12",
            "[impact.window]\nfirst_row = 5\nlast_row = 14",
            "overlaps",
        ),
        (
            "[impact.sealed]\nfirst_row = 14\nlast_row = 23",
            "[impact.sealed]\nfirst_row = 14\nlast_row = 25",
            "edge",
        ),
        ("rows = 24", "rows = 10", "12"),
    ],
)
def test_a_form_on_which_codes_could_be_read_is_refused_by_line(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    text = (SHIPPED / "mailers/group-form.toml").read_text()
    assert old in text
    (tmp_path / "mailers").mkdir()
    (tmp_path / "mailers/group-form.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(FileFault, match=told) as refused:
        Library(tmp_path)
    assert refused.value.line > 100


def test_the_form_shipped_is_what_its_type_says() -> None:
    assert msgspec.convert(msgspec.to_builtins(FORM), ImpactForm) == FORM
