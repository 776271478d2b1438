"""A line of a table, its cells side by side.

Textual lays out each cell as a page of its own, which takes ten times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip


def table_line(
    console: Console, row: int, cells: Sequence[tuple[Text, int]], style: Style, over: Style, padding: int
) -> Strip:
    """The line of a row (-1: the headings), of cells of one style each, with their widths in characters.

    `style` lies under that of a cell, `over` above it; of its width, `padding` on either side stays blank.
    """
    segments: list[Segment] = []
    for column, (text, width) in enumerate(cells):
        at = _at(row, column)
        own = console.get_style(text.style) if text.style else Style.null()
        plain = text.plain.partition("\n")[0].expandtabs()
        content = Strip([Segment(plain, style + own + over + at)]).adjust_cell_length(
            width - 2 * padding, style + at
        )
        space = Segment(" " * padding, style + at)
        segments += (space, *content, space)
    return Strip(segments)


@lru_cache(maxsize=4096)
def _at(row: int, column: int) -> Style:
    """Where a cell is, for the mouse."""
    return Style.from_meta({"row": row, "column": column})
