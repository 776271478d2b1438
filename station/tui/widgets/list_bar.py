"""Which lists an area has, and which of them is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text
from textual.app import RenderResult
from textual.widget import Widget

from station.tui.words import _


class ListBar(Widget):
    """One line of titles; that of the list that is shown stands in brackets."""

    DEFAULT_CSS = """
    ListBar { height: 1; padding: 0 1; }
    ListBar > .list-bar--shown { text-style: bold reverse; }
    ListBar > .list-bar--hint { text-style: italic; }
    """
    COMPONENT_CLASSES = {"list-bar--shown", "list-bar--hint"}

    def __init__(self, lists: Sequence[tuple[str, str]], shown: str) -> None:
        """`lists` are names and titles; `shown` is a name."""
        super().__init__()
        self._lists, self._shown = tuple(lists), shown
        self._told: Mapping[str, str] = {}

    def tell(self, shown: str, told: Mapping[str, str]) -> None:
        """Which list is shown, and what is told behind the titles by name, such as how many wait."""
        self._shown, self._told = shown, {**self._told, **told}
        self.refresh()

    def render(self) -> RenderResult:
        text = Text(no_wrap=True)
        for name, title in self._lists:
            told = f"{_(title)} {self._told.get(name, '')}".rstrip()
            if name == self._shown:
                text.append(f"[{told}]", self.get_component_rich_style("list-bar--shown"))
            else:
                text.append(f" {told} ")
            text.append("  ")
        text.append(_("v shows the next"), self.get_component_rich_style("list-bar--hint"))
        return text
