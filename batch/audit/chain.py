"""The audit chain: every event is hashed over its canonical text and the hash before it (R37, R39)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime

from batch.audit.findings import Finding, Kind
from batch.model.events import Entry, Event

CLOCK_CONFIRMED = "clock.confirmed"
"""The event by which somebody answers for a clock that is behind the log."""

GENESIS = bytes(32)
"""What the first entry follows."""


def append(head: Entry | None, event: Event, at: datetime) -> Entry:
    """The entry that follows `head`; `at` is UTC, with microseconds; it may be before that of `head`."""
    sequence = head.sequence + 1 if head else 1
    facts = {
        "n": sequence,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "event": event.name,
        "operator": event.operator,
        "order": event.order,
        "item": event.item,
        "seat": event.seat,
        "token": event.token,
        "detail": event.detail,
    }
    if head and at < latest(head) and event.name != CLOCK_CONFIRMED:
        facts["latest"] = latest(head).isoformat(timespec="microseconds")
    known = {key: value for key, value in facts.items() if value is not None}
    return _entry(head.hash if head else GENESIS, sequence, canonical(known))


def latest(entry: Entry) -> datetime:
    """The latest time that an entry, or one before it, has; long ago where its text does not tell."""
    facts = facts_of(entry)
    return moment_of(facts.get("latest", facts.get("at"))) or datetime.min.replace(tzinfo=UTC)


def moment_of(text: object) -> datetime | None:
    """A moment as entries have it, None for what is none."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None


def canonical(facts: dict[str, object]) -> str:
    """The canonical text of an entry: JSON with sorted names and no spaces."""
    return json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def facts_of(entry: Entry) -> dict[str, object]:
    """What an entry tells; empty where its text is none of ours."""
    try:
        facts = json.loads(entry.body)
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def follows(previous: Entry | None, entry: Entry) -> bool:
    """Whether an entry is linked to the one before it, None before the first."""
    link = _entry(previous.hash if previous else GENESIS, entry.sequence, entry.body)
    return entry == link and entry.sequence == (previous.sequence + 1 if previous else 1)


def linked(before: bytes, entry: Entry) -> bool:
    """Whether an entry's hash is over its text and the hash before it."""
    return entry == _entry(before, entry.sequence, entry.body)


class Chain:
    """Follows the chain through entries in the order of their numbers, and keeps where it does not hold."""

    def __init__(self, after: Entry | None = None) -> None:
        """Before the first entry, or behind `after`."""
        self.findings: list[Finding] = []
        self._previous = after
        self._suspect: Entry | None = None
        """The entry before, as it would be if only its hash had been changed."""
        self._unsure = False
        """Whether the entry before stands in another's place, so that nothing links to it."""

    def add(self, entry: Entry, number: object) -> None:
        """The next entry; `number` is the one in its text."""
        previous, expected = self._previous, self._previous.sequence + 1 if self._previous else 1
        before = previous.hash if previous else GENESIS
        self._previous, suspect, self._suspect = entry, self._suspect, None
        unsure, self._unsure = self._unsure, False
        if entry.sequence < expected:
            # What stands before the first entry is followed by nothing.
            self._previous = None
            self._find(Kind.ADDED, entry.sequence, entry.sequence)
        elif entry.sequence > expected:
            self._find(Kind.MISSING, expected, entry.sequence - 1)
        elif number != entry.sequence:
            self._unsure = True
            self._find(Kind.MOVED, entry.sequence, entry.sequence, f"it holds the text of entry {number}")
        elif not unsure and entry != _entry(before, entry.sequence, entry.body):
            if suspect and entry == _entry(suspect.hash, entry.sequence, entry.body):
                last = self.findings.pop()
                assert last.first is not None, "a suspect is an entry"
                self._find(Kind.HASH, last.first, last.first)
                return
            self._suspect = _entry(before, entry.sequence, entry.body)
            self._find(Kind.CHANGED, entry.sequence, entry.sequence)

    def _find(self, kind: Kind, first: int, last: int, more: str = "") -> None:
        self.findings.append(Finding(kind, first, last, more))


def breaks(entries: Iterable[Entry], after: Entry | None = None) -> list[Finding]:
    """What the chain alone tells of a run of entries, from the first on or behind `after` (R38)."""
    chain = Chain(after)
    for entry in entries:
        chain.add(entry, facts_of(entry).get("n"))
    return chain.findings


def _entry(before: bytes, sequence: int, body: str) -> Entry:
    return Entry(sequence, body, hashlib.sha256(before + body.encode()).digest())
