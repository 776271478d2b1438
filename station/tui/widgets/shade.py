"""What lies beneath a dialog: still to be read, in one colour."""

from __future__ import annotations

from collections.abc import Iterable

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.renderables.background_screen import BackgroundScreen

_STRENGTH = 0.4
"""How much of its colour a letter has."""


class Shade(BackgroundScreen):
    """Lines of one colour: to mix every colour beneath with the dialog's takes longer than to draw it."""

    @classmethod
    def process_segments(cls, segments: Iterable[Segment], color: Color) -> Iterable[Segment]:
        ground = color.with_alpha(1.0)
        letters = ground.blend(ground.get_contrast_text(), _STRENGTH)
        style = Style.from_color(letters.rich_color, ground.rich_color)
        line: list[str] = []
        for segment in segments:
            if segment.text == "\n":
                yield from (Segment("".join(line), style), segment)
                line.clear()
            else:
                line.append(segment.text)
        yield Segment("".join(line), style)
