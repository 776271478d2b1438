"""A multi-part form that was struck without ribbon, taken apart: outer ply, inner ply, carrier strip."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from simulators.impact_printer import Strike

_DOTS = 96
_STOCK, _COATED, _INK, _LINE = (250, 246, 236), (226, 236, 244), (38, 52, 110), (150, 150, 150)
_SCRAMBLE = (168, 164, 156)


@dataclass(frozen=True)
class Area:
    """A rectangle in inches from the form's top left corner."""

    top: Fraction
    bottom: Fraction
    left: Fraction
    right: Fraction

    def holds(self, y: Fraction, x: Fraction) -> bool:
        """Whether a character that begins there lies inside."""
        return self.top <= y < self.bottom and self.left <= x < self.right


@dataclass(frozen=True)
class Stock:
    """Blank forms: their size in inches, and where the outer ply is coated or covers codes."""

    height: Fraction
    width: Fraction
    sealed: Area
    window: Area
    strip: Area


class Form:
    """One form of the stack, counted from 0, with what was struck on it."""

    def __init__(self, stock: Stock, strikes: Iterable[Strike], index: int) -> None:
        self._stock = stock
        top = index * stock.height
        self._strikes = [
            Strike(one.y - top, one.x, one.character)
            for one in strikes
            if top <= one.y < top + stock.height and 0 <= one.x < stock.width
        ]

    def outer(self) -> list[str]:
        """What can be read without opening it, line by line; the strip is off."""
        return _lines(one for one in self._strikes if self._stock.window.holds(one.y, one.x))

    def inner(self) -> list[str]:
        """What can be read once it is open."""
        return _lines(one for one in self._strikes if not self._stock.strip.holds(one.y, one.x))

    def strip(self) -> list[str]:
        """What stays at the desk."""
        return _lines(one for one in self._strikes if self._stock.strip.holds(one.y, one.x))

    def picture(self, font: Path) -> Image.Image:
        """The three parts below one another, in a TrueType font: strip, outer ply, inner ply."""
        stock = self._stock
        wide, tall, cut = (_px(value) for value in (stock.width, stock.height, stock.strip.bottom))
        gap, label = 14, 22
        whole = Image.new("RGB", (wide + 2 * gap, 3 * (gap + label) + 2 * tall - cut + gap), (255, 255, 255))
        draw = ImageDraw.Draw(whole)
        strip, rest = Area(Fraction(0), stock.strip.bottom, Fraction(0), stock.width), stock.height
        body = Area(stock.strip.bottom, rest, Fraction(0), stock.width)
        y = gap
        for title, area, shown, cover in (
            ("carrier strip, stays at the desk", strip, (stock.strip,), False),
            ("outer ply, as it is sent", body, (stock.window,), True),
            ("inner ply, once it is opened", body, (body,), False),
        ):
            draw.text((gap, y), title, fill=(90, 90, 90), font=ImageFont.truetype(font, 13))
            y += label
            whole.paste(self._part(area, shown, cover, ImageFont.truetype(font, 14)), (gap, y))
            draw.rectangle((gap, y, gap + wide - 1, y + _px(area.bottom - area.top) - 1), outline=_LINE)
            y += _px(area.bottom - area.top) + gap
        return whole

    def _part(
        self, area: Area, shown: tuple[Area, ...], cover: bool, font: ImageFont.FreeTypeFont
    ) -> Image.Image:
        part = Image.new("RGB", (_px(area.right - area.left), _px(area.bottom - area.top)), _STOCK)
        draw = ImageDraw.Draw(part)
        if cover:
            for coated in shown:
                draw.rectangle(_box(coated, area), fill=_COATED)
            _scramble(draw, _box(self._stock.sealed, area), font)
        for one in self._strikes:
            if any(place.holds(one.y, one.x) for place in shown):
                at = (_px(one.x - area.left), _px(one.y - area.top))
                for shift in (0, 1):  # struck twice
                    draw.text((at[0] + shift, at[1]), one.character, fill=_INK, font=font)
        return part


def _lines(strikes: Iterable[Strike]) -> list[str]:
    rows: dict[Fraction, list[Strike]] = {}
    for one in strikes:
        rows.setdefault(one.y, []).append(one)
    lines = []
    for _, row in sorted(rows.items()):
        text = ""
        for one in sorted(row, key=lambda one: one.x):
            text = text.ljust(int(one.x * 10)) + one.character
        lines.append(text.strip())
    return lines


def _px(inches: Fraction) -> int:
    return int(inches * _DOTS)


def _box(area: Area, within: Area) -> tuple[int, int, int, int]:
    return (
        _px(area.left - within.left),
        _px(area.top - within.top),
        _px(area.right - within.left) - 1,
        _px(area.bottom - within.top) - 1,
    )


def _scramble(
    draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], font: ImageFont.FreeTypeFont
) -> None:
    """The pattern that such forms are printed with over their codes."""
    chance = random.Random(9564)  # noqa: S311 (a pattern, no secret)
    for y in range(box[1], box[3] - 12, 7):
        for x in range(box[0], box[2] - 8, 7):
            draw.text(
                (x + chance.randrange(3), y), chance.choice("0123456789#%&8"), fill=_SCRAMBLE, font=font
            )
