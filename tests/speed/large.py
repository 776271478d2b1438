"""Large records, made in bulk: what a station has after years, to measure lists, pages and screens on.

Everything reads as if it had been made one by one: numbers, states, certificates, words, the chain of the log
and the ledger. Only nothing was signed by a CA, and steps and codes are left out.
"""

from __future__ import annotations

import functools
import json
import random
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from batch.audit.chain import append
from batch.model.events import Entry, Event
from batch.model.states import ItemState, LetterState, LifeState
from batch.store import ledger, words
from batch.store.database import Records, stamp
from station.home import Home, create
from tests.unit.certificate_kit import TEMPLATE, certificate
from tests.unit.finished_kit import EVIDENCE
from tests.unit.restore_kit import CONFIGURATION

ORDER = 500
"""Tokens of an order; every hundredth order is of one token."""

_CHUNK = 20_000
_BEGUN = datetime(2021, 1, 4, 9, tzinfo=UTC)
_SERIAL = b"ABCDEFGH"
_END = f"{TEMPLATE.not_after:%y%m%d%H%M%SZ}".encode()
_GIVEN = (
    "Anna Bram Cato Daan Esmée Fleur Giulia Hugo Iris Jan Karel Lotte Milan Noëlle Otto Piet Rosa Sem Zoë"
)
_STEMS = "Aal Berg Bos Dijk Eik Groot Haak Jans Kuip Lam Meer Noor Oost Peet Rijn Smit Veld Waal Zand Zwart"
_ENDS = "en er ga hof huis in ing kamp man mans sen stra veen wijk zema"
_SUBSCRIBERS = "Gemeente Ministerie Rechtbank Waterschap Provincie Zorggroep Stichting Hogeschool"
_PLACES = "Delft Sneek Zwolle Breda Assen Hoorn Goes Venlo Tiel Weert Lisse Heerde Rhenen Elburg Sluis Ede"
_DESKS = "Balie Zeehavens Binnenhavens Burgerzaken Handhaving Vergunningen Archief Inkoop Meldkamer Griffie"


def home(path: Path, count: int) -> Home:
    """A home in which so many tokens were made; its key tokens are not there."""
    made = create(path)
    made.configuration.write_text(CONFIGURATION.replace(', "/elsewhere/layouts"', ""))
    (path / "layouts").mkdir()
    fill(made.records, count)
    return made


def fill(path: Path, count: int) -> None:
    """New records of that many tokens, all finished but those of the last order, with their ledger beside."""
    Records.create(path).close()
    draw = random.Random(count)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000", "temp_store=MEMORY"):
            db.execute(f"PRAGMA {pragma}").fetchall()
        db.execute("BEGIN")
        indexes = [
            row[0] for row in db.execute("SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql > ''")
        ]
        for (name,) in db.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql > ''"
        ).fetchall():
            db.execute(f"DROP INDEX {name}")
        db.execute(
            "INSERT INTO form_ranges (id, printer, series, width, first, last, received_at, received_by) "
            "VALUES (1, 'laser', '', 8, 1, ?, ?, 'eve')",
            (2 * count, stamp(_BEGUN)),
        )
        orders = list(_orders(count, draw))
        db.executemany(f"INSERT INTO orders VALUES ({', '.join('?' * 13)})", [order for order, _ in orders])
        db.executemany(
            "INSERT INTO parcels (id, number, order_id, state, made_by, made_at, sent_by, sent_at) "
            "VALUES (?, ?, ?, 'sent', 'ada', ?, 'bob', ?)",
            [(order[0], f"P-{order[0]:06d}", order[0], order[9], order[9]) for order, _ in orders],
        )
        numbered = [(id_, order) for order, ids in orders for id_ in ids]
        with path.with_name(ledger.NAME).open("wb") as lines:
            head: Entry | None = None
            for at in range(0, count, _CHUNK):
                head = _tokens(db, numbered[at : at + _CHUNK], len(orders), draw, head, lines)
        # One pass over a table that is there is faster than a place in it for every row.
        for index in indexes:
            db.execute(index)
        db.execute("COMMIT")


_Order = tuple[int, str, str, str, str, str, str, str, str, str, str | None, str | None, str | None]


def _orders(count: int, draw: random.Random) -> Iterator[tuple[_Order, range]]:
    """The rows of orders, each with the ids of its items."""
    id_, first = 0, 1
    while first <= count:
        id_ += 1
        last = min(count, first + (1 if id_ % 100 == 0 else ORDER) - 1)
        number, at = draw.randrange(2000), stamp(_BEGUN + timedelta(hours=id_))
        name = f"{_pick(_SUBSCRIBERS, number)} {_pick(_PLACES, number // 8)}"
        state = "in-production" if last == count else "closed"
        yield (
            (
                id_,
                f"{2021 + id_ // 10000}-{id_ % 10000:04d}",
                f"{_pick(_PLACES, number)[:2].upper()}-{id_}",
                f"{name} {number}",
                f"NTRNL-{10000000 + number}",
                state,
                "order.csv",
                "00" * 32,
                "ada",
                at,
                "bob",
                at,
                None,
            ),
            range(first, last + 1),
        )
        first = last + 1


def _tokens(
    db: sqlite3.Connection,
    numbered: Sequence[tuple[int, _Order]],
    orders: int,
    draw: random.Random,
    head: Entry | None,
    lines: IO[bytes],
) -> Entry | None:
    """Write some tokens with all that belongs to them; returns the head of the log."""
    rows: dict[str, list[tuple[object, ...]]] = defaultdict(list)
    for id_, order in numbered:
        fields = _fields(id_, draw)
        item, life, letter = _states(id_, order[0], orders)
        number, at, seat = f"{id_:06d}", order[9], f"lane-{id_ % 4 + 1}"
        serial = f"{id_ * 2654435761 % 2**32:08x}{id_:08x}" if item != ItemState.PLANNED else None
        begun = at if serial else None
        rows["items"].append(
            (
                id_,
                order[0],
                number,
                "group-card:p-256",
                f"group:{id_}",
                json.dumps(fields),
                item,
                seat if serial else None,
                "piv" if serial else None,
                serial,
                begun,
                begun,
            )
        )
        rows["item_words"] += words.rows_of(id_, fields, order[3], order[4])
        events = []
        if item == ItemState.QUARANTINED:
            rows["quarantine"].append((id_, at, "ada", "device-failed", "verify", "the card does not answer"))
            events.append(Event("item.quarantined", "ada", order[1], number, seat, serial))
        if life is not None:
            rows["lives"].append((id_, life, at))
            key, *revocation = _key(id_, order[0], life, at)
            rows["keys"].append(key)
            rows["revocations"] += revocation
            rows["letters"].append((number, id_, letter))
            events.append(Event("item.produced", "ada", order[1], number, seat, serial))
        if letter == LetterState.SENT:
            rows["forms"].append((f"{id_:08d}", 1, id_, "mailed", number, at, "ada"))
            rows["parcel_tokens"].append((order[0], id_, "ada", at, "ada", at, "lane-1"))
            events.append(Event("token.dispatched", "bob", order[1], number, token=serial))
            events.append(Event("letter.sent", "eve", order[1], number))
        for event in events:
            before = (head.sequence, head.hash) if head else (0, b"")
            head = append(head, event, _BEGUN + timedelta(minutes=id_))
            rows["audit"].append((head.sequence, head.body, head.hash))
            rows["log_facts"].append((head.sequence, event.name, event.operator, event.order, event.item))
            # As `ledger.text`, which would read the entry again.
            after = f'{{"after":[{before[0]},"{before[1].hex()}"],"hash":"{head.hash.hex()}","entry":'
            lines.write(f"{after}{head.body}}}\n".encode())
    for table, some in filter(all, rows.items()):
        # In the order in which they stand, so that each page is written once.
        some.sort(key=lambda row: row[:2] if table == "item_words" else ())
        db.executemany(_INSERTS[table].format(", ".join("?" * len(some[0]))), some)
    return head


def _fields(id_: int, draw: random.Random) -> dict[str, str]:
    given, name = _pick(_GIVEN, draw.randrange(100)), f"{_pick(_STEMS, draw.randrange(100))}"
    surname = name + _pick(_ENDS, draw.randrange(100))
    fields = {
        "group": f"{_pick(_DESKS, draw.randrange(100))} {id_}",
        "manager": f"{given} van den {surname}",
        "manager_email": f"{given}.{surname}@example.org".casefold(),
        "address_1": f"Kade {id_ % 200}",
        "address_2": f"{1000 + id_ % 9000} AB  {_pick(_PLACES, id_)}",
        "language": "nl",
        "number": f"{id_:06d}",
    }
    if id_ % 2:
        fields |= {"given_name": given, "surname": surname, "person_number": f"{10_000_000 + id_ * 7}"}
    return fields


def _states(id_: int, order: int, orders: int) -> tuple[str, str | None, str | None]:
    """The state of an item, of its token's life, of its letter."""
    if order == orders and id_ % 10 > 4:
        some = [ItemState.IN_PRODUCTION, ItemState.QUARANTINED, *[ItemState.PLANNED] * 3]
        return some[id_ % 10 - 5], None, None
    if id_ % 300 == 7:
        return ItemState.SPOILED, None, None
    if order > orders - max(1, orders // 20):
        return ItemState.PRODUCED, LifeState.AT_DESK, LetterState.SEALED
    life = LifeState.ACTIVE if id_ % 100 == 0 else LifeState.ACKNOWLEDGED
    return ItemState.PRODUCED, LifeState.LOST if id_ % 1000 == 1 else life, LetterState.SENT


def _key(id_: int, order: int, life: str, at: str) -> Sequence[tuple[object, ...]]:
    """The row of an item's key, and for a lost token the revocation of its certificate."""
    ends = _BEGUN + timedelta(days=365 * 3, hours=order)
    serial = 1 << 62 | id_ * 0x9E3779B97F4A7C15 % 2**62
    der = (
        _template()
        .replace(_SERIAL, serial.to_bytes(8, "big"))
        .replace(_END, f"{ends:%y%m%d%H%M%SZ}".encode())
    )
    key = (id_, "authentication", "9a", 1, b"", EVIDENCE, der, stamp(ends), f"{serial:x}")
    if life != LifeState.LOST:
        return [key]
    return [key, (f"revoke-{id_}", id_, der, "keyCompromise", "rita", at, "revoked", at)]


@functools.cache
def _template() -> bytes:
    return certificate(serial=int.from_bytes(_SERIAL, "big"))


def _pick(among: str, at: int) -> str:
    words = _split(among)
    return words[at % len(words)]


@functools.cache
def _split(words: str) -> list[str]:
    return words.split()


_INSERTS: Mapping[str, str] = {
    "items": "INSERT INTO items (id, order_id, mailer_number, layout, subject_key, fields, state, seat, "
    "token_driver, token_serial, began_at, ended_at) VALUES ({})",
    "item_words": "INSERT INTO item_words VALUES ({})",
    "quarantine": "INSERT INTO quarantine (item_id, since, put_by, cause, step, reason) VALUES ({})",
    "lives": "INSERT INTO lives (item_id, state, since) VALUES ({})",
    "keys": "INSERT INTO keys (item_id, name, slot, generations, public_key, evidence, certificate, "
    "not_after, serial) VALUES ({})",
    "revocations": "INSERT INTO revocations VALUES ({})",
    "letters": "INSERT INTO letters (mailer_number, item_id, state) VALUES ({})",
    "forms": "INSERT INTO forms (number, range_id, place, state, letter, since, operator) VALUES ({})",
    "parcel_tokens": "INSERT INTO parcel_tokens (parcel_id, item_id, added_by, added_at, read_by, read_at, "
    "seat) VALUES ({})",
    "audit": "INSERT INTO audit VALUES ({})",
    "log_facts": "INSERT INTO log_facts VALUES ({})",
}
