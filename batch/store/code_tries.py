"""Tries at revocation codes, in the records: what throttles them survives every restart (R21)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from batch.store.database import Records, moment, stamp


@dataclass(frozen=True)
class Refusals:
    """Refused tries in a row at the code of one number, and when the last was made."""

    count: int
    last: datetime | None


def book(records: Records, number: str, at: datetime) -> int:
    """Count a try as refused before it is made; its id."""
    return records.insert("INSERT INTO code_tries (number, at) VALUES (?, ?)", (number, stamp(at)))


def accept(records: Records, try_id: int) -> None:
    """The code was right: the next refusal of its number is the first again."""
    records.write("UPDATE code_tries SET accepted = 1 WHERE id = ?", (try_id,))


def ahead(records: Records, at: datetime) -> bool:
    """Whether refused tries are on record as later than a moment."""
    return records.row("SELECT 1 FROM code_tries WHERE accepted = 0 AND at > ?", (stamp(at),)) is not None


def not_after(records: Records, at: datetime) -> None:
    """Tries on record as later than a moment were made at it: the clock was ahead."""
    records.write("UPDATE code_tries SET at = ?1 WHERE accepted = 0 AND at > ?1", (stamp(at),))


def of_number(records: Records, number: str) -> Refusals:
    """Refused tries at a number's code since it was last accepted; a number nobody gave out has them too."""
    row = records.row(
        "SELECT count(*), max(at) FROM code_tries WHERE number = ?1 AND id > "
        "(SELECT coalesce(max(id), 0) FROM code_tries WHERE number = ?1 AND accepted = 1)",
        (number,),
    )
    count, last = row or (0, None)
    return Refusals(int(count), moment(last))


def refused_since(records: Records, since: datetime) -> list[datetime]:
    """When tries were refused, whatever the number, the oldest first."""
    rows = records.rows(
        "SELECT at FROM code_tries WHERE accepted = 0 AND at > ? ORDER BY at", (stamp(since),)
    )
    return [found for (at,) in rows if (found := moment(at)) is not None]
