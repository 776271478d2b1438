"""The columns that a kind of table may have, found by the names that people give them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from batch.tables.values import Check, unaccented

_LONGEST_HEADER = 100
"""Characters of a header that may be one of ours; normalising a heap of marks takes its square."""


@dataclass(frozen=True)
class Column:
    """One column: its name, the check of a filled cell, what to write in it, and other names it may have."""

    name: str
    check: Check
    meaning: str
    synonyms: tuple[str, ...] = ()


class ColumnSet:
    """The columns of a kind of table, `what` with its article; those of `always` stand in every one."""

    def __init__(self, what: str, columns: Sequence[Column], always: Sequence[str]) -> None:
        self.what, self.always = what, always
        self.by_name = {column.name: column for column in columns}
        self._by_header = {name: column for column in columns for name in (column.name, *column.synonyms)}

    def find(self, header: str) -> Column | None:
        """The column a header names, in any case and by any synonym; None where it names none."""
        return self._by_header.get(_folded(header)) if len(header) <= _LONGEST_HEADER else None

    def nearest(self, header: str) -> str | None:
        """The canonical name that a mistyped header was most likely meant to be, None where none is near."""
        near = difflib.get_close_matches(_folded(header[:40]), self._by_header, n=1)
        return self._by_header[near[0]].name if near else None


def _folded(header: str) -> str:
    return "_".join(re.split(r"[\s._-]+", unaccented(header).casefold().strip()))
