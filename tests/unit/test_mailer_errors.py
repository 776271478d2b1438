"""What cannot be printed whole is an error that names field and mailer; nothing is cut or left out."""

from __future__ import annotations

import dataclasses
import functools
import traceback
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from drivers.secret import Secret
from drivers.tokens import Code
from layouts.composition import compose
from layouts.errors import CodeFault, FieldFault, LayoutError, TextFault, UnknownLayout
from layouts.library import SHIPPED, Library
from layouts.mailer import Letter, check, expected_text, letter_for, rehearse, render, sample
from layouts.typesetting import font_name, unprintable
from tests.unit.letter_kit import CODES, LIBRARY, WORDS, row, seen, words

GROUP = LIBRARY.mailer("group-letter")


def letter(**changes: str) -> Letter:
    return letter_for(GROUP, row("group-letter", **changes))


def fault(**changes: str) -> TextFault:
    with pytest.raises(TextFault) as refused:
        render(GROUP, letter(**changes), CODES)
    assert refused.value.mailer == "group-letter"
    return refused.value


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"group": "Burgerzaken " * 25}, "certificate"),
        ({"group": "x" * 80}, "certificate"),
        ({"subscriber": "Gemeente " * 40}, "address"),
        ({"address_1": "W" * 60}, "address"),
    ],
)
def test_a_text_that_does_not_fit_names_its_place(changes: dict[str, str], field: str) -> None:
    error = fault(**changes)
    assert error.field == field
    assert str(error).startswith(f"mailer group-letter, {field}: ")
    assert "does not fit its place" in str(error)


@pytest.mark.parametrize(
    ("text", "code_point"),
    [
        ("Gemeente 東京", "U+6771"),
        ("Gemeente \N{GRINNING FACE}", "U+1F600"),
        ("Gemeente \N{HEBREW LETTER ALEF}", "U+05D0"),
        ("Gemeente \N{ZERO WIDTH SPACE}x", "U+200B"),
        ("Gemeente \N{RIGHT-TO-LEFT OVERRIDE}x", "U+202E"),
        ("Gemeente \x07", "U+0007"),
        ("Gemeente q\N{COMBINING RING ABOVE}", "U+030A"),
    ],
)
def test_a_character_the_fonts_lack_is_named(text: str, code_point: str) -> None:
    error = fault(subscriber=text)
    assert (error.field, code_point in str(error)) == ("address", True)
    assert fault(group=text).field == "certificate"


def test_decomposed_letters_are_composed_and_then_fine() -> None:
    check(
        render(GROUP, letter(subscriber="Gemeente Su\N{COMBINING ACUTE ACCENT}dwest"), CODES),
        GROUP,
        letter(subscriber="Gemeente Súdwest"),
        CODES,
    )


def test_missing_fields_are_named() -> None:
    for column in GROUP.columns | {"number"}:
        with pytest.raises(FieldFault, match=column) as refused:
            letter(**{column: ""})
        assert refused.value.field == column


def test_a_letter_that_should_name_its_certificate_does_not_go_without() -> None:
    with pytest.raises(FieldFault, match="certificate is missing, and this letter names it"):
        render(GROUP, dataclasses.replace(letter(), certificate=None), CODES)


def test_a_letter_without_an_address_is_refused() -> None:
    with pytest.raises(FieldFault, match="the address is empty"):
        render(GROUP, dataclasses.replace(letter(), address=("", " ")), CODES)


@pytest.mark.parametrize("number", ["", "a", "00 12", "0012\n", "0" * 21, "№1"])
def test_a_mailer_number_is_one_word_for_people_and_scanners(number: str) -> None:
    with pytest.raises(FieldFault) as refused:
        render(GROUP, dataclasses.replace(letter(), mailer_number=number), CODES)
    assert refused.value.field == "number"


def test_a_number_too_wide_for_its_bars_is_refused_when_rehearsed_too() -> None:
    wide = dataclasses.replace(letter(), mailer_number="A1B2C3D4E5F6G7H8I9J0")
    with pytest.raises(TextFault, match="bar code"):
        render(GROUP, wide, CODES)
    with pytest.raises(TextFault, match="bar code"):
        rehearse(LIBRARY.token("group-card"), wide)


def test_a_language_nobody_wrote_is_told_with_those_there_are() -> None:
    with pytest.raises(UnknownLayout, match="'fr'; there are: en, it, nl"):
        letter(language="fr")
    with pytest.raises(UnknownLayout, match="there are: en, it, nl"):
        sample(GROUP, "fr")
    with pytest.raises(UnknownLayout, match="there are: en, it, nl"):
        render(GROUP, dataclasses.replace(letter(), language="fr"), CODES)


@pytest.mark.parametrize("code", list(WORDS))
def test_a_code_that_is_missing_is_named(code: Code) -> None:
    with pytest.raises(CodeFault, match=r"carries pin, puk, revocation; given: "):
        render(GROUP, letter(), {other: CODES[other] for other in CODES if other is not code})


def test_an_admin_credential_is_never_printed() -> None:
    with pytest.raises(CodeFault, match="given: admin"):
        render(GROUP, letter(), {**CODES, Code.ADMIN: Secret.text("0102030405060708")})


@pytest.mark.parametrize("code", list(WORDS))
@pytest.mark.parametrize(
    "value", [b"", b"12 34", b"4711x!", b"\xff\xfe\xff\xfe", "４８３９２０".encode(), b"4" * 40]
)
def test_a_code_of_a_wrong_shape_is_refused_without_showing_it(code: Code, value: bytes) -> None:
    with pytest.raises(CodeFault) as refused:
        render(GROUP, letter(), {**CODES, code: Secret(value)})
    told = "".join(traceback.format_exception(refused.value))
    assert f"the {code} is not" in told
    assert not value or value.decode(errors="replace") not in told
    assert refused.value.__cause__ is None


def test_a_code_too_wide_for_the_panel_is_refused_without_showing_it() -> None:
    long = "K7TX-2Q4M-W9HD-K7TX-2Q4M-W9HD"
    with pytest.raises(TextFault, match="revocation: does not fit its place") as refused:
        render(GROUP, letter(), {**CODES, Code.REVOCATION: Secret.text(long)})
    assert long not in "".join(traceback.format_exception(refused.value))


def test_placed_lines_do_not_show_their_words() -> None:
    assert not any(word in repr(compose(GROUP, letter(), CODES)) for word in WORDS.values())


def test_a_rehearsal_finds_what_rendering_would(tmp_path: Path) -> None:
    token = LIBRARY.token("group-card")
    rehearse(token, letter())
    with pytest.raises(TextFault) as refused:
        rehearse(token, letter(group="x" * 80))
    assert refused.value.field == "certificate"
    text = (SHIPPED / "tokens" / "group-card.toml").read_text()
    (tmp_path / "tokens").mkdir()
    (tmp_path / "tokens" / "group-card.toml").write_text(text.replace("groups = 3", "groups = 6"))
    with pytest.raises(TextFault) as refused:
        rehearse(Library(tmp_path).token("group-card"), letter())
    assert refused.value.field == "revocation"


def test_a_font_that_is_none_is_an_error_naming_the_file(tmp_path: Path) -> None:
    (tmp_path / "fonts").mkdir()
    (tmp_path / "fonts" / "DejaVuSans.ttf").write_bytes(b"no font at all")
    with pytest.raises(LayoutError, match=r"DejaVuSans\.ttf: cannot be used as a font"):
        sample(Library(tmp_path).mailer("group-letter"), "nl")


@functools.cache
def printable() -> str:
    """Every character that the bold face, and so a letter, can show."""
    font = pdfmetrics.getFont(font_name(GROUP.fonts["bold"]))
    assert isinstance(font, TTFont)
    characters = (chr(point) for point in sorted(font.face.charToGlyph))
    return "".join(character for character in characters if not unprintable(character, font.fontName))


@st.composite
def letters(draw: st.DrawFn) -> Letter:
    """Letters with any text, mostly of characters the fonts have."""
    texts = st.one_of(
        st.text(printable(), min_size=1, max_size=30),
        st.text(printable(), min_size=1, max_size=30),
        st.sampled_from(list(WORDS.values())),
        st.text(max_size=20),
    )
    return Letter(
        mailer_number=draw(st.one_of(st.from_regex(r"[0-9]{1,9}", fullmatch=True), st.just("483920"))),
        language=draw(st.sampled_from(["nl", "en", "it"])),
        address=tuple(draw(st.lists(texts, min_size=1, max_size=4))),
        certificate=draw(texts),
    )


@settings(max_examples=120, deadline=None)
@given(
    name=st.sampled_from(["group-letter", "personal-letter"]),
    wild=letters(),
    pin=st.from_regex(r"[0-9]{4,8}", fullmatch=True),
    puk=st.from_regex(r"[0-9]{8}", fullmatch=True),
)
def test_a_letter_is_whole_or_refused(name: str, wild: Letter, pin: str, puk: str) -> None:
    layout = LIBRARY.mailer(name)
    codes = {**CODES, Code.PIN: Secret.text(pin), Code.PUK: Secret.text(puk)}
    try:
        made = render(layout, wild, codes)
    except LayoutError:
        return
    check(made, layout, wild, codes)
    # With -layout pdftotext draws narrow words together.
    assert words(seen(made, "-raw")) == words(*expected_text(layout, wild, codes))


@settings(max_examples=100, deadline=None)
@given(
    number=st.text(max_size=20),
    language=st.text(max_size=3),
    address=st.lists(st.text(), max_size=8),
    codes=st.dictionaries(st.sampled_from(list(Code)), st.binary(max_size=20).map(Secret)),
)
def test_nonsense_is_refused_as_documented(
    number: str, language: str, address: list[str], codes: dict[Code, Secret]
) -> None:
    with pytest.raises(LayoutError):
        render(GROUP, Letter(number, language, tuple(address), "x"), codes)
