"""Acknowledgements, loans and tokens to be packed, as the screen lists them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from batch.life.dispatch import loans as lending
from batch.life.dispatch import parcels as rules
from batch.life.dispatch.acknowledging import decide, take_typed
from batch.model.dispatch import Device
from batch.model.states import AcknowledgementState, LoanState
from batch.store import acknowledgements, items, loans, parcels
from batch.store.database import Records
from batch.store.paging import FIRST, after
from tests.unit.dispatch_kit import MONDAY, packed, ready, sent


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    Records.create(tmp_path / "station.db").close()
    with closing(Records(tmp_path / "station.db")) as found:
        yield found


def test_acknowledgements_come_newest_first_in_pages(records: Records) -> None:
    sent(records, ready(records, 1))
    for word in ("one", "two", "three"):
        take_typed(records, "nothing", word, f"{word}@example.org", "olga", MONDAY)
    decide(records, 2, "ada", "asked", accept=False)
    first = acknowledgements.page(records, None, FIRST, 2)
    assert [one.id for one in first.rows] == [3, 2]
    rest = acknowledgements.page(records, None, after(first.cursors[-1]), 2)
    assert ([one.id for one in rest.rows], rest.has_after) == ([1], False)
    waiting = acknowledgements.page(records, AcknowledgementState.WAITING)
    assert [one.id for one in waiting.rows] == [3, 1]
    assert acknowledgements.count(records, AcknowledgementState.WAITING).number == 2


def test_loans_that_end_first_come_first(records: Records) -> None:
    parcel = packed(records, ready(records, 1))
    for days, serial in ((30, "R-1"), (10, "R-2"), (20, "R-3")):
        until = MONDAY + timedelta(days=days)
        lending.lend(records, Device.READER, serial, parcel.number, until, "dirk", MONDAY)
    lending.end(records, "L-000003", LoanState.RETURNED, "dirk")
    assert [one.serial for one in loans.page(records).rows] == ["R-2", "R-3", "R-1"]
    assert [one.serial for one in loans.page(records, LoanState.LENT).rows] == ["R-2", "R-1"]
    assert loans.count(records, LoanState.LENT).number == 2


def test_tokens_that_lie_in_no_parcel_are_counted_by_order(records: Records) -> None:
    first, second = ready(records, 3, "MVV-1"), ready(records, 2, "MVV-2")
    numbers = [one.mailer_number for one in items.items(records, first)]
    parcel = packed(records, first, numbers[0])
    assert parcels.lying(records) == [(first.id, 2), (second.id, 2)]
    assert len(parcels.lying_of(records, first.id, 10)) == 2
    assert len(parcels.lying_of(records, first.id, 1)) == 1
    rules.cancel(records, parcel.number, "dirk", "no address")
    assert parcels.lying(records) == [(first.id, 3), (second.id, 2)]
