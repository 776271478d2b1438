"""Custody in the records: share sets, the keys of epochs, ceremonies."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from batch.model.custody import (
    Ceremony,
    CustodyKey,
    KeyState,
    Outcome,
    RoomKeys,
    SealedShare,
    SetState,
    ShareSet,
)
from batch.model.errors import NotFound
from batch.store.database import Records, moment, stamp

_KEY = (
    "k.name, k.public_key, k.ceremony, k.made_at, o.number, k.ending_at, k.destroyed_at, k.doubtful "
    "FROM custody_keys k LEFT JOIN epochs e ON e.key_name = k.name LEFT JOIN orders o ON o.id = e.order_id"
)


def add_set(records: Records, shares: ShareSet) -> None:
    """Keep a share set before the token has its PIN."""
    records.write(
        "INSERT INTO share_sets (name, station, threshold, proof, state, drawn_at) VALUES (?, ?, ?, ?, ?, ?)",
        (shares.name, shares.station, shares.threshold, shares.check, SetState.DRAWN, stamp()),
    )
    for share in shares.shares:
        records.write(
            "INSERT INTO shares (set_name, officer, place, sealed) VALUES (?, ?, ?, ?)",
            (shares.name, share.officer, share.place, share.sealed),
        )


def sets(records: Records, *states: SetState) -> list[tuple[SetState, ShareSet]]:
    """The share sets in the given states, the one that opened the token last first."""
    rows = records.rows(
        "SELECT name, station, threshold, proof, state FROM share_sets "
        f"WHERE state IN ({', '.join('?' * len(states))}) ORDER BY state, drawn_at DESC",
        states,
    )
    return [
        (SetState(state), ShareSet(name, station, threshold, proof, _shares(records, name)))
        for name, station, threshold, proof, state in rows
    ]


def proven(records: Records, shares: ShareSet) -> bool:
    """This set opened the token: it is current, and every other is retired and its shares dropped.

    False where that was on record already.
    """
    row = records.row("SELECT state FROM share_sets WHERE name = ?", (shares.name,))
    others = records.rows(
        "SELECT name FROM share_sets WHERE name != ? AND state != ?", (shares.name, SetState.RETIRED)
    )
    if row is not None and row[0] == SetState.CURRENT and not others:
        return False
    if row is None:
        add_set(records, shares)
    records.write("UPDATE share_sets SET state = ? WHERE name != ?", (SetState.RETIRED, shares.name))
    records.write("DELETE FROM shares WHERE set_name != ?", (shares.name,))
    records.write("UPDATE share_sets SET state = ? WHERE name = ?", (SetState.CURRENT, shares.name))
    return True


def begin(records: Records, kind: str, statement: str, keys: RoomKeys) -> int:
    """A ceremony that officers signed for; its id."""
    return records.insert(
        "INSERT INTO ceremonies (kind, statement, agreement, signing, begun_at) VALUES (?, ?, ?, ?, ?)",
        (kind, statement, keys.agreement, keys.signing, stamp()),
    )


def end(records: Records, ceremony: int, outcome: Outcome) -> None:
    """What came of a ceremony."""
    records.write(
        "UPDATE ceremonies SET outcome = ?, signature = ?, ended_at = ? WHERE id = ?",
        (outcome.text, outcome.signature, stamp(), ceremony),
    )


def ceremony(records: Records, id_: int) -> Ceremony:
    """One ceremony; raises `NotFound`."""
    found = [one for one in ceremonies(records) if one.id == id_]
    if not found:
        raise NotFound("no such ceremony", where=str(id_), next="see `station custody list`")
    return found[0]


def ceremonies(records: Records) -> list[Ceremony]:
    """All ceremonies, oldest first."""
    return [
        Ceremony(
            id_,
            kind,
            statement,
            RoomKeys(agreement, signing),
            datetime.fromisoformat(begun),
            Outcome(bytes(text), bytes(signature)) if text is not None else None,
            moment(ended),
        )
        for id_, kind, statement, agreement, signing, begun, text, signature, ended in records.rows(
            "SELECT id, kind, statement, agreement, signing, begun_at, outcome, signature, ended_at "
            "FROM ceremonies ORDER BY id"
        )
    ]


def add_key(records: Records, name: str, public_key: bytes, ceremony: int | None) -> None:
    """A key of an epoch to come, in stock."""
    records.write(
        "INSERT INTO custody_keys (name, public_key, ceremony, made_at) VALUES (?, ?, ?, ?)",
        (name, public_key, ceremony, stamp()),
    )


def keys(records: Records, *states: KeyState) -> list[CustodyKey]:
    """The keys of epochs in the given states, or all, in the order in which they were made."""
    found = [_key(row) for row in records.rows(f"SELECT {_KEY} ORDER BY k.id")]
    return [one for one in found if not states or one.state in states]


def key(records: Records, name: str) -> CustodyKey | None:
    """The key of a name, None where none is on record."""
    row = records.row(f"SELECT {_KEY} WHERE k.name = ?", (name,))
    return _key(row) if row else None


def ending(records: Records, name: str) -> None:
    """Officers signed that a key be destroyed: nothing is opened with it from here on."""
    records.write(
        "UPDATE custody_keys SET ending_at = coalesce(ending_at, ?) WHERE name = ?", (stamp(), name)
    )


def destroyed(records: Records, name: str) -> None:
    """A key is destroyed."""
    records.write("UPDATE custody_keys SET destroyed_at = ? WHERE name = ?", (stamp(), name))


def doubt_stock(records: Records) -> int:
    """No key in stock is taken any more: which were, or are destroyed, is not known after a restore."""
    return records.write(
        "UPDATE custody_keys SET doubtful = 1 WHERE destroyed_at IS NULL "
        "AND name NOT IN (SELECT key_name FROM epochs)"
    )


def _shares(records: Records, name: str) -> tuple[SealedShare, ...]:
    rows = records.rows(
        "SELECT officer, place, sealed FROM shares WHERE set_name = ? ORDER BY place", (name,)
    )
    return tuple(SealedShare(officer, place, bytes(sealed)) for officer, place, sealed in rows)


def _key(row: tuple[Any, ...]) -> CustodyKey:
    name, public_key, ceremony, made_at, order, ending_at, destroyed_at, doubtful = row
    state = (
        KeyState.DESTROYED
        if destroyed_at is not None
        else KeyState.ENDING
        if ending_at is not None
        else KeyState.TAKEN
        if order is not None
        else KeyState.DOUBTFUL
        if doubtful
        else KeyState.STOCK
    )
    made = datetime.fromisoformat(made_at)
    return CustodyKey(name, bytes(public_key), ceremony, made, order, state, moment(destroyed_at))
