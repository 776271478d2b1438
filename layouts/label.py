"""Labels as data, and where everything on one stands: what a label printer and a sheet both draw.

Lengths are millimetres from the top left corner of the label, type sizes points.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from reportlab.graphics.barcode.code128 import Code128

from layouts.composition import MM
from layouts.errors import TextFault
from layouts.fields import columns, fill
from layouts.forms import FontRole, Name
from layouts.papers import PaperFonts
from layouts.scans import Kind, content
from layouts.strict import Wrong
from layouts.typesetting import clean, folded, font_name, unprintable, wrap

LABEL_FIELDS: Mapping[str, frozenset[str]] = {
    "parcel": frozenset({"parcel", "order", "subscriber", "manager", "address"}),
    "token": frozenset({"number", "order", "subscriber", "certificate", "serial"}),
}
"""What the label of a parcel and that of a token may name; never a code (R15)."""

_LINE = 1.25
"""Height of a line in sizes of its type."""

_QUIET = 10
"""Modules without ink on both sides of a bar code (ISO/IEC 15417)."""

Millimetres = Annotated[float, msgspec.Meta(ge=10, le=500)]
Gap = Annotated[float, msgspec.Meta(ge=0, le=100)]
Count = Annotated[int, msgspec.Meta(ge=1, le=50)]


class LabelLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text below the one before, over as many lines as it takes; `after` is the space below it."""

    text: Name
    size: Annotated[float, msgspec.Meta(ge=4, le=60)] = 9.0
    role: FontRole = "text"
    after: Gap = 0.6


_KINDS = {"{number}": Kind.LETTER, "{serial}": Kind.TOKEN}
"""What the bar code of a token's label is of, by what stands there."""


class Barcode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Code 128 at the foot of the label, its text below it; `module` is the narrowest bar.

    A token's number or serial is coded as `layouts.scans` has it, where there is room for that.
    """

    text: Name
    height: Annotated[float, msgspec.Meta(ge=3, le=60)] = 10.0
    module: Annotated[float, msgspec.Meta(ge=0.19, le=1.0)] = 0.375
    size: Annotated[float, msgspec.Meta(ge=4, le=30)] = 9.0


class LabelSheet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sheets that bear several labels: the first at `left` and `top`, the others at the pitches."""

    width: Millimetres
    height: Millimetres
    columns: Count
    rows: Count
    left: Gap
    top: Gap
    pitch_x: Millimetres
    pitch_y: Millimetres


class LabelFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of `labels/`, as it is written."""

    title: Name
    of: Literal["parcel", "token"]
    width: Millimetres
    height: Millimetres
    margin: Annotated[float, msgspec.Meta(ge=1, le=20)]
    fonts: PaperFonts
    lines: Annotated[tuple[LabelLine, ...], msgspec.Meta(max_length=20)]
    barcode: Barcode
    sheet: LabelSheet

    def __post_init__(self) -> None:
        for index, line in enumerate(self.lines):
            self._check(("lines", index, "text"), line.text)
        self._check(("barcode", "text"), self.barcode.text)
        if min(self.width, self.height) < 4 * self.margin:
            raise Wrong("margin", "leaves no room on the label")
        sheet = self.sheet
        if (sheet.columns > 1 and sheet.pitch_x < self.width) or (
            sheet.rows > 1 and sheet.pitch_y < self.height
        ):
            raise Wrong("sheet", "its labels overlap")
        right = sheet.left + (sheet.columns - 1) * sheet.pitch_x + self.width
        bottom = sheet.top + (sheet.rows - 1) * sheet.pitch_y + self.height
        if right > sheet.width + 0.01 or bottom > sheet.height + 0.01:
            raise Wrong("sheet", f"its labels reach to {right:g} x {bottom:g} mm, beyond its edge")

    def _check(self, trail: tuple[str | int, ...], template: str) -> None:
        try:
            columns(template, LABEL_FIELDS[self.of])
        except ValueError as error:
            raise Wrong(trail, str(error)) from None


@dataclass(frozen=True)
class LabelLayout:
    """The layout of a label by its name, with the files of its fonts."""

    name: str
    file: LabelFile
    fonts: Mapping[FontRole, Path]
    columns: ClassVar[frozenset[str]] = frozenset()
    """No column of an order's row: what is on a label is on record of the parcel or token."""

    optional_columns: ClassVar[frozenset[str]] = frozenset()

    @property
    def title(self) -> str:
        """What it is for, in words."""
        return self.file.title


@dataclass(frozen=True)
class Text:
    """One line: the left end of its baseline, its font's file, its size in points."""

    text: str
    x: float
    y: float
    font: Path
    size: float


@dataclass(frozen=True)
class Bars:
    """A bar code: its left upper corner, its height, and which of its `modules` are ink."""

    x: float
    y: float
    height: float
    module: float
    modules: tuple[bool, ...]


@dataclass(frozen=True)
class Label:
    """One label, composed: its size and all that stands on it."""

    width: float
    height: float
    texts: tuple[Text, ...]
    bars: Bars


def compose(layout: LabelLayout, values: Mapping[str, str | tuple[str, ...]]) -> Label:
    """A label with its fields filled in; a field of several lines takes a line of the layout for itself.

    Nothing is cut: raises `TextFault` for what does not fit or cannot be printed, `FieldFault`.
    """
    return _Composer(layout, values).label()


@dataclass
class _Composer:
    layout: LabelLayout
    values: Mapping[str, str | tuple[str, ...]]

    def label(self) -> Label:
        file = self.layout.file
        code = file.barcode
        number = self._filled(code.text)[0]
        foot = file.height - file.margin
        top = foot - code.size * _LINE / MM - code.height
        texts = [*self._running(top)]
        bars = self._bars(number, top)
        texts.append(self._line(number, "codes", code.size, bars.x, foot))
        return Label(file.width, file.height, tuple(texts), bars)

    def _running(self, until: float) -> Iterator[Text]:
        file, y = self.layout.file, self.layout.file.margin
        for line in file.lines:
            for text in self._filled(line.text):
                for part in self._wrapped(text, line):
                    y += line.size * _LINE / MM
                    if y > until:
                        raise self._fault(text, "does not fit above the bar code", "give it a smaller size")
                    yield self._line(part, line.role, line.size, file.margin, y - 0.25 * line.size / MM)
            y += line.after

    def _wrapped(self, text: str, line: LabelLine) -> list[str]:
        font, room = font_name(self.layout.fonts[line.role]), self._room()
        return wrap(text, font, line.size, room) or folded(text, font, line.size, room)

    def _room(self) -> float:
        return (self.layout.file.width - 2 * self.layout.file.margin) * MM

    def _bars(self, text: str, y: float) -> Bars:
        code = self.layout.file.barcode
        kind = _KINDS.get(code.text.strip()) if self.layout.file.of == "token" else None
        for said in (content(kind, text), text) if kind is not None else (text,):
            modules = _code128(said)
            wide = (len(modules) + 2 * _QUIET) * code.module
            if wide <= self.layout.file.width:
                break
        else:
            raise self._fault(text, f"makes a bar code of {wide:.0f} mm", "give it a smaller module")
        x = max(self.layout.file.margin, _QUIET * code.module)
        return Bars(x, y, code.height, code.module, modules)

    def _line(self, text: str, role: FontRole, size: float, x: float, y: float) -> Text:
        font = self.layout.fonts[role]
        if character := unprintable(text, font_name(font)):
            what = f"has U+{ord(character):04X}, which the label's fonts cannot show"
            raise self._fault(text, what, "name another font")
        return Text(text, x, y, font, size)

    def _filled(self, template: str) -> list[str]:
        """The texts of a template: one, or as many as the several lines of the field it is."""
        named = columns(template, LABEL_FIELDS[self.layout.file.of])
        several = {name: value for name, value in self.values.items() if isinstance(value, tuple)}
        if template.strip() in {f"{{{name}}}" for name in named & several.keys()}:
            return [clean(one) for one in several[next(iter(named))] if one.strip()]
        joined = {
            name: value if isinstance(value, str) else ", ".join(value) for name, value in self.values.items()
        }
        return [clean(fill(template, joined, f"label {self.layout.name}"))]

    def _fault(self, text: str, what: str, hint: str) -> TextFault:
        return TextFault(f"{text!r} {what}", field="label", mailer=self.layout.name, next=hint)


def _code128(text: str) -> tuple[bool, ...]:
    """The modules of a text in Code 128 (ISO/IEC 15417), from the first bar to the last."""
    code: Any = Code128(text, quiet=False)
    code.validate()
    code.encode()
    code.decompose()
    return tuple(_runs(code.decomposed))


def _runs(widths: Iterable[str]) -> Iterator[bool]:
    """Bars are capital letters, spaces small ones: A and a are one module, B and b two."""
    for width in widths:
        yield from [width.isupper()] * (ord(width.upper()) - ord("A") + 1)
