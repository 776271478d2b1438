"""The one table of a run, on a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

_HEADINGS = ("measured", "result", "work, ms", "compared", "target", "")
_RIGHT = (1, 2)


@dataclass(frozen=True)
class Target:
    """What a row has to reach: `words` for readers, and whether it did."""

    words: str
    met: bool

    @property
    def verdict(self) -> str:
        """Met or not, in words that need no colour."""
        return "met" if self.met else "MISSED"


@dataclass(frozen=True)
class Row:
    """One thing measured; `token` is the work on one token in ms, insertion not counted."""

    measured: str
    result: str
    token: str = ""
    compared: str = ""
    target: Target | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        """All columns as text."""
        goal, verdict = (self.target.words, self.target.verdict) if self.target else ("", "")
        return (self.measured, self.result, self.token, self.compared, goal, verdict)


@dataclass(frozen=True)
class Section:
    """Rows under one heading."""

    title: str
    rows: tuple[Row, ...]


def show(title: str, sections: Sequence[Section], notes: Sequence[str]) -> None:
    """Print the table and its notes."""
    console = Console(highlight=False, width=None if Console().is_terminal else 140)
    table = Table(title=title, title_justify="left")
    for number, heading in enumerate(_HEADINGS):
        table.add_column(heading, justify="right" if number in _RIGHT else "left")
    for section in sections:
        table.add_section()
        table.add_row(f"[bold]{section.title}[/]")
        for row in section.rows:
            style = "red" if row.target and not row.target.met else None
            table.add_row(
                *(f"  {cell}" if not at else cell for at, cell in enumerate(row.cells)), style=style
            )
    console.print(table)
    for note in notes:
        console.print(f"- {note}", markup=False)


def markdown(title: str, sections: Sequence[Section], notes: Sequence[str]) -> str:
    """The same as Markdown."""
    lines = [f"{title}.", "", _line(_HEADINGS)]
    lines.append(_line(["---:" if number in _RIGHT else "---" for number in range(len(_HEADINGS))]))
    for section in sections:
        lines.append(_line([f"**{section.title}**", *[""] * (len(_HEADINGS) - 1)]))
        lines += [_line(row.cells) for row in section.rows]
    return "\n".join([*lines, "", *(f"- {note}" for note in notes), ""])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
