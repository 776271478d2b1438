"""Running numbers of ours behind a letter, such as `P-000001`: none is given twice, nor after a restore."""

from __future__ import annotations

import re

from batch.store import restores
from batch.store.database import Records

NUMBER = re.compile(r"([A-Z])-(\d{6,})")
"""A letter that says what is numbered, and the running number, which is the id of its row."""


def next_id(records: Records, letter: str, table: str) -> tuple[int, str]:
    """The id for the next row of a table (a constant of the caller), and its number."""
    row = records.row(
        f"SELECT max(coalesce(max(id), 0), ?) + 1 FROM {table}", (restores.floor(records, _floor(letter)),)
    )
    id_ = int(row[0]) if row else 1
    return id_, f"{letter}-{id_:06d}"


def never_again(records: Records, number: str) -> None:
    """Never give a number, or one below it, again; what is no such number is left alone."""
    if found := NUMBER.fullmatch(number):
        restores.raise_floor(records, _floor(found[1]), int(found[2]))


def leave_out(records: Records, letter: str, table: str, count: int) -> None:
    """Pass over the next numbers of a table, which may have been given."""
    id_, _ = next_id(records, letter, table)
    restores.raise_floor(records, _floor(letter), id_ - 1 + count)


def _floor(letter: str) -> str:
    return f"number {letter}"
