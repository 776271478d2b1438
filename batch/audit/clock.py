"""Whether the clock may be believed: the log knows when it shows a time that is over already (R37).

An entry made then says so in its own `latest`, the latest time before it. So a clock that was put back is
seen by whoever reads the log, until it has caught up or somebody answers for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from batch.audit.chain import CLOCK_CONFIRMED, facts_of, latest, moment_of
from batch.audit.log import log
from batch.model.errors import Refused
from batch.model.events import Entry, Event
from batch.store import audit
from batch.store.clock import now
from batch.store.database import Records

SLACK = timedelta(seconds=60)
"""What a time service may put a clock back by in one go without anybody minding."""


@dataclass(frozen=True)
class Remark:
    """An entry that holds, and what an auditor should ask about."""

    sequence: int
    what: str


def need_time(records: Records) -> None:
    """Raises `Refused` where the clock is behind the log by more than `SLACK`."""
    head = audit.head(records)
    if head is None or latest(head) - now() <= SLACK:
        return
    raise Refused(
        f"the clock shows {_shown(now())}, but the log knows {_shown(latest(head))} as past; "
        "certificates would be valid from a wrong time",
        next="set the clock; only if it is right and was ahead before, `station produce --clock-is-right`",
    )


def confirm_time(records: Records, operator: str) -> None:
    """Put on record that somebody answers for the clock, and since when the log was ahead of it."""
    head = audit.head(records)
    if head is not None and latest(head) > now():
        with records.transaction():
            log(records, Event(CLOCK_CONFIRMED, operator, detail={"behind": _shown(latest(head))}))


def remarks(entries: Iterable[Entry]) -> Iterable[Remark]:
    """Every place where the log's time goes back by more than `SLACK`."""
    before: datetime | None = None
    for entry in entries:
        at = moment_of(facts_of(entry).get("at"))
        if before is not None and at is not None and before - at > SLACK:
            by = before - at
            yield Remark(
                entry.sequence, f"its time is {by.total_seconds():.0f} s before that of the entry before"
            )
        before = at or before


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
