"""A log entry that is changed, missing, added or moved is found, and named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from batch.audit.chain import append, breaks
from batch.audit.log import log
from batch.model.events import Entry, Event
from batch.store import audit
from batch.store.database import Records

WHEN = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def chain(length: int) -> list[Entry]:
    entries: list[Entry] = []
    for number in range(length):
        event = Event("step.done", "ada", item=f"{number:06d}", detail={"step": "generate"})
        entries.append(append(entries[-1] if entries else None, event, WHEN))
    return entries


def test_an_untouched_chain_holds() -> None:
    assert breaks(chain(50)) == []


def changed(entries: list[Entry]) -> list[Entry]:
    entries[20] = replace(entries[20], body=entries[20].body.replace("ada", "eve"))
    return entries


def changed_and_rehashed(entries: list[Entry]) -> list[Entry]:
    event = Event("step.done", "eve", item="000020")
    entries[20] = append(entries[19], event, WHEN)
    return entries


def missing(entries: list[Entry]) -> list[Entry]:
    return entries[:20] + entries[21:]


def moved(entries: list[Entry]) -> list[Entry]:
    first, second = entries[20:22]
    entries[20:22] = [replace(second, sequence=21), replace(first, sequence=22)]
    return entries


def without_its_hash(entries: list[Entry]) -> list[Entry]:
    entries[20] = replace(entries[20], hash=bytes(32))
    return entries


def before_the_first(entries: list[Entry]) -> list[Entry]:
    return [replace(entries[20], sequence=0), *entries]


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (changed, ["entry 21 was changed"]),
        # The chain alone cannot tell which of two was replaced: that takes a checkpoint.
        (changed_and_rehashed, ["entry 22 was changed"]),
        (missing, ["entry 21 is missing"]),
        (without_its_hash, ["entry 21 has another hash than its text and the entry before give"]),
        (before_the_first, ["entry 0 was added"]),
        (
            moved,
            [
                "entry 21 was moved: it holds the text of entry 22",
                "entry 22 was moved: it holds the text of entry 21",
            ],
        ),
    ],
)
def test_what_was_done_to_the_log_is_found_where_it_was_done(
    tamper: Callable[[list[Entry]], list[Entry]], said: list[str]
) -> None:
    assert [one.what for one in breaks(tamper(chain(50)))] == said


def test_events_are_logged_in_the_transaction_of_their_fact(tmp_path: Path) -> None:
    records = Records.create(tmp_path / "station.db")

    class PowerCut(Exception):
        pass

    def half() -> None:
        with records.transaction():
            log(records, Event("item.produced", "ada"))
            raise PowerCut

    with records.transaction():
        log(records, Event("order.received", "ada"), Event("order.approved", "bob"))
    with pytest.raises(PowerCut):
        half()
    bodies = [entry.body for entry in audit.entries(records)]
    assert len(bodies) == 2
    assert breaks(audit.entries(records)) == []
    assert '"event":"order.approved"' in bodies[1]
    assert '"operator":"bob"' in bodies[1]


def test_nothing_is_logged_outside_a_transaction(tmp_path: Path) -> None:
    records = Records.create(tmp_path / "station.db")
    with pytest.raises(RuntimeError, match="inside a transaction"):
        log(records, Event("order.received", "ada"))
