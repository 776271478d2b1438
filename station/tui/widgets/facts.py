"""Facts about one thing: names on the left, what is known on the right."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text
from textual.widgets import Static

Fact = tuple[str, str | None]
"""A name and what is known; nothing is shown for None."""


class Facts(Static):
    """Shows facts and, below them, lines such as a history."""

    _told: tuple[list[Fact], list[str]] | None = None

    def tell(self, facts: Sequence[Fact], lines: Sequence[str] = ()) -> None:
        """Show these in the place of what was shown; the same is not laid out again."""
        told = list(facts), list(lines)
        if told == self._told:
            return
        self._told = told
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for name, known in facts:
            if known is not None:
                table.add_row(Text(name, style="bold"), Text(known))
        for line in lines:
            table.add_row("", "") if not line else table.add_row(Text("·"), Text(line))
        self.update(table)
