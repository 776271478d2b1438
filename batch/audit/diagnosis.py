"""Which entries were changed, added, removed or moved, judged by leaf hashes that a signature covers.

Whoever edits the log can compute its chain anew, and give entries other numbers; the signed leaves stay.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from itertools import chain

from batch.audit.chain import canonical, facts_of
from batch.audit.findings import Finding, Kind, merged
from batch.audit.merkle import SIZE, leaf_hash
from batch.model.events import Entry

_REACH = 32
"""How far around its place an entry with another number is looked for."""


def diagnose(entries: Callable[[], Iterable[Entry]], leaves: bytes) -> list[Finding]:
    """What was done to the first entries of a log, whose `leaves` are known; later entries are let pass.

    `entries` gives all of them, in the order of their numbers, each time it is called.
    """
    signed = _Signed(leaves)
    # An entry in its own place is itself, whatever copies of it stand elsewhere.
    in_place = {entry.sequence for entry in entries() if signed.holds(entry.sequence, entry.body)}
    places: list[tuple[int, int]] = []
    unknown: list[int] = []
    shift = before = 0
    for entry in entries():
        row = entry.sequence
        origin = row if row in in_place else signed.take(entry, (row - shift, row - before))
        if origin is None:
            unknown.append(row)
        else:
            places.append((row, origin))
            shift, before = row - origin, shift
    kept = _in_order(places)
    changed, added = _placed(unknown, kept, signed)
    moved = sorted(set(places).difference(kept))
    renumbered = any(row != origin for row, origin in kept)
    more = "the entries behind were given other numbers" if renumbered else ""
    return [
        *merged(Kind.CHANGED, changed),
        *merged(Kind.MISSING, signed.left(), more),
        *merged(Kind.ADDED, added, more),
        *(Finding(Kind.MOVED, origin, origin, f"it stands in place {row}") for row, origin in moved),
    ]


def _placed(unknown: list[int], kept: list[tuple[int, int]], signed: _Signed) -> tuple[list[int], list[int]]:
    """Of rows nobody signed as they are: the numbers of those that were changed, and the rows put in.

    A row stands for the signed entry that is as far behind the last one in its place as the row is. What
    comes after all that was signed is younger.
    """
    changed: list[int] = []
    added: list[int] = []
    rows = [row for row, _ in kept]
    for row in unknown:
        at = bisect_left(rows, row)
        behind = kept[at - 1] if at else (0, 0)
        origin = behind[1] + row - behind[0]
        if origin < (kept[at][1] if at < len(kept) else signed.size + 1) and signed.release(origin):
            changed.append(origin)
        elif at < len(kept):
            added.append(row)
    return changed, added


class _Signed:
    """The leaves that were signed, each taken by at most one entry."""

    def __init__(self, leaves: bytes) -> None:
        self.size = len(leaves) // SIZE
        self._leaves = leaves
        self._free = bytearray(b"\x01" * (self.size + 1))
        self._free[0] = 0

    def holds(self, number: int, body: str) -> bool:
        """Whether a text was signed under a number that nobody took; takes it."""
        if not 0 < number <= self.size or not self._free[number]:
            return False
        if self._leaves[(number - 1) * SIZE : number * SIZE] != leaf_hash(body.encode("utf-8", "replace")):
            return False
        self._free[number] = 0
        return True

    def take(self, entry: Entry, guesses: tuple[int, int]) -> int | None:
        """The number under which an entry was signed: its own, or one near `guesses` if it was renumbered."""
        facts = facts_of(entry)
        number = facts.get("n")
        if isinstance(number, int) and self.holds(number, entry.body):
            return int(number)
        if not facts:
            return None
        around = range(max(1, guesses[0] - _REACH), min(self.size, guesses[0] + _REACH) + 1)
        for guess in chain(guesses, around):
            if self.holds(guess, canonical({**facts, "n": guess})):
                return guess
        return None

    def release(self, number: int) -> bool:
        """Whether nobody took this number; nobody will."""
        free = 0 < number <= self.size and bool(self._free[number])
        if free:
            self._free[number] = 0
        return free

    def left(self) -> Iterable[int]:
        """The numbers nobody took."""
        return (number for number in range(1, self.size + 1) if self._free[number])


def _in_order(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """As many of the places as can be so that their origins are in order."""
    ends: list[int] = []
    tails: list[int] = []
    previous: list[int] = []
    for index, (_, origin) in enumerate(places):
        at = bisect_left(ends, origin)
        previous.append(tails[at - 1] if at else -1)
        ends[at : at + 1], tails[at : at + 1] = [origin], [index]
    kept = []
    index = tails[-1] if tails else -1
    while index >= 0:
        kept.append(places[index])
        index = previous[index]
    return kept[::-1]
