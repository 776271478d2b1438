"""Whether the log was looked after: verified and signed at least every 31 days (R38)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from batch.audit.chain import facts_of
from batch.store import audit, checkpoints
from batch.store.database import Records, moment

LONGEST = timedelta(days=31)
"""How long the log may be left alone."""


def neglected(records: Records, now: datetime) -> Iterator[tuple[str, str]]:
    """What was not done within that time, in words, and the command that does it."""
    last = checkpoints.last(records)
    for what, done, command in (
        ("verified", checkpoints.last_verified(records), "station audit verify"),
        ("signed in a checkpoint", _moment(last.made_at) if last else None, "station audit checkpoint"),
    ):
        since = done or _begin(records)
        if since is None or now - since > LONGEST:
            days = f"for {(now - since).days} days" if since else "for a time nobody can tell"
            yield f"not {what} {days if done else 'yet'}", command


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
