"""Blanks reconcile: received = used + spoiled + returned + written off + in stock (R14)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from batch.audit.log import log
from batch.life.dispatch import blanks
from batch.model.dispatch import Departure
from batch.model.errors import FaultyValue, NotFound, Refused
from batch.model.events import Event
from batch.model.states import ItemState
from batch.store import blanks as stored
from batch.store import items, quarantine
from batch.store.database import Records
from tests.unit.dispatch_kit import ready


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records.create(tmp_path / "station.db")


def serial(item_id: int) -> str:
    """The serial of the token that the kit binds to an item."""
    return f"{item_id * 37:08x}"


def receive(records: Records, lot: str, serials: Sequence[str] = (), count: int | None = None) -> None:
    blanks.receive(records, "pkcs11", "USB 5", lot, list(serials), count, "pia")


def counts(records: Records, lot: str | None) -> tuple[int, int, int, int, int]:
    (line,) = [one for one in blanks.lines(records) if one.lot == lot]
    found = line.counts
    assert found.received == found.used + found.spoiled + sum(found.left.values()) + found.in_stock
    return found.received, found.used, found.spoiled, sum(found.left.values()), found.in_stock


def leave(records: Records, lot: str, how: Departure, *serials: str, count: int | None = None) -> None:
    blanks.leave(records, "pkcs11", lot, how, serials=serials, count=count, reason="broken", by="pia")


def spoil(records: Records, item_id: int, *, free: bool = False) -> None:
    """The token of an item is given up; `free`: it was reset to blank."""
    with records.transaction():
        records.write("UPDATE items SET state = ? WHERE id = ?", (ItemState.SPOILED, item_id))
        if free:
            items.free_token(records, item_id)
        log(records, Event("item.spoiled", "pia", item=f"{item_id:06d}"))


def test_a_listed_blank_is_used_once_its_token_is_bound_and_spoiled_with_its_item(records: Records) -> None:
    receive(records, "A", [serial(one) for one in range(1, 7)])
    assert counts(records, "A") == (6, 0, 0, 0, 6)
    ready(records, 3)
    assert counts(records, "A") == (6, 3, 0, 0, 3)
    assert stored.state_of(records, "pkcs11", serial(1)) == "used"
    spoil(records, 2)
    assert counts(records, "A") == (6, 2, 1, 0, 3)
    spoil(records, 3, free=True)
    assert counts(records, "A") == (6, 1, 1, 0, 4), "a token that was reset is blank again"
    assert quarantine.counts(records) == {}


def test_blanks_that_leave_unused_are_named_by_serial_or_counted(records: Records) -> None:
    receive(records, "A", ["s1", "s2", "s3"])
    receive(records, "B", count=5)
    leave(records, "A", Departure.RETURNED, "s1")
    leave(records, "B", Departure.WRITTEN_OFF, count=2)
    assert counts(records, "A") == (3, 0, 0, 1, 2)
    assert counts(records, None) == (5, 0, 0, 2, 3)
    for lot, serials, count in (
        ("A", ["s1"], None),
        ("A", ["s9"], None),
        ("A", [], 1),
        ("B", ["s2"], 1),
        ("B", [], 4),
    ):
        with pytest.raises(Refused):
            leave(records, lot, Departure.RETURNED, *serials, count=count)
    with pytest.raises(NotFound, match="no lot of that name"):
        leave(records, "C", Departure.RETURNED, count=1)


def test_a_lot_that_was_only_counted_goes_down_by_tokens_of_no_list(records: Records) -> None:
    ready(records, 2, "OLD")
    receive(records, "A", [serial(3)])
    receive(records, "B", count=10)
    receive(records, "C", count=5)
    ready(records, 4)  # one of them is in the list
    assert counts(records, "A") == (1, 1, 0, 0, 0)
    assert counts(records, None) == (15, 3, 0, 0, 12)
    spoil(records, 5)
    assert counts(records, None) == (15, 2, 1, 0, 12)


def test_what_does_not_reconcile_is_told(records: Records) -> None:
    receive(records, "A", [serial(1), serial(2)])
    receive(records, "B", count=1)
    leave(records, "A", Departure.WRITTEN_OFF, serial(1))
    ready(records, 4)
    told = [text for one in blanks.lines(records) for text in one.discrepancies]
    assert told == [f"{serial(1)} had left the stock and was used", "1 more were used than came in"]


def test_a_count_that_differs_is_told_until_one_agrees(records: Records) -> None:
    receive(records, "A", ["s1", "s2"])
    receive(records, "B", count=3)
    assert blanks.count(records, "pkcs11", 4, "pia") == 5
    (told,) = blanks.miscounts(records)
    assert told.startswith("pkcs11: pia counted 4 on ")
    blanks.count(records, "pkcs11", 5, "pia")
    assert list(blanks.miscounts(records)) == []
    with pytest.raises(Refused, match="no blanks of this driver"):
        blanks.count(records, "piv", 5, "pia")


@pytest.mark.parametrize(
    ("serials", "count", "why"),
    [
        ([], 0, "0 blanks"),
        ([], -3, "-3 blanks"),
        (["s1", "s1"], None, "a serial twice"),
        (["known"], None, "the blank known came in already"),
    ],
)
def test_a_delivery_that_cannot_be_is_refused_whole(
    records: Records, serials: list[str], count: int | None, why: str
) -> None:
    receive(records, "FIRST", ["known"])
    with pytest.raises(Refused, match=why):
        receive(records, "A", serials, count)
    with pytest.raises(Refused, match="came in already"):
        receive(records, "FIRST", count=3)
    assert [one.lot for one in blanks.lines(records)] == ["FIRST"]


def test_serials_go_from_one_to_another() -> None:
    assert blanks.between("C-0008", "C-0011") == ["C-0008", "C-0009", "C-0010", "C-0011"]
    assert blanks.between(" 99 ", "99") == ["99"]


@pytest.mark.parametrize(
    ("first", "last"), [("C-1", "D-2"), ("C-8", "C-12"), ("C-2", "C-1"), ("C-0", "C-999999"), ("C", "C-1")]
)
def test_serials_that_are_no_range_are_refused(first: str, last: str) -> None:
    with pytest.raises(FaultyValue):
        blanks.between(first, last)
