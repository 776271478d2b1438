"""Where finished tokens are, in the records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from batch.model.errors import NotFound
from batch.model.life import Life
from batch.model.states import LIFE, LifeState, move
from batch.store.database import Records, moment, stamp

_LIFE = "item_id, state, since, dispatched_at, acknowledged_at, handed_over_at, activated_at, ended_at"
_ENDED = "ended_at"
_LAST_AT: Mapping[LifeState, str] = {
    LifeState.DISPATCHED: "dispatched_at",
    LifeState.ACKNOWLEDGED: "acknowledged_at",
    LifeState.HANDED_OVER: "handed_over_at",
    LifeState.ACTIVE: "activated_at",
    LifeState.LOST: _ENDED,
    LifeState.DAMAGED: _ENDED,
    LifeState.RETURNED: _ENDED,
    LifeState.DESTROYED: _ENDED,
}


def begin(records: Records, item_id: int) -> None:
    """A token was finished, and lies at the desk; one that was finished before stays where it is."""
    records.write(
        "INSERT OR IGNORE INTO lives (item_id, state, since) VALUES (?, ?, ?)",
        (item_id, LifeState.AT_DESK, stamp()),
    )


def life(records: Records, item_id: int) -> Life:
    """Where a token is; raises `NotFound` for one that was never finished."""
    found = life_or_none(records, item_id)
    if found is None:
        raise NotFound("it was never finished", where=f"item {item_id:06d}", next="see `station token show`")
    return found


def life_or_none(records: Records, item_id: int) -> Life | None:
    """Where a token is, None for one that was never finished."""
    row = records.row(f"SELECT {_LIFE} FROM lives WHERE item_id = ?", (item_id,))
    return life_of(row) if row else None


def life_of(row: Sequence[Any]) -> Life:
    """A token's way from a row of its table, the columns in their order."""
    since, *reached = (moment(one) for one in row[2:])
    assert since is not None, "the column is never null"
    return Life(row[0], LifeState(row[1]), since, *reached)


def set_state(records: Records, item_id: int, to: LifeState, at: datetime | None = None) -> None:
    """Move a token on, `at` some moment or now; raises `Transition`, `NotFound`."""
    now, on = life(records, item_id).state, stamp(at)
    move(now, to, where=f"token {item_id:06d}")
    records.write("UPDATE lives SET state = ?, since = ? WHERE item_id = ?", (to, on, item_id))
    if (column := _LAST_AT.get(to)) is not None:
        # A token that came back leaves anew: what the gap of R5 lies behind is its last way out.
        records.write(f"UPDATE lives SET {column} = ? WHERE item_id = ?", (on, item_id))


def in_states(records: Records, *states: LifeState) -> Iterator[tuple[str, Life]]:
    """Finished tokens in these states by their numbers, those longest there first."""
    rows = records.rows(
        f"SELECT i.mailer_number, {', '.join(f'l.{name.strip()}' for name in _LIFE.split(','))} "
        "FROM lives l CROSS JOIN items i ON i.id = l.item_id "
        f"WHERE l.state IN ({', '.join('?' * len(states))}) AND i.state = 'produced' ORDER BY l.since, i.id",
        states,
    )
    for number, *row in rows:
        yield number, life_of(row)


def counts(records: Records, order_id: int | None = None) -> dict[LifeState, int]:
    """How many tokens of an order, or of all, are in each state; only those that are produced."""
    of_order = "" if order_id is None else "AND i.order_id = ?"
    found = dict(
        records.rows(
            "SELECT l.state, count(*) FROM lives l JOIN items i ON i.id = l.item_id "
            f"WHERE i.state = 'produced' {of_order} GROUP BY l.state",
            () if order_id is None else (order_id,),
        )
    )
    return {state: int(found.get(state, 0)) for state in LIFE}


def take_back(records: Records, item_id: int, state: LifeState, at: datetime) -> bool:
    """A token got to a state after the backup, by whatever way; False where it is there already."""
    found = life_or_none(records, item_id)
    if found is None or found.state is state:
        return False
    records.write("UPDATE lives SET state = ?, since = ? WHERE item_id = ?", (state, stamp(at), item_id))
    if (column := _LAST_AT.get(state)) is not None:
        records.write(f"UPDATE lives SET {column} = ? WHERE item_id = ?", (stamp(at), item_id))
    return True
