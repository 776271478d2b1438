"""A widget of lines, of which only those that changed are drawn again."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

_BOLD = Style(bold=True)
_PLAIN = Style(bold=False)


class Line(NamedTuple):
    """A line as it stands, in the widget's colours."""

    text: str
    bold: bool = False


class Lines(Widget):
    """Subclasses tell their lines, and call `tell` when those may have changed.

    Sixteen lanes change a few lines a second: to draw whole panels for them would keep keys waiting.
    """

    ALLOW_SELECT = False

    _told: Sequence[Line] = ()

    @abstractmethod
    def lines_for(self, room: Size) -> Sequence[Line]:
        """The lines in a room of columns and lines."""

    def tell(self) -> None:
        """Show what there is to be told."""
        room = self.content_size
        before, self._told = self._told, self.lines_for(room)
        longest = max(len(before), len(self._told))
        changed = [at for at in range(longest) if _at(before, at) != _at(self._told, at)]
        if changed:
            self.refresh(*(Region(0, at, room.width, 1) for at in changed))

    def on_resize(self, _event: events.Resize) -> None:
        """What there is room for is told."""
        self.tell()

    def render_line(self, y: int) -> Strip:
        line = _at(self._told, y)
        style = self.visual_style.rich_style
        strip = Strip([Segment(line.text, style + (_BOLD if line.bold else _PLAIN))])
        return strip.adjust_cell_length(self.content_size.width, style)


def _at(lines: Sequence[Line], place: int) -> Line:
    return lines[place] if place < len(lines) else Line("")
