"""Words in the largest type that the room allows: an instruction is to be read from the reader's side."""

from __future__ import annotations

from functools import lru_cache

from pyfiglet import Figlet
from rich.text import Text
from textual.geometry import Size
from textual.widget import Widget

_FONTS = ("big", "standard", "small")
"""From large to small; what none of them fits stands as it is written."""

_CAPITALS = "future"
"""Smaller still, but its small letters look like capitals."""

_BLANK = 2
"""Lines of a letter's height that may be empty in all letters of a text, and are not drawn then."""


class LargeText(Widget):
    """One instruction, as large as its width and height allow."""

    DEFAULT_CSS = "LargeText { height: 1fr; content-align: center middle; text-style: bold; }"

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._text = text

    @property
    def text(self) -> str:
        """The instruction."""
        return self._text

    @text.setter
    def text(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.refresh()

    def render(self) -> Text:
        return Text(largest(self._text, self.content_size), no_wrap=False, justify="center")


def largest(text: str, room: Size, *, as_written: bool = False) -> str:
    """A text in the largest letters that fit a room, its own letters where none does.

    `as_written`: a small letter has to look like one, because it is a key.
    """
    for font in _FONTS if as_written else (*_FONTS, _CAPITALS):
        if _figlet(font, room.width).Font.height - _BLANK > room.height:
            continue
        drawn = _drawn(text, font, room.width)
        lines = drawn.splitlines()
        if drawn and len(lines) <= room.height and max(map(len, lines)) <= room.width:
            return drawn
    return text


@lru_cache(maxsize=256)
def _drawn(text: str, font: str, width: int) -> str:
    """A text as lines of letters of a font; empty where the font lacks one of its letters."""
    if not text.isascii() or width < 10:
        return ""
    lines = _figlet(font, width).renderText(text).splitlines()
    block = [line.rstrip() for line in lines]
    while block and not block[-1]:
        block.pop()
    while block and not block[0]:
        block.pop(0)
    wide = max(map(len, block), default=0)
    return "\n".join(line.ljust(wide) for line in block)


@lru_cache(maxsize=64)
def _figlet(font: str, width: int) -> Figlet:
    """Letters of a font, read from their file once."""
    return Figlet(font=font, width=width, justify="left")
