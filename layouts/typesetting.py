"""Type on a page: fonts, which characters can be printed, and how lines break."""

from __future__ import annotations

import functools
import unicodedata
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from layouts.errors import LayoutError

_LTR = frozenset({"L", "EN", "ES", "ET", "CS", "WS", "ON", "BN"})
"""Bidirectional classes that need no reordering (UAX #9)."""

_UNKNOWN = "?"
"""Stands for a character that a font cannot show."""


@functools.cache
def font_name(path: Path) -> str:
    """Register a TrueType file once in this process; the name reportlab knows it by. Raises `LayoutError`."""
    name = str(path)
    try:
        pdfmetrics.registerFont(TTFont(name, name, asciiReadable=False))
    except (TTFError, OSError) as error:
        raise LayoutError(f"cannot be used as a font: {error}", where=name) from None
    # reportlab trusts the tables of a font; one that lies trips it in any way.
    except Exception as error:
        raise LayoutError(f"cannot be used as a font: {type(error).__name__}", where=name) from None
    return name


@functools.cache
def _glyphs(name: str) -> frozenset[int]:
    font = pdfmetrics.getFont(name)
    assert isinstance(font, TTFont), "only font_name makes names"
    return frozenset(font.face.charToGlyph)


def clean(text: str) -> str:
    """Composed characters (NFC) and single spaces: what is printed of a text."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def unprintable(text: str, name: str) -> str | None:
    """The first character the font cannot show by itself, left to right; None where all are fine."""
    glyphs = _glyphs(name)
    # reportlab's map back to Unicode is wrong beyond the basic plane: no one could read such a page back.
    for character in text:
        simple = unicodedata.category(character)[0] in "LNPS" or character == " "
        if (
            not simple
            or ord(character) > 0xFFFF
            or ord(character) not in glyphs
            or unicodedata.bidirectional(character) not in _LTR
        ):
            return character
    return None


def width(text: str, name: str, size: float) -> float:
    """The width of a text in points."""
    return float(pdfmetrics.stringWidth(text, name, size))


def wrap(text: str, name: str, size: float, room: float) -> list[str] | None:
    """The text in lines of at most `room` points, broken at spaces; None where a word is wider than that."""
    lines: list[str] = []
    space, used = width(" ", name, size), 0.0
    for word in text.split(" "):
        wide = width(word, name, size)
        if wide > room:
            return None
        if lines and used + space + wide <= room:
            lines[-1] += f" {word}"
            used += space + wide
        else:
            lines.append(word)
            used = wide
    return lines


def folded(text: str, name: str, size: float, room: float) -> list[str]:
    """The text in lines of at most `room` points; a word that is wider is broken anywhere, never cut."""
    lines = wrap(text, name, size, room)
    if lines is not None:
        return lines or [""]
    found = [""]
    for word in text.split(" "):
        start = f"{found[-1]} " if found[-1] else ""
        if width(start + word, name, size) <= room:
            found[-1] = start + word
            continue
        if found[-1]:
            found.append("")
        for letter in word:
            if found[-1] and width(found[-1] + letter, name, size) > room:
                found.append("")
            found[-1] += letter
    return found


def printable(text: str, name: str) -> str:
    """The text with a mark in the place of what the font cannot show."""
    while (character := unprintable(text, name)) is not None:
        text = text.replace(character, _UNKNOWN)
    return text
