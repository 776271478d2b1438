"""Lists for people as a table, for scripts as JSON; both on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import click

_State = TypeVar("_State", bound=str)


def listing(
    rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], *, as_json: bool, empty: str
) -> None:
    """Print `rows`: all of their keys as JSON, or the keys of `columns` under its headings as a table.

    `empty` is said on standard error where there are no rows.
    """
    if as_json:
        document(rows)
    elif not rows:
        click.echo(empty, err=True)
    else:
        _table(rows, columns)


def document(value: Any) -> None:
    """Print one JSON document; what JSON does not know (times, paths, enums) as its text."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def told(counts: Mapping[_State, int], none: str = "none") -> str:
    """Counts by state in words, those of nothing left out, such as `3 printed, 1 void`."""
    return ", ".join(f"{number} {state}" for state, number in counts.items() if number) or none


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun, and its verb where it has one: `1 token is`, `2 tokens are`."""
    return f"{number} {one if number == 1 else many}"


def plain(value: object) -> str:
    """A value as text that cannot move the cursor: `-` for None, marks in place of control characters."""
    if value is None:
        return "-"
    text = ("no", "yes")[value] if isinstance(value, bool) else str(value)
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in columns.values():
        table.add_column(Text(heading), overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(row.get(key))) for key in columns))
    # A pipe gets whole lines, whatever their length.
    Console(width=None if sys.stdout.isatty() else 10_000, highlight=False).print(table)
