"""Mailer layouts as data: paper, boxes, fonts, the sealed panel and the texts of each language.

All lengths are millimetres from the top left corner of the page, all type sizes are points, and ink runs
from 0 (black) to 1 (white).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from layouts.fields import ALL_FIELDS, OPTIONAL, columns
from layouts.impact_form import ImpactForm
from layouts.languages import Translated, need_texts
from layouts.strict import Trail, Wrong

Length = Annotated[float, msgspec.Meta(ge=0, le=2000)]
Size = Annotated[float, msgspec.Meta(ge=4, le=200)]
Ink = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Words = Annotated[str, msgspec.Meta(max_length=2000)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
FontRole = Literal["text", "bold", "codes"]
SENDER_FIELDS: frozenset[str] = frozenset({"sender", "sender_address", "revoke", "help"})
"""What texts may name besides the fields of an order row."""


class Paper(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sheet; `folds` are marks at its left edge."""

    width: Annotated[float, msgspec.Meta(ge=50, le=2000)]
    height: Annotated[float, msgspec.Meta(ge=50, le=2000)]
    folds: Annotated[tuple[Length, ...], msgspec.Meta(max_length=8)] = ()


class Fonts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """TrueType files in a `fonts/` directory; `codes` needs figures that cannot be confused."""

    text: str
    bold: str
    codes: str


class Sender(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who sends the letter, where a holder revokes, and who answers questions."""

    name: Name
    address: Name
    revoke: Name
    help: Name


class Box(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place for running text; type shrinks down to `smallest` before a text is refused."""

    x: Length
    y: Length
    width: Length
    height: Length
    size: Size
    leading: Size
    font: FontRole = "text"
    ink: Ink = 0.0
    smallest: Size | None = None

    def __post_init__(self) -> None:
        if self.leading < self.size:
            raise Wrong("leading", "lines would overlap: leading is smaller than size")
        if self.smallest is not None and self.smallest > self.size:
            raise Wrong("smallest", "is larger than size")


class Boxes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every place for text outside the panel; `address` and `return_address` show in the window."""

    letterhead: Box
    return_address: Box
    address: Box
    details_label: Box
    details: Box
    heading: Box
    intro: Box
    seal: Box
    steps_heading: Box
    step_title: Box
    step_text: Box
    footer: Box


class Barcode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The control number as Code 128; `module` is the width of its narrowest bar."""

    x: Length
    y: Length
    width: Length
    height: Length
    module: Annotated[float, msgspec.Meta(ge=0.19, le=1)]


class Panel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sealed panel; a frame of scramble pattern of that width runs around three rows of codes.

    `label_x`, `code_x` and `hint_x` count from the panel's left edge.
    """

    x: Length
    y: Length
    width: Length
    height: Length
    frame: Length
    label_x: Length
    code_x: Length
    hint_x: Length
    label_size: Size
    code_size: Size
    hint_size: Size
    rule_ink: Ink

    def __post_init__(self) -> None:
        if not self.frame <= self.label_x < self.code_x < self.hint_x < self.width - self.frame:
            raise Wrong("label_x", "label, code and hint must stand in that order inside the frame")
        if self.height <= 2 * self.frame:
            raise Wrong("height", "the frame leaves no room for the codes")


class Scramble(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The pattern around the panel: figures of that height and width, at random from a fixed seed."""

    width: Annotated[float, msgspec.Meta(ge=0.5, le=20)]
    height: Annotated[float, msgspec.Meta(ge=0.5, le=20)]
    stroke: Annotated[float, msgspec.Meta(ge=0.05, le=2)]
    inks: Annotated[tuple[Ink, ...], msgspec.Meta(max_length=8)]
    seed: int


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One instruction for first use."""

    title: Words
    text: Words


class Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All words of a letter in one language; `address` lines of empty optional fields are left out."""

    address: Annotated[tuple[Words, ...], msgspec.Meta(max_length=10)]
    specimen: Name
    number: Words
    certificate: Words
    token: Words
    heading: Words
    intro: Words
    seal: Words
    pin: Words
    pin_hint: Words
    puk: Words
    puk_hint: Words
    revocation: Words
    revocation_hint: Words
    steps_heading: Words
    steps: Annotated[tuple[Step, ...], msgspec.Meta(max_length=20)]
    footer: Words

    def __post_init__(self) -> None:
        for trail, template in self.templates():
            known = ALL_FIELDS if trail[0] == "address" else ALL_FIELDS | SENDER_FIELDS
            try:
                columns(template, known)
            except ValueError as error:
                raise Wrong(trail, str(error)) from None

    def templates(self) -> Iterator[tuple[Trail, str]]:
        """Every text with the way to it."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            for index, part in enumerate(value if isinstance(value, tuple) else ()):
                if isinstance(part, Step):
                    yield (name, index, "title"), part.title
                    yield (name, index, "text"), part.text
                else:
                    yield (name, index), part
            if isinstance(value, str):
                yield (name,), value


class MailerFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of `mailers/`, as it is written; `impact` is its form for impact printers."""

    title: Name
    paper: Paper
    fonts: Fonts
    sender: Sender
    boxes: Boxes
    barcode: Barcode
    panel: Panel
    scramble: Scramble
    texts: dict[str, Texts]
    names_certificate: bool = False
    certificate: Words | None = None
    names_token: bool = False
    impact: ImpactForm | None = None

    def __post_init__(self) -> None:
        if self.names_certificate != (self.certificate is not None):
            raise Wrong(
                "names_certificate", "goes with the template `certificate`: give both or neither (R8)"
            )
        try:
            columns(self.certificate or "")
        except ValueError as error:
            raise Wrong("certificate", str(error)) from None
        need_texts(self.texts)
        for name in self.boxes.__struct_fields__:
            self._check_on_paper(("boxes", name), getattr(self.boxes, name))
        self._check_on_paper(("panel",), self.panel)
        self._check_on_paper(("barcode",), self.barcode)

    def _check_on_paper(self, trail: Trail, place: Box | Panel | Barcode) -> None:
        if place.x + place.width > self.paper.width or place.y + place.height > self.paper.height:
            raise Wrong(trail, "reaches over the edge of the paper")


@dataclass(frozen=True)
class MailerLayout(Translated[Texts]):
    """A mailer layout by its name, with the files of its fonts."""

    file: MailerFile
    fonts: Mapping[FontRole, Path]

    @cached_property
    def columns(self) -> frozenset[str]:
        """The order fields this letter cannot do without; `language` chooses its texts."""
        used = self._used()
        return (used - OPTIONAL - SENDER_FIELDS) | {"language"}

    @cached_property
    def optional_columns(self) -> frozenset[str]:
        """The order fields this letter uses where they are filled in."""
        return self._used() & OPTIONAL

    def _used(self) -> frozenset[str]:
        texts = itertools.chain.from_iterable(texts.templates() for texts in self.file.texts.values())
        templates = [template for _, template in texts] + [self.file.certificate or ""]
        return frozenset().union(*(columns(text, ALL_FIELDS | SENDER_FIELDS) for text in templates))
