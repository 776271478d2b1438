"""Letters: render a page with codes, check what it says, rehearse it without codes, show a specimen.

Only the print process calls `render` and `check`; nothing here writes a file (R10).
"""

from __future__ import annotations

import io
import logging
from collections import Counter
from collections.abc import Mapping

from pypdf import PdfReader

from drivers.pages import PageFormat
from drivers.secret import Secret
from drivers.tokens import Code
from layouts.composition import PRINTED, Letter, compose
from layouts.drawing import barcode, draw
from layouts.errors import PageFault
from layouts.fields import ALL_FIELDS, EXAMPLE, OPTIONAL, columns, fill
from layouts.forms import MailerLayout
from layouts.impact_page import form_of, impact_page, runs
from layouts.impact_reading import check_impact
from layouts.token import TokenLayout

# What a reader complains of could quote the page; nothing of a page may reach a log (R40).
logging.getLogger("pypdf").propagate = False
logging.getLogger("pypdf").addHandler(logging.NullHandler())

__all__ = ["Letter", "MailerLayout", "check", "expected_text", "letter_for", "rehearse", "render", "sample"]

DUMMY_CODES: Mapping[Code, Secret] = {
    Code.PIN: Secret.text("123456"),
    Code.PUK: Secret.text("12345678"),
    Code.REVOCATION: Secret.text("K7TX-0Q4M-S9IB"),
}
"""Codes no token ever gets: runs of digits (R19), and characters that revocation codes leave out (R17)."""


def letter_for(layout: MailerLayout, fields: Mapping[str, str], token_serial: str | None = None) -> Letter:
    """The letter for one row of an order with its `number`; raises `FieldFault` or `UnknownLayout`."""
    language = fill("{language}", fields, f"mailer {layout.name}")
    texts = layout.texts_in(language, "mailer")
    where = f"mailer {layout.name}, address"
    lines = []
    for template in texts.address:
        named = columns(template)
        if named and named <= OPTIONAL and not any(fields.get(name, "").strip() for name in named):
            continue
        lines.append(fill(template, fields, where))
    certificate = layout.file.certificate
    return Letter(
        mailer_number=fill("{number}", fields, where),
        language=language,
        address=tuple(lines),
        certificate=fill(certificate, fields, f"mailer {layout.name}, certificate") if certificate else None,
        token_serial=token_serial,
        fields={name: value for name, value in fields.items() if name in ALL_FIELDS},
    )


def render(
    layout: MailerLayout, letter: Letter, codes: Mapping[Code, Secret], format: PageFormat = PageFormat.PDF
) -> bytes:
    """One page as a printer takes it; equal input gives equal bytes.

    `codes` are exactly PIN, PUK and revocation code. Raises `CodeFault`, `FieldFault`, `TextFault` or
    `UnknownLayout`; a page is whole or not made at all.
    """
    if format is not PageFormat.PDF:
        return impact_page(layout, runs(layout, letter, codes), format)
    return draw(layout, letter.language, letter.mailer_number, compose(layout, letter, codes))


def expected_text(layout: MailerLayout, letter: Letter, codes: Mapping[Code, Secret]) -> tuple[str, ...]:
    """Every line meant to be on the page, codes in clear: for `check` and for tests; errors as `render`."""
    return tuple(line.text for line in compose(layout, letter, codes))


def check(
    page: bytes,
    layout: MailerLayout,
    letter: Letter,
    codes: Mapping[Code, Secret],
    format: PageFormat = PageFormat.PDF,
) -> None:
    """Raise `PageFault` unless the page says exactly what was meant, each word as often as meant (R18).

    Codes and control number are looked at first and named; the error never holds a word of the page.
    """
    where = f"letter {letter.mailer_number}"
    if format is not PageFormat.PDF:
        check_impact(page, form_of(layout), runs(layout, letter, codes), format, where)
        return
    meant = Counter(_words(expected_text(layout, letter, codes)))
    again = "do not print this page; void the letter"
    try:
        pages = PdfReader(io.BytesIO(page)).pages
        found = Counter(_words([sheet.extract_text() for sheet in pages]))
        count = len(pages)
    # Whatever a reader trips over, it trips over a page that nobody should be sent.
    except Exception as error:
        what = f"the page cannot be read back: {type(error).__name__}"
        raise PageFault(what, where=where, next=again) from None
    if count != 1:
        raise PageFault(f"has {count} pages instead of one", where=where, next=again)
    for code in PRINTED:
        word = codes[code].reveal().decode("ascii")
        if found[word] != meant[word]:
            what = f"the {code} is on the page {found[word]} times instead of {meant[word]}"
            raise PageFault(what, where=where, next=again)
    number = letter.mailer_number
    if found[number] != meant[number]:
        what = f"the control number is on the page {found[number]} times instead of {meant[number]}"
        raise PageFault(what, where=where, next=again)
    if found != meant:
        lost, added = (meant - found).total(), (found - meant).total()
        what = f"{lost} words are missing from the page and {added} are on it that were not meant"
        raise PageFault(what, where=where, next=again)


def rehearse(token: TokenLayout, letter: Letter) -> None:
    """Raise what `render` would raise for this letter, long before there are codes; draws nothing."""
    group = "0" * token.revocation.group_length
    codes = {
        Code.PIN: Secret.text("0" * token.pin.length),
        Code.PUK: Secret.text("0" * token.puk.length),
        Code.REVOCATION: Secret.text("-".join([group] * token.revocation.groups)),
    }
    compose(token.mailer, letter, codes)
    barcode(token.mailer, letter.mailer_number)
    if token.mailer.file.impact is not None:
        runs(token.mailer, letter, codes)


def sample(layout: MailerLayout, language: str, format: PageFormat = PageFormat.PDF) -> bytes:
    """A page with dummy codes and an example's address; a PDF is marked as a specimen (R11)."""
    letter = letter_for(layout, {**EXAMPLE, "language": language}, "00000000")
    if format is not PageFormat.PDF:
        return render(layout, letter, DUMMY_CODES, format)
    specimen = layout.file.texts[language].specimen
    return draw(layout, language, letter.mailer_number, compose(layout, letter, DUMMY_CODES), specimen)


def _words(texts: tuple[str, ...] | list[str]) -> list[str]:
    return [word for text in texts for word in text.split()]
