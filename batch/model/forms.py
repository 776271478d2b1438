"""Numbered forms of a printer's stock, by the numbers that stand on them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from batch.model.errors import FaultyValue
from batch.model.scans import plain
from batch.model.states import FormState
from layouts.scans import Kind

_NUMBER = re.compile(r"([A-Z0-9./-]*?)(\d{1,12})")


MOST_NAMED = 10_000
"""Forms named at once."""


@dataclass(frozen=True, order=True)
class FormNumber:
    """The number on a form: a `series` such as `A-`, and a `place` in it of `width` digits."""

    series: str
    width: int
    place: int

    @classmethod
    def read(cls, text: str) -> FormNumber:
        """The number a person or a scanner read; raises `FaultyValue` for what is none."""
        text = plain(text, Kind.FORM)
        match = _NUMBER.fullmatch(text.strip().upper()) if text.isascii() else None
        if match is None or len(match[1]) > 12:
            raise FaultyValue(
                "is no form number: at most 12 letters, and digits at the end",
                where=f"form {text.strip()[:40]!r}",
                next="read it from the form",
            )
        return cls(match[1], len(match[2]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.series}{self.place:0{self.width}d}"

    def after(self, count: int) -> FormNumber:
        """The number so many further on."""
        return FormNumber(self.series, self.width, self.place + count)


@dataclass(frozen=True)
class FormRange:
    """Forms that a printer's stock received at once: from `first` to `last`, both in it."""

    id: int
    printer: str
    first: FormNumber
    last: FormNumber
    received_at: datetime
    received_by: str
    delivery: str | None

    @property
    def count(self) -> int:
        """How many there were."""
        return self.last.place - self.first.place + 1


@dataclass(frozen=True)
class Form:
    """One form and what became of it; `letter` is the number of the letter that was printed on it."""

    number: FormNumber
    printer: str
    state: FormState
    letter: str | None = None
    since: datetime | None = None
    operator: str | None = None
    witness: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class FormBalance:
    """The forms of a printer, or of all, reconciled (R14).

    `skipped` of those in stock have a number before one that was used.
    """

    received: int
    states: Mapping[FormState, int]
    skipped: int

    @property
    def holds(self) -> bool:
        """Whether every form is accounted for: none is missing, and none was passed over."""
        return not self.states[FormState.MISSING] and not self.skipped

    def __str__(self) -> str:
        parts = [f"{count} {str(state).replace('-', ' ')}" for state, count in self.states.items() if count]
        return f"{self.received} received = {' + '.join(parts) or '0'}"


def spans(numbers: Iterable[FormNumber]) -> list[str]:
    """Numbers as the log has them: runs as `A-0001..A-0010`, others alone."""
    runs: list[list[FormNumber]] = []
    for number in sorted(numbers):
        if runs and runs[-1][-1].after(1) == number and len(runs[-1]) < MOST_NAMED:
            runs[-1].append(number)
        else:
            runs.append([number])
    return [str(run[0]) if len(run) == 1 else f"{run[0]}..{run[-1]}" for run in runs]


def named(text: str) -> list[FormNumber]:
    """The form numbers of `A-0001` or `A-0001..A-0010`; raises `FaultyValue`."""
    begin, dots, end = text.partition("..")
    first = FormNumber.read(begin)
    last = FormNumber.read(end) if dots else first
    count = last.place - first.place + 1
    if (first.series, first.width) != (last.series, last.width) or not 0 < count <= MOST_NAMED:
        raise FaultyValue("is no range of forms", where=f"form {text}", next="such as A-0001..A-0010")
    return [first.after(more) for more in range(count)]
