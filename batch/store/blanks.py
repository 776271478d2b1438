"""Blank tokens in stock, in the records: what came in, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batch.model.dispatch import Delivery, Departure
from batch.model.errors import NotFound
from batch.store.database import Records, moment, stamp
from batch.store.paging import FIRST, MOST, Listing, Page, Place

_DELIVERY = "id, driver, model, lot, received, received_at, received_by"

_SEEN = """
    SELECT token_driver AS driver, token_serial AS serial,
        max(token_free = 0 AND state <> 'spoiled') AS used,
        max(token_free = 0 AND state = 'spoiled') AS spoiled, min(began_at) AS began_at
    FROM items WHERE token_driver IS NOT NULL AND token_serial IS NOT NULL
    GROUP BY token_driver, token_serial
"""
"""Every token that was ever bound to an item; one that was reset to blank is neither used nor spoiled."""

_SERIALS: Listing[str] = Listing("serial", "blank_serials", ("driver", "serial"), lambda row: str(row[0]))


@dataclass(frozen=True)
class Counts:
    """What became of blanks of a driver or a delivery, as numbers of tokens."""

    received: int
    used: int
    spoiled: int
    left: Mapping[Departure, int]

    @property
    def in_stock(self) -> int:
        """What must be in the drawer; below 0 where more were used than came in."""
        return self.received - self.used - self.spoiled - sum(self.left.values())


def receive(
    records: Records, *, driver: str, model: str, lot: str, count: int, serials: Sequence[str], by: str
) -> Delivery:
    """Blanks came in, by their `serials` where those are known."""
    id_ = records.insert(
        "INSERT INTO deliveries (driver, model, lot, received, received_at, received_by) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (driver, model, lot, count, stamp(), by),
    )
    for serial in serials:
        records.write("INSERT INTO blank_serials VALUES (?, ?, ?)", (driver, serial, id_))
    return delivery(records, driver, lot)


def delivery(records: Records, driver: str, lot: str) -> Delivery:
    """The delivery of a lot; raises `NotFound`."""
    found = [one for one in deliveries(records) if (one.driver, one.lot) == (driver, lot)]
    if not found:
        raise NotFound("no lot of that name", where=f"{driver} {lot}", next="see `station stock blanks list`")
    return found[0]


def deliveries(records: Records) -> list[Delivery]:
    """All deliveries, oldest first."""
    rows = records.rows(
        f"SELECT {_DELIVERY}, EXISTS (SELECT 1 FROM blank_serials s WHERE s.delivery_id = d.id) "
        "FROM deliveries d ORDER BY id"
    )
    return [_delivery(row) for row in rows]


def known(records: Records, driver: str, serials: Sequence[str]) -> Iterator[str]:
    """Which of some serials are in stock lists already."""
    for serial in serials:
        if delivery_of(records, driver, serial) is not None:
            yield serial


def delivery_of(records: Records, driver: str, serial: str) -> int | None:
    """The id of the delivery a serial came in with, None where it is in no list."""
    row = records.row(
        "SELECT delivery_id FROM blank_serials WHERE driver = ? AND serial = ?", (driver, serial)
    )
    return int(row[0]) if row else None


def state_of(records: Records, driver: str, serial: str) -> str:
    """What became of a blank that is listed by serial: `in-stock`, `used`, `spoiled` or how it left."""
    row = records.row(
        "SELECT how FROM blank_departures b JOIN blank_serials s USING (delivery_id, serial) "
        "WHERE s.driver = ? AND s.serial = ?",
        (driver, serial),
    )
    seen = records.row(
        f"SELECT used, spoiled FROM ({_SEEN}) WHERE driver = ? AND serial = ?", (driver, serial)
    )
    if seen and (seen[0] or seen[1]):
        return "used" if seen[0] else "spoiled"
    return str(row[0]) if row else "in-stock"


def serials_page(records: Records, found: Delivery, place: Place = FIRST, limit: int = MOST) -> Page[str]:
    """The page at a place of the serials that a delivery came in with."""
    return _SERIALS.page(records, [("delivery_id = ?", (found.id,))], place, limit)


def leave(
    records: Records,
    found: Delivery,
    how: Departure,
    count: int,
    serials: Sequence[str],
    reason: str,
    by: str,
) -> None:
    """Blanks of a delivery left the stock unused, by their `serials` where it is listed."""
    for serial, number in _each(count, serials):
        records.write(
            "INSERT INTO blank_departures (delivery_id, serial, count, how, reason, done_by, at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (found.id, serial, number, how, reason, by, stamp()),
        )


def of_listed(records: Records, found: Delivery) -> Counts:
    """What became of a delivery whose serials are on record; each token is counted once."""
    row = records.row(
        f"SELECT count(*) FILTER (WHERE t.used), count(*) FILTER (WHERE t.spoiled AND NOT t.used) "
        f"FROM blank_serials s JOIN ({_SEEN}) t USING (driver, serial) WHERE s.delivery_id = ?",
        (found.id,),
    )
    used, spoiled = row or (0, 0)
    left = dict(
        records.rows(
            "SELECT b.how, sum(b.count) FROM blank_departures b WHERE b.delivery_id = ? AND NOT EXISTS "
            f"(SELECT 1 FROM ({_SEEN}) t "
            "WHERE t.serial = b.serial AND t.driver = ? AND (t.used OR t.spoiled)) GROUP BY b.how",
            (found.id, found.driver),
        )
    )
    return Counts(found.received, int(used), int(spoiled), _left(left))


def used_though_gone(records: Records, found: Delivery) -> list[str]:
    """Serials of a delivery that left the stock unused, as is on record, and were used all the same."""
    rows = records.rows(
        f"SELECT b.serial FROM blank_departures b JOIN ({_SEEN}) t ON t.serial = b.serial AND t.driver = ? "
        "WHERE b.delivery_id = ? AND (t.used OR t.spoiled) ORDER BY b.serial",
        (found.driver, found.id),
    )
    return [str(row[0]) for row in rows]


def of_counted(records: Records, driver: str) -> Counts:
    """What became of the blanks of a driver that came in by count only.

    Tokens used of no listed serial are theirs, from the first such delivery on.
    """
    unlisted = "SELECT id FROM deliveries d WHERE driver = ? AND NOT EXISTS (SELECT 1 FROM blank_serials s "
    unlisted += "WHERE s.delivery_id = d.id)"
    row = records.row(
        f"SELECT coalesce(sum(received), 0), min(received_at) FROM deliveries WHERE id IN ({unlisted})",
        (driver,),
    )
    received, since = row or (0, None)
    seen = records.row(
        f"SELECT count(*) FILTER (WHERE t.used), count(*) FILTER (WHERE t.spoiled AND NOT t.used) "
        f"FROM ({_SEEN}) t LEFT JOIN blank_serials s USING (driver, serial) "
        "WHERE t.driver = ? AND s.serial IS NULL AND t.began_at >= ?",
        (driver, since or "9"),
    )
    # A plain PIV card has no serial: its item stands for it.
    nameless = records.row(
        "SELECT count(*) FILTER (WHERE state <> 'spoiled'), count(*) FILTER (WHERE state = 'spoiled') "
        "FROM items WHERE token_driver = ? AND token_serial IS NULL AND token_free = 0 AND began_at >= ?",
        (driver, since or "9"),
    )
    used, spoiled = (
        int(one) + int(other) for one, other in zip(seen or (0, 0), nameless or (0, 0), strict=True)
    )
    left = dict(
        records.rows(
            f"SELECT how, sum(count) FROM blank_departures WHERE delivery_id IN ({unlisted}) GROUP BY how",
            (driver,),
        )
    )
    return Counts(int(received), used, spoiled, _left(left))


def count(records: Records, driver: str, counted: int, expected: int, by: str) -> None:
    """Somebody counted the blanks of a driver in the drawer."""
    records.insert(
        "INSERT INTO blank_counts (driver, counted, expected, done_by, at) VALUES (?, ?, ?, ?, ?)",
        (driver, counted, expected, by, stamp()),
    )


def last_count(records: Records, driver: str) -> tuple[int, int, str, str] | None:
    """How many were counted last and how many there should have been, by whom and when; None where never."""
    row = records.row(
        "SELECT counted, expected, done_by, at FROM blank_counts WHERE driver = ? ORDER BY id DESC LIMIT 1",
        (driver,),
    )
    return (int(row[0]), int(row[1]), str(row[2]), str(row[3])) if row else None


def _each(count: int, serials: Sequence[str]) -> list[tuple[str | None, int]]:
    return [(one, 1) for one in serials] if serials else [(None, count)]


def _left(found: Mapping[Any, Any]) -> Mapping[Departure, int]:
    return {one: int(found.get(one, 0)) for one in Departure}


def _delivery(row: tuple[Any, ...]) -> Delivery:
    id_, driver, model, lot, received, at, by, listed = row
    came = moment(at)
    assert came is not None, "the column is never null"
    return Delivery(id_, driver, model, lot, received, came, by, bool(listed))
