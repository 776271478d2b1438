"""Where every word of a letter stands: a mailer layout and a letter in, placed lines out.

Nothing is cut and nothing shrinks out of sight: what does not fit its place is a `TextFault`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from drivers.secret import Secret
from drivers.tokens import Code
from layouts.errors import CodeFault, FieldFault, LayoutError, TextFault
from layouts.fields import fill
from layouts.forms import Box, FontRole, MailerLayout
from layouts.typesetting import clean, font_name, unprintable, width, wrap

MM = 72 / 25.4
"""Points in a millimetre."""

PRINTED = (Code.PIN, Code.PUK, Code.REVOCATION)
"""The codes of a letter, in the order of the page."""

_SHAPES = {
    Code.PIN: re.compile(rb"[0-9]{4,16}"),
    Code.PUK: re.compile(rb"[0-9]{4,16}"),
    Code.REVOCATION: re.compile(rb"[A-Z0-9]{2,8}(-[A-Z0-9]{2,8})+"),
}
_NUMBER = re.compile(r"[A-Z0-9][A-Z0-9-]{0,19}")


@dataclass(frozen=True)
class Letter:
    """One letter without its codes: the mailer number, whom it goes to, and what it may name.

    `certificate` and `token_serial` are printed only where the layout says so (R8). `fields` are those
    of the order row, for texts that name them.
    """

    mailer_number: str
    language: str
    address: tuple[str, ...]
    certificate: str | None = None
    token_serial: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """One line on the page: the left end of its baseline in points from the bottom left of the paper.

    `groups` are lengths of runs of characters to underline, one after the other.
    """

    place: str
    text: str = field(repr=False)
    x: float
    y: float
    font: str
    size: float
    ink: float
    groups: tuple[int, ...] = ()


def compose(layout: MailerLayout, letter: Letter, codes: Mapping[Code, Secret]) -> tuple[Line, ...]:
    """Every line of a letter; raises `CodeFault`, `FieldFault`, `TextFault` or `UnknownLayout`."""
    return tuple(_Composer(layout, letter).lines(opened(codes)))


def check_number(letter: Letter) -> None:
    """Raise `FieldFault` unless the control number can stand in a bar code and is one word."""
    if not _NUMBER.fullmatch(letter.mailer_number):
        raise FieldFault(
            f"{letter.mailer_number!r} is no mailer number",
            field="number",
            where="letter",
            next="use 1 to 20 capital letters, digits and hyphens",
        )


def opened(codes: Mapping[Code, Secret]) -> dict[Code, str]:
    """The codes of a letter in clear; raises `CodeFault` where one lacks, or looks like no code (R17)."""
    if set(codes) != set(PRINTED):
        given = ", ".join(sorted(codes)) or "none"
        raise CodeFault(f"a letter carries {', '.join(PRINTED)}; given: {given}", where="letter")
    for code in PRINTED:
        if not _SHAPES[code].fullmatch(codes[code].reveal()):
            shape = "groups of capital letters and digits" if code is Code.REVOCATION else "4 to 16 digits"
            raise CodeFault(f"the {code} is not {shape} (R17)", where="letter", next="void this letter")
    return {code: codes[code].reveal().decode("ascii") for code in PRINTED}


class _Composer:
    def __init__(self, layout: MailerLayout, letter: Letter) -> None:
        texts = layout.texts_in(letter.language, "mailer")
        check_number(letter)
        self._layout, self._letter, self._texts = layout, letter, texts
        sender = layout.file.sender
        own = {
            "sender": sender.name,
            "sender_address": sender.address,
            "revoke": sender.revoke,
            "help": sender.help,
        }
        self._fields = {**letter.fields, "number": letter.mailer_number, **own}
        self._top = layout.file.paper.height * MM

    def lines(self, codes: Mapping[Code, str]) -> Iterator[Line]:
        boxes, texts, sender = self._layout.file.boxes, self._texts, self._layout.file.sender
        yield from self._box("letterhead", boxes.letterhead, [sender.name])
        yield from self._box("return_address", boxes.return_address, [f"{sender.name} · {sender.address}"])
        if not any(clean(line) for line in self._letter.address):
            raise FieldFault("the address is empty", field="address", where=f"mailer {self._layout.name}")
        yield from self._box("address", boxes.address, self._letter.address)
        yield from self._details()
        for name in ("heading", "intro", "seal", "steps_heading", "footer"):
            yield from self._box(name, getattr(boxes, name), [self._fill(name, getattr(texts, name))])
        yield from self._panel(codes)
        yield from self._steps()

    def _details(self) -> Iterator[Line]:
        file, letter, texts = self._layout.file, self._letter, self._texts
        rows = [("number", texts.number, letter.mailer_number)]
        for field_, wanted, label, value in (
            ("certificate", file.names_certificate, texts.certificate, letter.certificate),
            ("token_serial", file.names_token, texts.token, letter.token_serial),
        ):
            if wanted and not clean(value or ""):
                raise FieldFault(
                    f"{field_} is missing, and this letter names it",
                    field=field_,
                    where=f"mailer {self._layout.name}",
                )
            if wanted and value:
                rows.append((field_, label, value))
        small, large = file.boxes.details_label, file.boxes.details
        at = 0.0
        for name, label, value in rows:
            yield from self._box(f"{name} label", small, [self._fill(name, label)], down=at)
            lines = list(self._box(name, large, [value], down=at))
            yield from lines
            at += large.leading * len(lines) + small.leading * 1.75

    def _steps(self) -> Iterator[Line]:
        boxes = self._layout.file.boxes
        at = 0.0
        for number, step in enumerate(self._texts.steps, 1):
            name = f"step {number}"
            title = list(self._box(name, boxes.step_title, [self._fill(name, step.title)], down=at))
            text = list(self._box(name, boxes.step_text, [self._fill(name, step.text)], down=at))
            yield from (*title, *text)
            tall = max(len(title) * boxes.step_title.leading, len(text) * boxes.step_text.leading)
            at += tall + boxes.step_text.leading * 0.5

    def _panel(self, codes: Mapping[Code, str]) -> Iterator[Line]:
        panel, texts = self._layout.file.panel, self._texts
        row = (panel.height - 2 * panel.frame) / len(PRINTED)
        for index, (code, label, hint) in enumerate(
            (
                (Code.PIN, texts.pin, texts.pin_hint),
                (Code.PUK, texts.puk, texts.puk_hint),
                (Code.REVOCATION, texts.revocation, texts.revocation_hint),
            )
        ):
            # Capitals and figures are some 0.73 em high: the baseline lies half of that under the middle.
            middle = self._top - (panel.y + panel.frame + row * (index + 0.5)) * MM
            base = middle - 0.365 * panel.code_size

            yield self._one(
                f"{code} label", "bold", label, panel.label_x, panel.code_x, base, panel.label_size, 0.0
            )
            yield self._one(
                code, "codes", codes[code], panel.code_x, panel.hint_x, base, panel.code_size, 0.0
            )
            yield from self._hint(f"{code} hint", hint, base)

    def _hint(self, name: str, hint: str, base: float) -> Iterator[Line]:
        panel = self._layout.file.panel
        font, size = self._font("text"), panel.hint_size
        text = self._printable(name, self._fill(name, hint), font)
        lines = wrap(text, font, size, (panel.width - panel.label_x - panel.hint_x) * MM)
        if lines is None or len(lines) > 2:
            raise self._too_long(name, text)
        leading = size * 1.3
        first = base + leading * (len(lines) - 1)
        for index, line in enumerate(lines):
            x = (panel.x + panel.hint_x) * MM
            yield Line(name, line, x, first - index * leading, font, size, 0.35)

    def _one(
        self,
        name: str,
        role: FontRole,
        text: str,
        left: float,
        right: float,
        y: float,
        size: float,
        ink: float,
    ) -> Line:
        """One line in the panel between two distances from its left edge, in millimetres."""
        font, is_code = self._font(role), role == "codes"
        text = text if is_code else self._printable(name, self._fill(name, text), font)
        if width(text, font, size) > (right - left - 2) * MM:
            raise self._too_long(name, None if is_code else text)
        groups = _groups(text) if is_code else ()
        return Line(name, text, (self._layout.file.panel.x + left) * MM, y, font, size, ink, groups)

    def _box(self, name: str, box: Box, paragraphs: Sequence[str], down: float = 0.0) -> Iterator[Line]:
        """Paragraphs in a box, `down` points below its top, in the largest type that fits."""
        font, room, tall = self._font(box.font), box.width * MM, box.height * MM - down
        texts = [text for text in (self._printable(name, text, font) for text in paragraphs) if text]
        size = box.size
        while size >= (box.smallest or box.size):
            leading = box.leading * size / box.size
            broken = [wrap(text, font, size, room) for text in texts]
            lines = [line for part in broken if part is not None for line in part]
            if None not in broken and size * 1.25 + leading * (len(lines) - 1) <= tall:
                top = self._top - box.y * MM - down - size
                for index, line in enumerate(lines):
                    yield Line(name, line, box.x * MM, top - index * leading, font, size, box.ink)
                return
            size -= 0.5
        raise self._too_long(name, " / ".join(texts))

    def _font(self, role: FontRole) -> str:
        return font_name(self._layout.fonts[role])

    def _fill(self, name: str, template: str) -> str:
        return fill(template, self._fields, f"mailer {self._layout.name}, {name}")

    def _printable(self, name: str, text: str, font: str) -> str:
        text = clean(text)
        if character := unprintable(text, font):
            raise TextFault(
                f"{text!r} has the character U+{ord(character):04X}, which the letter's fonts cannot show",
                field=name,
                mailer=self._layout.name,
                next="write it in other letters",
            )
        return text

    def _too_long(self, name: str, text: str | None) -> LayoutError:
        what = f"{text!r} does not fit its place" if text else "does not fit its place"
        return TextFault(what, field=name, mailer=self._layout.name, next="shorten it, or change the layout")


def _groups(code: str) -> tuple[int, ...]:
    """Lengths of the groups of digits that are underlined for the eye; none where hyphens part them."""
    if "-" in code:
        return ()
    size = 4 if len(code) % 4 == 0 else 3
    parts = [size] * (len(code) // size)
    return (*parts, len(code) % size) if len(code) % size else tuple(parts)
