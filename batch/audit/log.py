"""Writing to the audit log, in the transaction of the fact that is told (R37)."""

from __future__ import annotations

from batch.audit.chain import append
from batch.model.events import Event
from batch.store import audit
from batch.store.clock import now
from batch.store.database import Records, is_step


def log(records: Records, *events: Event) -> None:
    """Append events to the chain; an event that cannot be logged fails the transaction, and so the work."""
    head = audit.head(records)
    for event in events:
        before, head = head, append(head, event, now())
        audit.add(records, head)
        records.enter(before, head, event.kept, out=not is_step(head.body))
