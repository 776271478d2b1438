"""A letter says what was meant, once, in every language, and other people's tools can read it (R18)."""

from __future__ import annotations

import io
import re
import subprocess
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter

from drivers.secret import Secret
from drivers.tokens import Code
from layouts.errors import PageFault
from layouts.forms import MailerLayout
from layouts.mailer import DUMMY_CODES, Letter, check, expected_text, letter_for, render, sample
from tests.conftest import need
from tests.unit.letter_kit import CODES, LIBRARY, WORDS, row, seen, words

GROUP = LIBRARY.mailer("group-letter")
PERSONAL = LIBRARY.mailer("personal-letter")
LETTERS = [(layout, language) for layout in (GROUP, PERSONAL) for language in ("nl", "en", "it")]
EVERY = pytest.mark.parametrize(
    ("layout", "language"), LETTERS, ids=[f"{layout.name}-{language}" for layout, language in LETTERS]
)


def letter_of(layout: MailerLayout, **changes: str) -> Letter:
    return letter_for(layout, row(layout.name, **changes))


def page_of(layout: MailerLayout, **changes: str) -> bytes:
    return render(layout, letter_of(layout, **changes), CODES)


def letter(**changes: str) -> Letter:
    return letter_of(GROUP, **changes)


def page(**changes: str) -> bytes:
    return page_of(GROUP, **changes)


@EVERY
def test_pdftotext_finds_all_that_was_meant_and_nothing_else(layout: MailerLayout, language: str) -> None:
    text = seen(page_of(layout, language=language), "-layout")
    meant = expected_text(layout, letter_of(layout, language=language), CODES)
    assert words(text) == words(*meant)


@EVERY
def test_codes_and_control_number_are_there_once_beside_their_names(
    layout: MailerLayout, language: str
) -> None:
    text = seen(page_of(layout, language=language), "-layout")
    for item in (*WORDS.values(), "000317"):
        assert len(re.findall(rf"(?<!\S){re.escape(item)}(?!\S)", text)) == 1
    texts = layout.file.texts[language]
    assert re.search(r"^ *PIN +483920(?= |$)", text, re.MULTILINE)
    assert re.search(r"^ *PUK +70284619(?= |$)", text, re.MULTILINE)
    assert re.search(rf"^ *{texts.revocation} +K7TX-2Q4M-W9HD(?= |$)", text, re.MULTILINE)


@EVERY
def test_a_page_passes_its_own_check(layout: MailerLayout, language: str) -> None:
    made = page_of(layout, language=language)
    check(made, layout, letter_of(layout, language=language), CODES)


@EVERY
def test_it_tells_the_first_use(layout: MailerLayout, language: str) -> None:
    text = " ".join(seen(page_of(layout, language=language)).split())
    texts = layout.file.texts[language]
    for step in texts.steps:
        assert step.title in text
    assert layout.file.sender.revoke in text
    assert {word for word in ("PIN", "PUK") if word in texts.steps[0].text + texts.steps[1].text} == {
        "PIN",
        "PUK",
    }


def test_the_address_stands_in_the_window_and_nothing_else_does() -> None:
    # DIN 5008 form B: the window shows 45 mm by 85 mm, 20 mm from the left and 45 mm from the top.
    dots = 72 / 25.4
    box = {"-x": 20, "-y": 45, "-W": 85, "-H": 45}
    options = [part for option, mm in box.items() for part in (option, str(round(mm * dots)))]
    lines = [line for line in seen(page(), "-layout", *options).splitlines() if line.strip()]
    assert [line.strip() for line in lines] == [
        "Voorbeeld Certificaatdienst · Postbus 1000 · 1000 AA Voorbeeldstad",
        "Gemeente Súdwest-Fryslân",
        "t.a.v. Zoë Wałęsa-Şahin",
        "Marktstraat 15",
        "8601 CR Snits",
    ]


def test_a_group_s_letter_goes_to_the_manager_and_names_the_certificate() -> None:
    assert letter().address[:2] == ("Gemeente Súdwest-Fryslân", "t.a.v. Zoë Wałęsa-Şahin")
    assert "Burgerzaken balie Noord" in seen(page())


def test_a_personal_letter_goes_to_the_holder_and_names_no_certificate() -> None:
    mine = letter_of(PERSONAL)
    assert mine.address[0] == "Zoë Wałęsa-Şahin"
    assert mine.certificate is None
    named = Letter(
        "000317", "nl", mine.address, certificate="Zegelbewaarder", token_serial="77881", fields={}
    )
    text = seen(render(PERSONAL, named, CODES))
    assert "Zegelbewaarder" not in text
    assert "77881" not in text


def test_empty_address_lines_are_left_out() -> None:
    assert letter(address_3="", address_4=" ").address == letter().address
    assert letter(address_4="Nederland").address[-1] == "Nederland"


def test_long_addresses_with_diacritics_stay_whole() -> None:
    long = {
        "subscriber": "Presidenza del Consiglio dei Ministri, Dipartimento Ł",
        "manager": "Niccolò Dell’Acqua-Müller, ’s-Gravenhage",
        "address_1": "Prinses Beatrixlaan 1234-Ⅱ hs, Şişli, Łódź, Århus",
        "address_2": "00187 Città di Castello (PG)",
        "address_3": "Itàlia",
        "language": "it",
    }
    made = page(**long)
    check(made, GROUP, letter(**long), CODES)
    text = " ".join(seen(made).split())
    assert long["subscriber"] in text
    assert long["address_1"] in text


@EVERY
def test_fonts_are_embedded(layout: MailerLayout, language: str, tmp_path: Path) -> None:
    # pdffonts cannot read stdin; the page it sees has dummy codes.
    file = tmp_path / "specimen.pdf"
    file.write_bytes(sample(layout, language))
    table = subprocess.run(
        ["pdffonts", file], capture_output=True, check=True, text=True
    ).stdout.splitlines()[2:]
    assert len(table) == 3
    for line in table:
        assert "DejaVu" in line
        embedded, subset, unicode_map = line.split()[-5:-2]
        assert (embedded, subset, unicode_map) == ("yes", "yes", "yes")


def test_equal_letters_give_equal_bytes() -> None:
    assert page() == page()
    assert page() != page(number="000318")


def test_no_code_is_outside_the_page_s_text() -> None:
    made = page()
    metadata = PdfReader(io.BytesIO(made)).metadata
    assert metadata is not None
    for word in WORDS.values():
        assert word not in str(dict(metadata))
        assert word.encode() not in made


def test_the_page_is_one_sheet_of_a4() -> None:
    (sheet,) = PdfReader(io.BytesIO(page())).pages
    assert [round(float(side) / 72 * 25.4) for side in sheet.mediabox[2:]] == [210, 297]


def test_a_scanner_reads_the_control_number(tmp_path: Path) -> None:
    need("zbarimg", "pdftoppm")
    command = ["pdftoppm", "-r", "200", "-gray", "-singlefile", "-", str(tmp_path / "page")]
    subprocess.run(command, input=sample(GROUP, "nl"), check=True)
    done = subprocess.run(
        ["zbarimg", "-q", tmp_path / "page.pgm"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["CODE-128:M000123BM"]


def test_a_page_with_another_s_codes_is_found_out() -> None:
    for code, word in WORDS.items():
        other = {**CODES, code: Secret.text(word.translate(str.maketrans("24", "42")))}
        with pytest.raises(PageFault, match=f"the {code} is on the page 0 times instead of 1"):
            check(page(), GROUP, letter(), other)


def test_a_page_that_says_a_code_twice_is_found_out() -> None:
    for code, word in WORDS.items():
        with pytest.raises(PageFault, match=f"the {code} is on the page 2 times instead of 1"):
            check(page(group=f"Balie {word} Noord"), GROUP, letter(), CODES)


def test_a_page_with_another_number_or_another_address_is_found_out() -> None:
    with pytest.raises(PageFault, match="the control number is on the page 0 times"):
        check(page(number="000318"), GROUP, letter(), CODES)
    with pytest.raises(PageFault, match="1 words are missing from the page and 1 are on it"):
        check(page(address_1="Marktstraat 16"), GROUP, letter(), CODES)


def test_more_than_a_page_less_than_a_page_and_no_page_are_found_out() -> None:
    writer = PdfWriter()
    for _ in range(2):
        writer.append(io.BytesIO(page()))
    twice = io.BytesIO()
    writer.write(twice)
    with pytest.raises(PageFault, match="has 2 pages"):
        check(twice.getvalue(), GROUP, letter(), CODES)
    for damaged in (b"", b"%PDF-1.4", page()[:2000], page().replace(b"/Contents", b"/Contenst")):
        with pytest.raises(PageFault):
            check(damaged, GROUP, letter(), CODES)


def test_what_a_check_says_holds_no_code() -> None:
    said = []
    for changes in ({"group": f"{WORDS[Code.PIN]} x"}, {"number": "1"}, {"address_1": "x"}):
        with pytest.raises(PageFault) as refused:
            check(page(**changes), GROUP, letter(), CODES)
        said.append(str(refused.value) + repr(refused.value.__dict__))
    assert not any(word in text for word in WORDS.values() for text in said)


@EVERY
def test_a_sample_is_marked_and_has_only_dummy_codes(layout: MailerLayout, language: str) -> None:
    text = seen(sample(layout, language))
    marks = {"nl": "PROEF", "en": "SPECIMEN", "it": "FACSIMILE"}
    specimen = layout.file.texts[language].specimen
    assert specimen == marks[language]
    found = PdfReader(io.BytesIO(sample(layout, language))).pages[0].extract_text().split()
    assert specimen in found
    for dummy in DUMMY_CODES.values():
        assert dummy.reveal().decode() in text


def test_dummy_codes_can_never_be_drawn() -> None:
    # R19 refuses runs; R17 leaves these characters out of revocation codes.
    dummies = {code: secret.reveal().decode() for code, secret in DUMMY_CODES.items()}
    assert dummies[Code.PIN] in "0123456789"
    assert dummies[Code.PUK] in "0123456789"
    assert set("0O1IL5S8B") & set(dummies[Code.REVOCATION])
