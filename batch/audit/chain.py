"""The audit chain: every event is hashed over its canonical text and the hash before it (R37, R39)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from batch.model.events import Entry, Event

CLOCK_CONFIRMED = "clock.confirmed"
"""The event by which somebody answers for a clock that is behind the log."""

GENESIS = bytes(32)
"""What the first entry follows."""


@dataclass(frozen=True)
class Break:
    """Where the chain does not hold, and how."""

    sequence: int
    what: str


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
    body = json.dumps(known, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return Entry(sequence, body, _link(head.hash if head else GENESIS, body))


def latest(entry: Entry) -> datetime:
    """The latest time that an entry, or one before it, has."""
    facts = json.loads(entry.body)
    return datetime.fromisoformat(facts.get("latest", facts["at"]))


def breaks(entries: Iterable[Entry], after: Entry | None = None) -> Iterable[Break]:
    """Every place where a run of entries is changed, missing or out of order (R38).

    The run begins with the first entry, or with the one that follows `after`.
    """
    previous, expected = (after.hash, after.sequence + 1) if after else (GENESIS, 1)
    for entry in entries:
        if entry.sequence != expected:
            yield Break(expected, f"entry {expected} is missing, entry {entry.sequence} follows")
        elif entry.hash != _link(previous, entry.body):
            yield Break(entry.sequence, "the entry or one before it was changed")
        elif _number(entry.body) != entry.sequence:
            yield Break(entry.sequence, "the entry stands in another's place")
        previous, expected = entry.hash, entry.sequence + 1


def _link(previous: bytes, body: str) -> bytes:
    return hashlib.sha256(previous + body.encode()).digest()


def _number(body: str) -> object:
    try:
        return json.loads(body).get("n")
    except (ValueError, AttributeError):
        return None
