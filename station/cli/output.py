"""Lists for people as a table, for scripts as JSON, for spreadsheets as CSV; all on standard output."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import click

_State = TypeVar("_State", bound=str)

_SET_BY_HAND = 500
"""Rows up to which a terminal gets its columns folded to its width: beyond that it takes minutes."""


def listing(
    rows: Iterable[Mapping[str, Any]],
    columns: Mapping[str, str],
    *,
    as_json: bool,
    empty: str,
    as_csv: bool = False,
) -> int:
    """Print `rows`: all of their keys as JSON, or the keys of `columns` as CSV, or under its headings as a
    table. Returns how many there are; `empty` is said on standard error where there are none.

    As JSON and CSV each row is printed as it comes, so that a hundred thousand need little memory.
    """
    if as_json and as_csv:
        raise click.UsageError("say --json or --csv")
    if as_json:
        return _documents(rows)
    if as_csv:
        return _csv(rows, columns)
    found = list(rows)
    if not found:
        click.echo(empty, err=True)
    elif sys.stdout.isatty() and len(found) <= _SET_BY_HAND:
        _folded(found, columns)
    else:
        _table(found, columns)
    return len(found)


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


def _documents(rows: Iterable[Mapping[str, Any]]) -> int:
    """The same text as `document` of a list of them."""
    count = 0
    for count, row in enumerate(rows, 1):
        text = json.dumps(row, indent=2, ensure_ascii=False, default=str).replace("\n", "\n  ")
        click.echo(f"{'[' if count == 1 else ','}\n  {text}", nl=False)
    click.echo("\n]" if count else "[]")
    return count


def _csv(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> int:
    from batch.tables.formulas import harmless

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow([harmless(_cell(row.get(key))) for key in columns])
        count += 1
    return count


def _cell(value: Any) -> str:
    """A value as a cell of a spreadsheet: nothing for None, several ones parted by spaces."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return " ".join(_cell(one) for one in value)
    if isinstance(value, Mapping):
        return told({name: one for name, one in value.items() if isinstance(one, int)})
    return plain(value)


def _table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """Whole lines, whatever their length."""
    from rich.cells import cell_len

    widths = [cell_len(heading) for heading in columns.values()]
    lines = [list(columns.values())]
    for row in rows:
        lines.append([plain(row.get(key)) for key in columns])
        widths = [max(wide, cell_len(cell)) for wide, cell in zip(widths, lines[-1], strict=True)]
    for line in lines:
        cells = (cell + " " * (wide - cell_len(cell)) for cell, wide in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _folded(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in columns.values():
        table.add_column(Text(heading), overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(row.get(key))) for key in columns))
    Console(highlight=False).print(table)
