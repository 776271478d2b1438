"""Stays in quarantine: who put an item there and why, and which way out was taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from batch.model.quarantine import Cause, Stay, Way
from batch.store.database import Records, moment, stamp

_STAY = (
    "id, item_id, since, put_by, cause, step, reason, way, way_by, witness, why, replaced, begun_at, "
    "blank_at, left_at"
)


def enter(
    records: Records, item_id: int, *, put_by: str, cause: Cause, step: str | None, reason: str
) -> None:
    """Begin an item's stay; it has one at a time."""
    records.insert(
        "INSERT INTO quarantine (item_id, since, put_by, cause, step, reason) VALUES (?, ?, ?, ?, ?, ?)",
        (item_id, stamp(), put_by, cause, step, reason),
    )


def last_stay(records: Records, item_id: int) -> Stay | None:
    """The stay an item is in, or its last one; None where it never was in quarantine."""
    row = records.row(
        f"SELECT {_STAY} FROM quarantine WHERE item_id = ? ORDER BY id DESC LIMIT 1", (item_id,)
    )
    return _stay(row) if row else None


def stays(records: Records, item_id: int) -> list[Stay]:
    """All stays of an item, oldest first."""
    rows = records.rows(f"SELECT {_STAY} FROM quarantine WHERE item_id = ? ORDER BY id", (item_id,))
    return [_stay(row) for row in rows]


def stays_of(records: Records, ids: Sequence[int]) -> list[Stay]:
    """The stays of some ids, in that order."""
    rows = records.rows(f"SELECT {_STAY} FROM quarantine WHERE id IN ({', '.join('?' * len(ids))})", ids)
    found = {row[0]: _stay(row) for row in rows}
    return [found[id_] for id_ in ids]


def counts(records: Records) -> dict[int, int]:
    """How many stays every item has had, by the items' ids."""
    return dict(records.rows("SELECT item_id, count(*) FROM quarantine GROUP BY item_id"))


def begin_way(
    records: Records,
    stay: Stay,
    way: Way,
    *,
    by: str,
    why: str,
    witness: str | None = None,
    replaced: bool = False,
) -> None:
    """Put the intent of a way out on record, in place of one that was begun before."""
    records.write(
        "UPDATE quarantine SET way = ?, way_by = ?, witness = ?, why = ?, replaced = ?, begun_at = ? "
        "WHERE id = ? AND left_at IS NULL",
        (way, by, witness, why, int(replaced), stamp(), stay.id),
    )


def read_blank(records: Records, stay: Stay) -> None:
    """The token was reset, and read blank."""
    records.write("UPDATE quarantine SET blank_at = ? WHERE id = ?", (stamp(), stay.id))


def leave(records: Records, stay: Stay) -> None:
    """End a stay by the way that was begun."""
    records.write("UPDATE quarantine SET left_at = ? WHERE id = ?", (stamp(), stay.id))


def _stay(row: tuple[Any, ...]) -> Stay:
    (id_, item_id, since, put_by, cause, step, reason, way, way_by, witness, why, replaced, *times) = row
    begun, blank, left = (moment(time) for time in times)
    entered = moment(since)
    assert entered is not None
    return Stay(
        id_,
        item_id,
        entered,
        put_by,
        Cause(cause),
        step,
        reason,
        Way(way) if way else None,
        way_by,
        witness,
        why,
        bool(replaced),
        begun,
        blank,
        left,
    )
