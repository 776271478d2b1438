"""Text, tables and codes that flow over as many pages as they take; equal input gives equal bytes.

Nothing is cut: what is too wide for its column is broken over lines. A character that the fonts lack is
shown as one that says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from reportlab import rl_config
from reportlab.pdfgen.canvas import Canvas

from layouts.composition import MM
from layouts.library import SHIPPED
from layouts.qr import draw_qr
from layouts.typesetting import clean, folded, font_name, printable, width

rl_config.useA85 = 0

_WIDE, _TALL = 210.0, 297.0
_MARGIN = 15.0
_LEADING = 1.35

TEXT, BOLD, MONO = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono-Bold.ttf")


@dataclass(frozen=True)
class Column:
    """A column of a table: its width in millimetres, and the font its cells are set in."""

    wide: float
    font: str = TEXT


class Flow:
    """A4 pages, filled from the top; `foot` stands on each, with its number."""

    def __init__(self, file: BinaryIO, *, title: str, author: str, language: str, foot: str) -> None:
        self._canvas = Canvas(
            file,
            pagesize=(_WIDE * MM, _TALL * MM),
            invariant=1,
            pageCompression=1,
            lang=language,
            # reportlab would name Helvetica, which nobody embeds.
            initialFontName=_font(TEXT),  # type: ignore[arg-type] # the stub is wrong
        )
        self._canvas.setTitle(title)
        self._canvas.setAuthor(author)
        self._canvas.setCreator("Issuance Station")
        self._foot = foot
        self.pages = 0
        self._y = 0.0
        self._head: tuple[Sequence[Column], Sequence[str], float] | None = None
        self._begin()

    def heading(self, text: str, size: float = 12.0) -> None:
        """A heading, never alone at the foot of a page; it ends the table before it."""
        self._head = None
        if self._y - 5 * size < _MARGIN * MM:
            self._next()
        self._y -= size * 0.8
        self._line(text, _MARGIN * MM, size, BOLD)
        self._y -= size * 0.3

    def paragraph(self, text: str, size: float = 8.5, font: str = TEXT, *, room: float | None = None) -> None:
        """Text over the whole width, or over `room` millimetres."""
        for part in text.split("\n"):
            for line in _folded(part, font, size, (room or _WIDE - 2 * _MARGIN) * MM):
                self._line(line, _MARGIN * MM, size, font)
        self._y -= size * 0.4

    def pairs(self, pairs: Sequence[tuple[str, str]], label: float = 38.0) -> None:
        """Labels with what they name."""
        columns = (Column(label, BOLD), Column(_WIDE - 2 * _MARGIN - label))
        for pair in pairs:
            self._row(columns, pair, 8.5)
        self._y -= 4

    def table(self, columns: Sequence[Column], headings: Sequence[str], size: float = 7.5) -> None:
        """Begin a table: its headings stand on every page it goes on to."""
        self._head = None
        if self._y - 6 * size < _MARGIN * MM:
            self._next()
        self._head = (columns, headings, size)
        self._headings()

    def row(self, cells: Sequence[str], *, strong: bool = False, rule: bool = False) -> None:
        """A row of the table that was begun last; `strong` in bold, `rule` with a line above it."""
        assert self._head is not None, "rows belong to a table"
        columns, _, size = self._head
        if strong:
            columns = [Column(one.wide, BOLD if one.font == TEXT else one.font) for one in columns]
        self._row(columns, cells, size, rule=rule)

    def under(self, indent: float, label: str, text: str, font: str = TEXT) -> None:
        """A line below a row of the table that was begun last, `indent` millimetres in."""
        assert self._head is not None, "it belongs to a row"
        wide = _WIDE - 2 * _MARGIN - indent - 24
        columns = (Column(indent), Column(24), Column(wide, font))
        self._row(columns, ("", label, text), self._head[2] - 0.5)

    def code(self, text: str, side: float = 45.0) -> None:
        """A QR code of a text, `side` millimetres wide."""
        self._need(side * MM + 6)
        self._y -= side * MM
        draw_qr(self._canvas, text, _MARGIN * MM, self._y, side * MM)
        self._y -= 6

    def gap(self, tall: float) -> None:
        """Leave some points free."""
        self._y -= tall

    def save(self) -> None:
        """End the last page and write the file."""
        self._end()
        self._canvas.save()

    def _row(
        self, columns: Sequence[Column], cells: Sequence[str], size: float, *, rule: bool = False
    ) -> None:
        lines = [
            _folded(cell, column.font, size, (column.wide - 1.5) * MM)
            for column, cell in zip(columns, cells, strict=True)
        ]
        tall = max(map(len, lines))
        self._need(min(tall * size * _LEADING + 8, (_TALL - 4 * _MARGIN) * MM))
        if rule:
            self._y -= 2.5
            self._rule(0.8)
        for index in range(tall):
            if self._y - size * _LEADING < _MARGIN * MM:
                self._next()
            self._y -= size * _LEADING
            left = _MARGIN * MM
            for column, cell in zip(columns, lines, strict=True):
                if index < len(cell) and cell[index]:
                    self._canvas.setFont(_font(column.font), size)
                    self._canvas.drawString(left, self._y, cell[index])
                left += column.wide * MM

    def _headings(self) -> None:
        assert self._head is not None
        columns, headings, size = self._head
        bold = [Column(one.wide, BOLD) for one in columns]
        self._row(bold, headings, size)
        self._y -= 2
        self._rule(0.4)

    def _rule(self, ink: float) -> None:
        self._canvas.setStrokeGray(ink)
        self._canvas.setLineWidth(0.4)
        self._canvas.line(_MARGIN * MM, self._y - 1, (_WIDE - _MARGIN) * MM, self._y - 1)
        self._y -= 2

    def _line(self, text: str, left: float, size: float, font: str) -> None:
        self._need(size * _LEADING)
        self._y -= size * _LEADING
        self._canvas.setFont(_font(font), size)
        self._canvas.drawString(left, self._y, _shown(text, font))

    def _need(self, tall: float) -> None:
        if self._y - tall < _MARGIN * MM:
            self._next()

    def _next(self) -> None:
        self._end()
        self._begin()
        if self._head is not None:
            self._headings()

    def _begin(self) -> None:
        self.pages += 1
        self._y = (_TALL - _MARGIN) * MM

    def _end(self) -> None:
        self._canvas.setFillGray(0.35)
        self._canvas.setFont(_font(TEXT), 7)
        self._canvas.drawString(_MARGIN * MM, 8 * MM, _shown(f"{self._foot} {self.pages}", TEXT))
        self._canvas.setFillGray(0)
        self._canvas.showPage()


@lru_cache(maxsize=8)
def _font(file: str) -> str:
    return font_name(SHIPPED / "fonts" / file)


def _shown(text: str, font: str) -> str:
    return printable(clean(text), _font(font))


@lru_cache(maxsize=20_000)
def _folded(text: str, font: str, size: float, room: float) -> list[str]:
    shown = _shown(text, font)
    if width(shown, _font(font), size) <= room:
        return [shown]
    return folded(shown, _font(font), size, room)
