"""Writing the registry out as the file that `registry_import` takes in."""

from __future__ import annotations

import csv
from typing import TextIO

from batch.audit.log import log
from batch.model.events import Event
from batch.people.registry_columns import COLUMNS
from batch.people.registry_rows import cells_of
from batch.store import registry
from batch.store.database import Records
from batch.tables.formulas import harmless

EXPORTED = "registry.exported"


def export(records: Records, file: TextIO, *, operator: str) -> int:
    """Write every subscriber and everybody who is not forgotten; returns the rows. The log tells it first.

    The subscriber's own columns stand in the first of its rows.
    """
    with records.transaction():
        log(records, Event(EXPORTED, operator))
    names = [column.name for column in COLUMNS]
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(names)
    rows = 0
    with records.snapshot():
        told = set[str]()
        for subscriber in registry.subscribers(records):
            told.add(subscriber.organisation)
            people = registry.people_of(records, subscriber.organisation)
            for at, person in enumerate(people or [None]):
                cells = cells_of(subscriber if at == 0 else None, person)
                writer.writerow([harmless(cells[name]) for name in names])
                rows += 1
    return rows
