"""A letter on a multi-part form as bytes for an impact printer, row by row from the top."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from drivers.pages import PageFormat
from drivers.secret import Secret
from drivers.tokens import Code
from layouts.composition import Letter, check_number, opened
from layouts.errors import FieldFault, LayoutError, TextFault
from layouts.forms import MailerLayout
from layouts.impact_form import ImpactForm, Place
from layouts.typesetting import clean

_ESC = b"\x1b"
_TABLES = {"cp437": b"\x01\x00", "cp850": b"\x03\x00"}
"""Character tables by the two numbers that `ESC ( t` names them by (ESC/P Reference Manual, 1997)."""

FORM_FEED = b"\f"


@dataclass(frozen=True)
class Run:
    """One text of a form: its first character stands at `row` and `column`."""

    what: str
    row: int
    column: int
    text: str = field(repr=False)


def form_of(layout: MailerLayout) -> ImpactForm:
    """The form of a letter; raises `LayoutError` where its layout has none."""
    if (form := layout.file.impact) is None:
        raise LayoutError(
            "has no form for impact printers",
            where=f"mailer {layout.name}",
            next="add an [impact] table to the layout, or use another printer",
        )
    return form


def runs(layout: MailerLayout, letter: Letter, codes: Mapping[Code, Secret]) -> tuple[Run, ...]:
    """Every text of a letter on its form.

    Raises `CodeFault`, `FieldFault`, `TextFault`, `UnknownLayout`, or `LayoutError` where there is no form.
    """
    form, shown = form_of(layout), opened(codes)
    check_number(letter)
    texts, sender = layout.texts_in(letter.language, "mailer"), layout.file.sender
    if not any(clean(line) for line in letter.address):
        raise FieldFault("the address is empty", field="address", where=f"mailer {layout.name}")
    certificate = letter.certificate if layout.file.names_certificate else None
    token = letter.token_serial if layout.file.names_token else None
    words: Mapping[str, tuple[str, ...]] = {
        "sender": (sender.name,),
        "address": letter.address,
        "number_label": (texts.number,),
        "number": (letter.mailer_number,),
        "certificate_label": (texts.certificate,) if certificate else (),
        "certificate": (certificate,) if certificate else (),
        "token_label": (texts.token,) if token else (),
        "token": (token,) if token else (),
        "pin_label": (texts.pin,),
        "pin": (shown[Code.PIN],),
        "puk_label": (texts.puk,),
        "puk": (shown[Code.PUK],),
        "revocation_label": (texts.revocation,),
        "revocation": (shown[Code.REVOCATION],),
        "revoke": (sender.revoke,),
        "help": (sender.help,),
    }
    return tuple(run for place in form.places for run in _placed(layout, form, place, words[place.what]))


def impact_page(layout: MailerLayout, runs_: tuple[Run, ...], format: PageFormat) -> bytes:
    """The bytes that strike these texts on one form, from top of form to top of form."""
    form = form_of(layout)
    lines = [_prologue(form, format)]
    last = max(run.row for run in runs_)
    for row in range(form.tear_off + 1, last + 1):
        text = ""
        for run in sorted((run for run in runs_ if run.row == row), key=lambda run: run.column):
            text = text.ljust(run.column - 1) + run.text
        lines.append(text.encode(form.code_page) + (b"\r\n" if row < last else b"\r"))
    return b"".join(lines) + FORM_FEED


def _prologue(form: ImpactForm, format: PageFormat) -> bytes:
    """Whatever the printer was left at: spacing, pitch, length of the form, characters, double strike.

    The form stands where it rests: its length counts from there, and a form feed ends where the next rests.
    """
    eighths = form.rows_per_inch == 8
    wide = form.columns_per_inch == 10
    if format is PageFormat.PROPRINTER:
        commands = [
            b"\x18",
            _ESC + b"5\x00",
            b"\x12" if wide else _ESC + b":",
            _ESC + b"0" if eighths else _ESC + b"A\x0c" + _ESC + b"2",
            _ESC + b"6",
        ]
    else:
        commands = [_ESC + b"@", _ESC + (b"P" if wide else b"M"), _ESC + (b"0" if eighths else b"2")]
        commands += [_ESC + b"R\x00"]
        # Older printers with nine pins lack the command, and have this table as their second one anyway.
        if format is PageFormat.ESCP_24 or form.code_page != "cp437":
            commands += [_ESC + b"(t\x03\x00\x01" + _TABLES[form.code_page]]
        commands += [_ESC + b"t\x01", _ESC + b"6"]
    # A second strike is what reaches the inner ply.
    commands += [_ESC + b"C" + bytes([form.rows]), _ESC + b"O", _ESC + b"G"]
    return b"".join(commands)


def _placed(layout: MailerLayout, form: ImpactForm, place: Place, words: tuple[str, ...]) -> Iterator[Run]:
    lines: list[str] = []
    for words_ in words:
        text = clean(words_)
        _check_printable(layout, form, place, text)
        lines += textwrap.wrap(text, place.width, break_long_words=False, break_on_hyphens=False)
    if len(lines) > place.rows or any(len(line) > place.width for line in lines):
        quoted = "" if place.what in ("pin", "puk", "revocation") else f"{' / '.join(words)!r} "
        raise TextFault(
            f"{quoted}does not fit its {place.rows} x {place.width} characters on the form",
            field=place.what,
            mailer=layout.name,
            next="shorten it, or change the layout",
        )
    for index, line in enumerate(lines):
        yield Run(place.what, place.row + index, place.column, line)


def _check_printable(layout: MailerLayout, form: ImpactForm, place: Place, text: str) -> None:
    for character in text:
        try:
            known = character.encode(form.code_page)[0] >= 0x20 and character.isprintable()
        except UnicodeEncodeError:
            known = False
        if not known:
            raise TextFault(
                f"{text!r} has the character U+{ord(character):04X}, which is not in {form.code_page}, the "
                "impact printer's characters",
                field=place.what,
                mailer=layout.name,
                next="write it in other letters",
            )
