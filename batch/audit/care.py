"""Whether the log was looked after: verified and signed at least every 31 days (R38)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from batch.audit.chain import facts_of
from batch.store import audit, checkpoints
from batch.store.database import Records, moment

LONGEST = timedelta(days=31)
"""How long the log may be left alone."""


@dataclass(frozen=True)
class Care:
    """Something the log wants now and then: what in words, when it was done last, the command that does it.

    `since` is where its time counts from: the begin of the log where it was never done; None where that is
    not to be told.
    """

    what: str
    done: datetime | None
    since: datetime | None
    command: str


def wanted(records: Records) -> Iterator[Care]:
    """All that the log wants."""
    last = checkpoints.last(records)
    for what, done, command in (
        ("verified", checkpoints.last_verified(records), "station audit verify"),
        ("signed in a checkpoint", _moment(last.made_at) if last else None, "station audit checkpoint"),
    ):
        yield Care(what, done, done or _begin(records), command)


def neglected(records: Records, now: datetime) -> Iterator[tuple[str, str]]:
    """What was not done within that time, in words, and the command that does it."""
    for care in wanted(records):
        if care.since is None or now - care.since > LONGEST:
            days = f"for {(now - care.since).days} days" if care.since else "for a time nobody can tell"
            yield f"not {care.what} {days if care.done else 'yet'}", care.command


def _begin(records: Records) -> datetime | None:
    """When the log began; None where its first entry does not tell."""
    first = audit.entry(records, 1)
    return _moment(str(facts_of(first).get("at"))) if first else None


def _moment(text: str) -> datetime | None:
    try:
        found = moment(text)
    except ValueError:
        return None
    return found if found and found.tzinfo else None
