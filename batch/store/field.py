"""What was done with finished tokens in the field, in the records."""

from __future__ import annotations

from batch.model.field import Done, FieldAct
from batch.store.database import Records, moment, stamp

_DONE = "item_id, act, at, operator, other, why, recipient, consents, signed"


def add(records: Records, done: Done) -> None:
    """Put an act on record."""
    records.insert(
        f"INSERT INTO field_acts ({_DONE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            done.item_id,
            done.act,
            stamp(done.at),
            done.operator,
            done.other,
            done.why,
            done.recipient,
            " ".join(done.consents),
            done.signed,
        ),
    )


def of_item(records: Records, item_id: int, *acts: FieldAct) -> list[Done]:
    """All that was done with a token in the field, or only these acts, the oldest first."""
    among = f"AND act IN ({', '.join('?' * len(acts))})" if acts else ""
    rows = records.rows(
        f"SELECT {_DONE} FROM field_acts WHERE item_id = ? {among} ORDER BY id", (item_id, *acts)
    )
    return [_done(*row) for row in rows]


def by_whom(records: Records, item_id: int, act: FieldAct) -> tuple[str, ...]:
    """Who ever did an act to a token, by name, for the rules of separation (R1, R35)."""
    return tuple(dict.fromkeys(done.operator for done in of_item(records, item_id, act)))


def _done(
    item_id: int,
    act: str,
    at: str,
    operator: str,
    other: str | None,
    why: str | None,
    recipient: str | None,
    consents: str,
    signed: str | None,
) -> Done:
    when = moment(at)
    assert when is not None, "the column is never null"
    given = tuple(consents.split())
    return Done(item_id, FieldAct(act), when, operator, other, why, recipient, given, signed)
