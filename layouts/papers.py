"""The papers of a parcel as data: label, packing list and accompanying letter, in each language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec

from layouts.fields import columns
from layouts.forms import FontRole, Name, Words
from layouts.languages import Translated, need_texts
from layouts.strict import Trail, Wrong

PAPER_FIELDS: frozenset[str] = frozenset(
    {"parcel", "order", "subscriber", "manager", "tokens", "loans", "day", "by"}
)
"""What the texts of papers may name, besides those of their sender."""

SENDER_FIELDS: frozenset[str] = frozenset({"sender", "sender_address", "reply", "help"})

Side = Annotated[float, msgspec.Meta(ge=50, le=500)]
Margin = Annotated[float, msgspec.Meta(ge=3, le=50)]
Paragraph = Annotated[str, msgspec.Meta(max_length=4_000)]


class PaperSender(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who sends; `reply` is the e-mail address acknowledgements go to."""

    name: Name
    address: Name
    reply: Name
    help: Name


class PaperFonts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """TrueType files in a `fonts/` directory; `codes` needs figures that cannot be confused."""

    text: str
    bold: str
    codes: str


class Sheet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sheet of paper, in millimetres."""

    width: Side
    height: Side
    margin: Margin

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 4 * self.margin:
            raise Wrong("margin", "leaves no room on the sheet")


class PaperTexts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All words of the papers in one language; `steps` are what the addressee is asked to do.

    The last step is `letter_follows`, or `letter_came` where the PIN letters left before the tokens (R2).
    """

    list_heading: Words
    letter_heading: Words
    token: Name
    certificate: Name
    serial: Name
    acknowledge: Name
    loan: Name
    device: Name
    due: Name
    packed_by: Name
    greeting: Paragraph
    intro: Paragraph
    steps: Annotated[tuple[Paragraph, ...], msgspec.Meta(max_length=10)]
    letter_follows: Paragraph
    letter_came: Paragraph
    loans: Paragraph
    closing: Paragraph
    subject: Name
    devices: dict[str, Name]

    def __post_init__(self) -> None:
        for trail, template in self.templates():
            try:
                columns(template, PAPER_FIELDS | SENDER_FIELDS)
            except ValueError as error:
                raise Wrong(trail, str(error)) from None

    def templates(self) -> Iterator[tuple[Trail, str]]:
        """Every text that may name fields, with the way to it."""
        for name in (
            "list_heading",
            "letter_heading",
            "greeting",
            "intro",
            "letter_follows",
            "letter_came",
            "loans",
        ):
            yield (name,), getattr(self, name)
        yield ("closing",), self.closing
        yield ("subject",), self.subject
        for index, step in enumerate(self.steps):
            yield ("steps", index), step


class PaperFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of `papers/`, as it is written."""

    title: Name
    sheet: Sheet
    label: Sheet
    fonts: PaperFonts
    sender: PaperSender
    texts: dict[str, PaperTexts]

    def __post_init__(self) -> None:
        need_texts(self.texts)


@dataclass(frozen=True)
class PaperLayout(Translated[PaperTexts]):
    """The layout of papers by its name, with the files of its fonts."""

    file: PaperFile
    fonts: Mapping[FontRole, Path]
    columns: ClassVar[frozenset[str]] = frozenset()
    """No column of an order's row: what is on papers is on record of the parcel."""

    optional_columns: ClassVar[frozenset[str]] = frozenset()

    def texts(self, language: str) -> PaperTexts:
        """The words in a language; raises `UnknownLayout`."""
        return self.texts_in(language, "papers")


@dataclass(frozen=True)
class PaperToken:
    """A token on papers: its number, its certificate's name, its serial, and what acknowledges it."""

    number: str
    certificate: str
    serial: str
    quoted: str


@dataclass(frozen=True)
class PaperLoan:
    """A device on papers: the loan's number, its kind (a key of `devices`), its serial, its last day."""

    number: str
    kind: str
    serial: str
    due: date


@dataclass(frozen=True)
class ParcelContent:
    """What is in a parcel and whom it goes to; `by` is the last day to acknowledge its tokens, `day` that of
    the papers.
    """

    parcel: str
    order: str
    subscriber: str
    manager: str
    address: tuple[str, ...]
    language: str
    day: date
    by: date
    packed_by: str
    tokens: tuple[PaperToken, ...]
    letter_first: bool = False
    loans: tuple[PaperLoan, ...] = ()
