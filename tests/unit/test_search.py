"""Tokens are found by the beginning of whatever is at hand, and what is forgotten is found no more."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from batch.audit.log import log
from batch.model.events import Event
from batch.model.orders import Item
from batch.orders.decisions import receive
from batch.orders.draft import DraftRow, OrderDraft
from batch.store import forgetting, items, orders, search, words
from batch.store.database import Records
from batch.store.paging import FIRST, Count, after
from batch.store.search import By
from layouts.fields import Kind
from tests.unit.finished_kit import finished

NAMES = {"given_name": "Zoë-Ångela", "surname": "van den Wâldfeart", "manager": "Noëlle O'Brien"}
SERIALS = ["serial 000003", "serial 000002", "serial 000001"]


@pytest.fixture
def stocked(records: Records) -> Records:
    """Three finished tokens of a group (000001 to 000003), then two of a person and another group."""
    finished(records, 3, "MVV-1", group="Zeehavens Noord")
    receive(records, personal("wsf-2", [{**NAMES, "person_number": "4711"}, {"group": "Zeesluis 12"}]), "ada")
    return records


def personal(reference: str, rows: list[dict[str, str]]) -> OrderDraft:
    """An order of one token for each row of fields."""
    drafted = tuple(
        DraftRow(at, "personal-card", Kind.PERSON, 1, fields, f"person:{reference}:{at}")
        for at, fields in enumerate(rows, start=2)
    )
    return OrderDraft("order.csv", reference, "Wetterskip Fryslân", "80001234", "NL", "00" * 32, drafted)


def found(records: Records, text: str) -> list[str]:
    return [f"{hit.by} {hit.token.item.mailer_number}" for hit in search.page(records, text).rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("!?", []),
        ("z", ["words 000005", "words 000004", "words 000003", "words 000002", "words 000001"]),
        ("ZEE", ["words 000005", "words 000003", "words 000002", "words 000001"]),
        ("zeeh", ["words 000003", "words 000002", "words 000001"]),
        ("zeehavens", ["words 000003", "words 000002", "words 000001"]),
        ("zeehavenss", []),
        ("12 zeesl", ["words 000005"]),
        ("waldf zoe ang", ["words 000004"]),
        ("o'brien NOËLLE", ["words 000004"]),
        ("fryslan", ["words 000005", "words 000004"]),
        ("80001234", ["words 000005", "words 000004"]),
        ("NTRNL-80001234", ["words 000005", "words 000004"]),
        ("fryslan zeehavens", []),
        ("4711", ["words 000004"]),
        ("000002", ["number 000002"]),
        ("2", ["number 000002"]),
        ("00000", [f"number 00000{number}" for number in (5, 4, 3, 2, 1)] + SERIALS),
        ("wsf-", ["order 000005", "order 000004"]),
        ("mvv-1", ["order 000003", "order 000002", "order 000001"]),
        ("2026-0002", ["order 000005", "order 000004"]),
        ("0000006", ["serial 000003"]),
        ("0000006F", ["serial 000003"]),
        ("03:EA", ["certificate 000002"]),
    ],
)
def test_a_token_is_found_by_how_anything_of_it_begins(
    stocked: Records, text: str, expected: list[str]
) -> None:
    assert found(stocked, text.replace("2026", orders.next_number(stocked)[:4])) == expected


def test_what_is_found_in_several_ways_is_told_for_each(stocked: Records) -> None:
    receive(stocked, personal("000003", [{"group": "Balie 000003"}]), "ada")
    assert found(stocked, "000003") == ["number 000003", "order 000006", "words 000006"]
    first = search.page(stocked, "000003", FIRST, 2)
    assert [hit.by for hit in search.page(stocked, "000003", after(first.cursors[-1])).rows] == [By.WORDS]


def test_a_long_beginning_of_many_words_is_found_word_by_word(
    stocked: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = [found(stocked, text) for text in ("zeeh", "zees", "fryslan", "zeek")]
    for most in (20_000, 0):
        monkeypatch.setattr(words, "_ALIKE", 0)
        monkeypatch.setattr(words, "_FEW", most)
        assert [found(stocked, text) for text in ("zeeh", "zees", "fryslan", "zeek")] == few


def index(records: Records) -> dict[int, set[str]]:
    rows: dict[int, set[str]] = {}
    for word, item_id in records.rows("SELECT word, item_id FROM item_words"):
        rows.setdefault(item_id, set()).add(word)
    return rows


def expected(records: Records) -> dict[int, set[str]]:
    return {
        item.id: words.kept(item.fields, order.subscriber, order.organisation)
        for order in orders.orders(records)
        for item in items.items(records, order)
    }


def test_an_order_that_is_taken_back_after_a_restore_is_found(stocked: Records, tmp_path: Path) -> None:
    kept = json.loads(json.dumps(orders.whole(stocked, orders.order(stocked, "wsf-2"))))
    with closing(Records.create(tmp_path / "restored.db")) as restored:
        with restored.transaction():
            orders.take_back(restored, kept)
            log(restored, Event("test", "ada"))
        assert found(restored, "waldfeart") == ["words 000004"]
        assert index(restored) == expected(restored)


def test_nothing_that_is_forgotten_stays_in_the_index_or_its_file(records: Records) -> None:
    people = [
        {
            "given_name": f"Vergeet{chr(97 + at % 26)}{at}",
            "surname": f"Mijmaar{at * 7919}",
            "person_number": f"77{at:05d}",
        }
        for at in range(600)
    ]
    kept_one = receive(records, personal("KEPT", [{"given_name": "Blijf", "surname": "Bestaan"}]), "ada")
    order = receive(records, personal("GONE", people), "ada")
    assert search.count(records, "vergeet") == Count(600, more=False)
    assert records.scrub()
    everything = records.path.read_bytes()
    for sought in (b"vergeeta", b"mijmaar", b"Mijmaar"):
        assert sought in everything
    with records.transaction():
        for item in list(items.items(records, order)):
            forget(records, item)
        log(records, Event("order.forgotten", "ada", order=order.number))
    assert index(records) == expected(records)
    assert found(records, "vergeet") == []
    assert found(records, "mijmaar7919") == []
    assert found(records, "blijf bestaan") == ["words 000001"]
    assert kept_one.number != order.number
    assert records.scrub()
    everything = b"".join(path.read_bytes() for path in records.path.parent.glob(f"{records.path.name}*"))
    for sought in (b"vergeet", b"mijmaar", b"Vergeet", b"Mijmaar", b"7700123"):
        assert sought not in everything


def forget(records: Records, item: Item) -> None:
    forgetting.forget_item(records, item, "a digest")


def test_records_of_an_earlier_release_get_what_is_looked_for(stocked: Records) -> None:
    path, whole = stocked.path, index(stocked)
    found_before = [found(stocked, text) for text in ("zee", "03EA", "wsf-2")]
    facts = stocked.rows("SELECT * FROM log_facts ORDER BY sequence")
    with closing(sqlite3.connect(path, isolation_level=None)) as earlier:
        names = earlier.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND "
            "(tbl_name IN ('keys', 'former_keys') AND sql LIKE '%serial%' OR name IN (SELECT value FROM "
            "json_each(?)))",
            (json.dumps(NEW),),
        ).fetchall()
        for (name,) in names:
            earlier.execute(f"DROP INDEX {name}")
        for table in ("keys", "former_keys"):
            earlier.execute(f"ALTER TABLE {table} DROP COLUMN serial")
        for table in ("item_words", "log_facts"):
            earlier.execute(f"DROP TABLE {table}")
        earlier.execute("DELETE FROM _sqlite_migrations WHERE name IN ('m020_words', 'm021_pages')")
        earlier.execute("UPDATE audit SET body = CAST(x'ff00fe' AS TEXT) WHERE sequence = 1")
    with closing(Records(path)) as now:
        assert index(now) == whole
        assert [found(now, text) for text in ("zee", "03EA", "wsf-2")] == found_before
        assert now.rows("SELECT * FROM log_facts ORDER BY sequence") == [row for row in facts if row[0] != 1]


NEW = (
    "former_keys_by_expiry",
    "items_in_order",
    "lives_in_state",
    "letters_in_state",
    "forms_by_state",
    "orders_by_state",
    "orders_of_organisation",
    "orders_by_subscriber",
    "orders_by_their_reference",
    "parcels_of_order",
    "persons_in_subscriber",
    "quarantine_now",
)
