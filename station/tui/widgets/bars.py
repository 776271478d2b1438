"""The two lines at the top of every screen: who works where, and the areas with their keys."""

from __future__ import annotations

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from station.tui.areas import AREAS
from station.tui.words import _


class StationBar(Widget):
    """Station, area, who is logged in, and what the bench is doing."""

    DEFAULT_CSS = "StationBar { height: 1; background: $panel; color: $foreground; padding: 0 1; }"

    left = reactive("")
    right = reactive("")

    def render(self) -> RenderResult:
        room = max(0, self.content_size.width - len(self.right) - 1)
        left = self.left if len(self.left) <= room else self.left[: max(0, room - 1)] + "…"
        return Text(f"{left:<{room}} {self.right}", no_wrap=True)


class AreaBar(Widget):
    """The areas and their keys; the one that is open stands in brackets, for colours tell nothing alone."""

    DEFAULT_CSS = """
    AreaBar { height: 1; background: $surface; color: $foreground; }
    AreaBar > .area--key { color: $accent; text-style: bold; }
    AreaBar > .area--open { text-style: bold reverse; }
    """
    COMPONENT_CLASSES = {"area--key", "area--open"}

    def __init__(self, opened: str) -> None:
        super().__init__()
        self._opened = opened

    def render(self) -> RenderResult:
        full = [(one, _(one.title)) for one in AREAS]
        wide = sum(len(one.key) + len(title) + 1 for one, title in full) + 3
        shown = full if wide <= self.size.width else [(one, _(one.short)) for one in AREAS]
        text = Text(no_wrap=True)
        key, opened = self.get_component_rich_style("area--key"), self.get_component_rich_style("area--open")
        for place, (one, title) in enumerate(shown):
            number = one.key.upper() if place == 0 else one.key.removeprefix("f")
            if one.name == self._opened:
                text.append(f"[{number}{title}]", opened)
            else:
                text.append(number, key)
                text.append(f"{title} ")
        return text
