"""A page of a list goes on from a row, whatever filter is on; and every list tells the same rows in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.audit.log import log
from batch.model.events import Event
from batch.model.registry import Function, Person, Subscriber
from batch.model.states import (
    FormState,
    ItemState,
    LetterState,
    LifeState,
    OrderState,
    ParcelState,
    PersonState,
)
from batch.store import (
    certificate_list,
    forms,
    id_sets,
    letter_list,
    letters,
    lists,
    log_list,
    order_list,
    parcel_list,
    quarantine_list,
    registry,
    search,
)
from batch.store.certificate_list import CertificateState, CertificatesWanted
from batch.store.database import Records, stamp
from batch.store.id_sets import Indexed, Listed, any_of
from batch.store.letter_list import LettersWanted
from batch.store.lists import TokensWanted
from batch.store.log_list import EntriesWanted
from batch.store.order_list import OrdersWanted
from batch.store.paging import (
    FIRST,
    LAST,
    MOST,
    Count,
    Page,
    Place,
    after,
    before,
    beginning,
)
from batch.store.parcel_list import ParcelsWanted
from batch.store.quarantine_list import StaysWanted
from batch.store.registry import PeopleWanted
from tests.speed.large import fill

AT = datetime(2024, 1, 4, 10, 30, tzinfo=UTC)
"""When the certificates of the first order have ended, and those of others not."""

Pages = Callable[[Records, Place, int], Page[Any]]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Records]:
    """1310 tokens of three orders, the last of them in production."""
    path = tmp_path_factory.mktemp("large") / "station.db"
    fill(path, 1310)
    with closing(Records(path)) as records:
        with records.transaction():
            for number in range(30):
                registry.put_subscriber(
                    records,
                    Subscriber(f"NTRNL-{number:08d}", f"Zorg {number}", ("Kade 1",), "NL", "nl", "a@b.nl"),
                )
                registry.put_person(
                    records,
                    Person(
                        f"P-{number:06d}",
                        "NTRNL-00000001",
                        (Function.MANAGER,),
                        f"Noëlle {number}",
                        f"{number}@b.nl",
                    ),
                )
            for id_ in (1001, 1011, 1021):
                records.write(
                    "INSERT INTO former_keys (item_id, name, renewal_id, slot, public_key, certificate, "
                    "not_after, put_aside_at, serial) SELECT item_id, name, 7, slot, public_key, "
                    "randomblob(40), not_after, not_after, serial FROM keys WHERE item_id = ?",
                    (id_ - 1000,),
                )
            log(records, Event("registry.filled", "ada"))
        yield records


def of(module: Any, wanted: Any, *more: Any, **options: Any) -> Pages:
    """Pages of one list."""
    return lambda records, place, limit: module.page(records, wanted, *more, place, limit, **options)


def since(days: float) -> datetime:
    return datetime(2021, 1, 4, 9, tzinfo=UTC) + timedelta(days=days)


LISTS: dict[str, tuple[Pages, int]] = {
    "tokens": (of(lists, TokensWanted()), 1310),
    "tokens, oldest first": (of(lists, TokensWanted(), newest=False), 1310),
    "tokens of an order": (of(lists, TokensWanted(order_id=2)), 500),
    "tokens of a subscriber": (of(lists, TokensWanted(subscriber="NTRNL-10000000")), 0),
    "tokens in quarantine": (of(lists, TokensWanted(state=ItemState.QUARANTINED)), 31),
    "spoiled tokens of an order": (of(lists, TokensWanted(order_id=1, state=ItemState.SPOILED)), 2),
    "active tokens": (of(lists, TokensWanted(life=LifeState.ACTIVE)), 10),
    "tokens of a layout": (of(lists, TokensWanted(layout="group-card:p-256")), 1310),
    "tokens with words": (of(lists, TokensWanted(words="b 1")), -1),
    "tokens with a text": (of(lists, TokensWanted(text="alie 10")), -1),
    "found by number": (of(search, "0001"), 100),
    "found by words": (of(search, "ba"), -1),
    "found by order": (of(search, "2021-000"), 1310),
    "found in several ways": (of(search, "1000"), -1),
    "certificates": (of(certificate_list, CertificatesWanted(), AT), -1),
    "certificates of an order": (of(certificate_list, CertificatesWanted(order_id=1), AT), 501),
    "expired certificates": (
        of(certificate_list, CertificatesWanted(state=CertificateState.EXPIRED), AT),
        -1,
    ),
    "valid certificates": (of(certificate_list, CertificatesWanted(state=CertificateState.VALID), AT), -1),
    "revoked certificates": (of(certificate_list, CertificatesWanted(state=CertificateState.REVOKED), AT), 1),
    "orders": (of(order_list, OrdersWanted()), 3),
    "orders in a state": (of(order_list, OrdersWanted(states=(OrderState.CLOSED,))), 2),
    "letters": (of(letter_list, LettersWanted()), -1),
    "letters in states": (
        of(letter_list, LettersWanted(states=(LetterState.SEALED, LetterState.SENT))),
        -1,
    ),
    "letters of an order": (of(letter_list, LettersWanted(order_id=1), newest=True), 498),
    "parcels": (of(parcel_list, ParcelsWanted(states=(ParcelState.SENT,))), 3),
    "stays": (of(quarantine_list, StaysWanted()), 31),
    "stays of an order": (of(quarantine_list, StaysWanted(order_id=3, lasting=False)), 31),
    "log": (of(log_list, EntriesWanted()), -1),
    "log of a token": (of(log_list, EntriesWanted(item="000010")), 3),
    "log of an operator": (of(log_list, EntriesWanted(operator="BOB")), 996),
    "log of some days": (of(log_list, EntriesWanted(since=since(0.1), until=since(0.2))), -1),
    "log of an event": (of(log_list, EntriesWanted(event="letter.sent", order="2021-0001")), 498),
    "forms": (
        lambda records, place, limit: forms.page(records, "laser", FormState.MAILED, place, limit),
        996,
    ),
    "subscribers": (
        lambda records, place, limit: registry.subscribers_page(records, ["zorg"], place, limit),
        30,
    ),
    "people": (
        lambda records, place, limit: registry.persons_page(
            records, PeopleWanted("NTRNL-00000001", PersonState.NAMED, ("noelle",)), place, limit
        ),
        30,
    ),
}


def whole(records: Records, pages: Pages) -> tuple[list[Any], list[Any]]:
    """All rows of a list and their cursors, from page to page."""
    page = pages(records, FIRST, MOST)
    rows, cursors = list(page.rows), list(page.cursors)
    assert not page.has_before
    while page.has_after:
        page = pages(records, after(cursors[-1]), MOST)
        assert page.has_before
        assert page.rows
        rows += page.rows
        cursors += page.cursors
    return rows, cursors


@pytest.mark.parametrize("name", LISTS)
def test_pages_hold_every_row_once_and_go_on_from_any(large: Records, name: str) -> None:
    pages, expected = LISTS[name]
    rows, cursors = whole(large, pages)
    assert len(set(cursors)) == len(cursors) == len(rows)
    assert expected in (-1, len(rows))
    assert rows or expected == 0

    def page(place: Place, limit: int) -> tuple[list[Any], list[Any], bool, bool]:
        found = pages(large, place, limit)
        return list(found.rows), list(found.cursors), found.has_before, found.has_after

    def between(first: int, last: int) -> tuple[list[Any], list[Any], bool, bool]:
        first, last = max(first, 0), min(last, len(rows))
        return rows[first:last], cursors[first:last], first > 0, last < len(rows)

    @settings(max_examples=12, deadline=None)
    @given(at=st.integers(0, max(0, len(rows) - 1)), limit=st.sampled_from([1, 2, 7, 50, MOST]))
    def goes_on(at: int, limit: int) -> None:
        assert page(LAST, limit) == between(len(rows) - limit, len(rows))
        if rows:
            assert page(after(cursors[at]), limit) == between(at + 1, at + 1 + limit)
            assert page(before(cursors[at]), limit) == between(at - limit, at)
            assert page(beginning(cursors[at]), limit) == between(at, at + limit)

    goes_on()


@pytest.mark.parametrize("name", LISTS)
def test_no_page_is_sorted_or_looked_for_row_by_row(large: Records, name: str) -> None:
    pages, _ = LISTS[name]
    asked: list[str] = []
    large.db.conn.set_trace_callback(asked.append)
    try:
        cursors = pages(large, FIRST, 20).cursors
        pages(large, LAST, 20)
        for place in (after, before):
            pages(large, place(cursors[len(cursors) // 2] if cursors else (1,)), 20)
    finally:
        large.db.conn.set_trace_callback(None)
    for query in filter(lambda one: one.startswith("SELECT"), asked):
        # What is asked once for each row (its parent is not 0) is about one token.
        plan = " | ".join(row[3] for row in large.rows(f"EXPLAIN QUERY PLAN {query}") if row[1] == 0)
        assert "TEMP B-TREE" not in plan, (query, plan)
        # Subscribers and people are few: those with some words are read for. The last entry is one row.
        few = plan in ("SCAN subscribers", "SCAN persons") or query.endswith("DESC LIMIT 1")
        assert "SCAN" not in plan or few, (query, plan)


def test_rows_that_are_gone_leave_their_place(large: Records) -> None:
    class Vanished(Exception):
        pass

    page = lists.page(large, TokensWanted(life=LifeState.ACTIVE), FIRST, 3)
    with suppress(Vanished), large.transaction():
        large.write("UPDATE lives SET state = 'lost' WHERE item_id = ?", (page.rows[1].item.id,))
        again = lists.page(large, TokensWanted(life=LifeState.ACTIVE), beginning(page.cursors[1]), 2)
        assert again.rows[0] == page.rows[2]
        assert again.has_before
        raise Vanished
    with pytest.raises(ValueError, match="1 to 200"):
        lists.page(large, TokensWanted(), FIRST, 201)


def test_rows_are_counted_up_to_a_number(large: Records) -> None:
    assert lists.count(large, TokensWanted()) == Count(1000, more=True)
    assert lists.count(large, TokensWanted(), upto=1310) == Count(1310, more=False)
    assert lists.count(large, TokensWanted(state=ItemState.QUARANTINED)) == Count(31, more=False)
    assert search.count(large, "2021-0003") == Count(310, more=False)
    assert search.count(large, "") == Count(0, more=False)
    assert order_list.count(large, OrdersWanted(text="2021")) == Count(3, more=False)
    assert letter_list.count(large, LettersWanted(states=(LetterState.SENT,)), upto=5) == Count(5, more=True)
    assert parcel_list.count(large, ParcelsWanted(order_id=2)) == Count(1, more=False)
    assert quarantine_list.count(large, StaysWanted()) == Count(31, more=False)
    assert log_list.count(large, EntriesWanted(item="000010")) == Count(3, more=False)
    assert forms.count(large, None, FormState.SPOILED) == Count(0, more=False)
    assert registry.subscribers_count(large, ["zorg", "29"]) == Count(1, more=False)
    assert registry.persons_count(large, PeopleWanted(), upto=29) == Count(29, more=True)
    wanted = CertificatesWanted(state=CertificateState.EXPIRED)
    assert certificate_list.count(large, wanted, AT) == Count(500, more=False)
    assert certificate_list.count(large, CertificatesWanted(), AT).more


def test_pages_agree_with_the_lists_of_the_command_line(large: Records) -> None:
    for wanted in (TokensWanted(), TokensWanted(order_id=3), TokensWanted(state=ItemState.SPOILED)):
        rows, _ = whole(large, of(lists, wanted, newest=False))
        assert rows == list(lists.tokens(large, wanted))
    for state in (None, CertificateState.EXPIRED, CertificateState.VALID, CertificateState.REVOKED):
        certificates = CertificatesWanted(state=state)
        rows, _ = whole(large, of(certificate_list, certificates, AT))
        told = list(certificate_list.certificates(large, certificates, AT))
        assert sorted(map(repr, rows)) == sorted(map(repr, told))
    rows, _ = whole(large, of(letter_list, LettersWanted(order_id=2)))
    assert [one.outlook for one in rows] == list(letters.outlooks(large, 2))


@given(
    st.lists(st.sets(st.integers(1, 40)), min_size=1, max_size=4),
    st.lists(st.sets(st.integers(1, 40)), max_size=3),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_walking_sets_meets_what_they_have_in_common(
    large: Records, of_one: Sequence[set[int]], of_any: Sequence[set[int]], backwards: bool
) -> None:
    listed = [Listed(tuple(sorted(ids))) for ids in of_one]
    both = [*listed, any_of([Listed(tuple(sorted(ids))) for ids in of_any])] if of_any else listed
    expected = set.intersection(*of_one)
    if of_any:
        expected &= {id_ for ids in of_any for id_ in ids}
    assert list(id_sets.walk(large, both, backwards=backwards)) == sorted(expected, reverse=backwards)
    beside = [*both, Indexed("id", "items", "id % 2 = ?", (0,))]
    even = sorted((id_ for id_ in expected if id_ % 2 == 0), reverse=backwards)
    assert list(id_sets.walk(large, beside, backwards=backwards)) == even


def test_an_order_tells_what_became_of_its_tokens(large: Records) -> None:
    last, *_, first = order_list.page(large, OrdersWanted()).rows
    assert (first.produced, first.spoiled, first.left) == (498, 2, 0)
    assert (last.order.number, last.left, last.items[ItemState.QUARANTINED]) == ("2021-0003", 155, 31)


def test_a_letter_tells_its_form_and_a_parcel_its_tokens(large: Records) -> None:
    letter = letter_list.page(large, LettersWanted(order_id=1), FIRST, 1).rows[0]
    assert (letter.outlook.letter.mailer_number, letter.form) == ("000001", "00000001")
    parcel = parcel_list.page(large, ParcelsWanted(order_id=1), FIRST, 1).rows[0]
    assert (parcel.order, parcel.tokens, parcel.read) == ("2021-0001", 498, 498)


def test_the_log_is_found_by_time_even_where_the_clock_was_behind(path: Path) -> None:
    with closing(Records(path)) as records:
        day = datetime(2026, 1, 1, tzinfo=UTC)
        times = [stamp(day + timedelta(hours=hours)) for hours in (1, 2, 9, 9, 10)]
        with records.transaction():
            for sequence, at in enumerate(times, start=1):
                body = f'{{"at":"{at}","event":"test","operator":"ada"}}'
                records.tell("INSERT INTO audit VALUES (?, ?, x'00')", (sequence, body))
            body = f'{{"at":"{stamp(day)}","event":"test","latest":"{times[2]}","operator":"ada"}}'
            records.tell("UPDATE audit SET body = ? WHERE sequence = 4", (body,))

        def found(first: float, last: float) -> list[int]:
            wanted = EntriesWanted(since=day + timedelta(hours=first), until=day + timedelta(hours=last))
            return [one.sequence for one in log_list.page(records, wanted, newest=False).rows]

        assert found(1, 2) == [1, 2]
        assert found(1.5, 9) == [2, 3, 4]
        assert found(9.5, 20) == [5]
        assert found(11, 12) == []
