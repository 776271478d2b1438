"""A log written by a clock that was put back holds, says so itself, and lets an auditor see where."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from batch.audit.chain import CLOCK_CONFIRMED, append, breaks, latest
from batch.audit.clock import remarks
from batch.model.events import Entry, Event

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def written(*minutes: float, confirmed: int | None = None) -> list[Entry]:
    """Entries at so many minutes after noon; the one numbered `confirmed` answers for the clock."""
    entries: list[Entry] = []
    for number, minute in enumerate(minutes, start=1):
        name = CLOCK_CONFIRMED if number == confirmed else "step.done"
        head = entries[-1] if entries else None
        entries.append(append(head, Event(name, "ada"), NOON + timedelta(minutes=minute)))
    return entries


def test_entries_in_order_carry_nothing_more_and_need_no_remark() -> None:
    entries = written(0, 1, 2)
    assert all("latest" not in json.loads(entry.body) for entry in entries)
    assert list(remarks(entries)) == []


def test_an_entry_of_a_clock_that_is_behind_tells_the_latest_time_before_it() -> None:
    entries = written(0, 60, 10, 20, 61, 62)
    told = [json.loads(entry.body).get("latest") for entry in entries]
    sixty = (NOON + timedelta(hours=1)).isoformat(timespec="microseconds")
    assert told == [None, None, sixty, sixty, None, None]
    assert list(breaks(entries)) == []
    assert latest(entries[3]) == NOON + timedelta(hours=1)
    assert latest(entries[-1]) == NOON + timedelta(minutes=62)


def test_the_place_is_remarked_once_and_what_a_time_service_does_is_not() -> None:
    entries = written(0, 60, 10, 20, 19.5, 21)
    (remark,) = remarks(entries)
    assert (remark.sequence, remark.what) == (3, "its time is 3000 s before that of the entry before")


def test_who_answers_for_the_clock_lets_the_log_begin_from_its_time() -> None:
    entries = written(0, 600, 10, 11, confirmed=3)
    assert "latest" not in json.loads(entries[-1].body)
    assert latest(entries[2]) == NOON + timedelta(minutes=10)
    assert list(breaks(entries)) == []
    assert [remark.sequence for remark in remarks(entries)] == [3]
