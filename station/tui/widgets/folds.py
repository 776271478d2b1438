"""What is known of one thing in sections that fold: short ones open, long ones a key away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Collapsible, Static

from station.tui.widgets.facts import Fact, Facts


@dataclass(frozen=True)
class Section:
    """Lines under a title; `name` is what it is known by, and nothing is shown of one without lines."""

    name: str
    title: str
    lines: tuple[str, ...]


class Folds(VerticalScroll):
    """Facts that are always seen, and below them sections of names that are known beforehand."""

    def __init__(self, names: Sequence[str], *, opened: Sequence[str] = (), id: str | None = None) -> None:
        super().__init__(id=id, classes="details")
        self._names, self._opened = tuple(names), frozenset(opened)
        self._about = ""
        self._told: Mapping[str, Section] | None = None

    def compose(self) -> ComposeResult:
        yield Facts(classes="folds--facts")
        for name in self._names:
            yield Collapsible(
                Static(classes="folds--lines"), id=f"fold-{name}", collapsed=name not in self._opened
            )

    def on_mount(self) -> None:
        """There is nothing to show yet."""
        self.tell("", ())

    def tell(self, about: str, facts: Sequence[Fact], sections: Sequence[Section] = ()) -> None:
        """Show this; of another thing than before (`about`) from its beginning."""
        self.query_one(Facts).tell(facts)
        given = {one.name: one for one in sections}
        if given != self._told:
            self._told = given
            self._fold(given)
        if about != self._about:
            self._about = about
            self.scroll_home(animate=False)

    def _fold(self, given: Mapping[str, Section]) -> None:
        for name in self._names:
            fold, section = self.query_one(f"#fold-{name}", Collapsible), given.get(name)
            fold.display = section is not None and bool(section.lines)
            if section is not None:
                fold.title = f"{section.title} ({len(section.lines)})"
                fold.query_one(".folds--lines", Static).update(_lines(section.lines))


def _lines(lines: Sequence[str]) -> Text:
    return Text("\n".join(lines))
