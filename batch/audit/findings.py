"""What a verification finds wrong with the log."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Kind(enum.StrEnum):
    """What was done to entries, or does not fit."""

    CHANGED = "changed"
    MISSING = "missing"
    ADDED = "added"
    MOVED = "moved"
    HASH = "hash"
    REWRITTEN = "rewritten"
    CHECKPOINT = "checkpoint"
    FACT = "fact"


_TOLD = {
    Kind.CHANGED: ("was changed", "were changed"),
    Kind.MISSING: ("is missing", "are missing"),
    Kind.ADDED: ("was added", "were added"),
    Kind.MOVED: ("was moved", "were moved"),
    Kind.HASH: (
        "has another hash than its text and the entry before give",
        "have other hashes than their texts and the entries before give",
    ),
    Kind.REWRITTEN: ("was changed", "were changed, or some of them"),
}


@dataclass(frozen=True)
class Finding:
    """What was found: of what kind, at which entries (from, to), None where it is at none; and in words."""

    kind: Kind
    first: int | None
    last: int | None
    more: str = ""

    @property
    def what(self) -> str:
        """The finding as a sentence."""
        if self.first is None or self.last is None:
            return self.more
        one = self.first == self.last
        which = f"entry {self.first}" if one else f"entries {self.first} to {self.last}"
        told = f"{which} {_TOLD[self.kind][not one]}"
        return f"{told}: {self.more}" if self.more else told


def merged(kind: Kind, numbers: Iterable[int], more: str = "") -> list[Finding]:
    """One finding for each run of numbers, which are given in order."""
    found: list[Finding] = []
    for number in numbers:
        if found and found[-1].last == number - 1:
            found[-1] = Finding(kind, found[-1].first, number, more)
        else:
            found.append(Finding(kind, number, number, more))
    return found
