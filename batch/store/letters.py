"""PIN letters in the records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from batch.model.errors import NotFound
from batch.model.orders import LetterRecord, Outlook, Posting
from batch.model.scans import plain
from batch.model.states import LETTER, ItemState, LetterState, LifeState, move
from batch.store.database import Records, moment, stamp
from batch.store.id_sets import IdSet, Indexed, any_of, walk
from batch.store.lives import life_of
from layouts.scans import Kind

_LETTER = "mailer_number, item_id, state, printer, operator, intent_at, printed_at"
_PAGE = 500
_REVOKED = (
    "EXISTS (SELECT 1 FROM revocations r JOIN keys k "
    "ON k.item_id = r.item_id AND k.certificate = r.certificate WHERE r.item_id = i.id)"
)
_OUTLOOK = (
    f"{', '.join(f't.{name}' for name in _LETTER.split(', '))}, o.number, i.layout, i.state, {_REVOKED}, "
    "v.item_id, v.state, v.since, v.dispatched_at, v.acknowledged_at, v.handed_over_at, "
    "v.activated_at, v.ended_at FROM letters t JOIN items i ON i.id = t.item_id "
    "JOIN orders o ON o.id = i.order_id LEFT JOIN lives v ON v.item_id = i.id"
)
"""Columns and tables of `_outlook`."""
_DAYS = (
    "v.since",
    "v.dispatched_at",
    "v.acknowledged_at",
    "v.handed_over_at",
    "coalesce(t.printed_at, t.intent_at)",
)
"""What the days are counted from, on which letters may be printed, may leave, or are looked for."""


def add(records: Records, mailer_number: str, item_id: int) -> None:
    """The letter of a produced token, its codes under seal."""
    records.write(
        "INSERT INTO letters (mailer_number, item_id, state) VALUES (?, ?, ?)",
        (mailer_number, item_id, LetterState.SEALED),
    )


def withdraw(records: Records, mailer_number: str, item_id: int, operator: str) -> LetterState:
    """The letter of a spoiled token is void, and stays counted (R14); the state it is in then.

    One that was printed stays so: a person finds and destroys it.
    """
    state = state_of(records, mailer_number)
    if state is None:
        records.write(
            "INSERT INTO letters (mailer_number, item_id, state, operator) VALUES (?, ?, ?, ?)",
            (mailer_number, item_id, LetterState.VOID, operator),
        )
        return LetterState.VOID
    if state not in (LetterState.SEALED, LetterState.UNKNOWN):
        return state
    printer = letter(records, mailer_number).printer or ""
    set_state(records, mailer_number, LetterState.VOID, printer=printer, operator=operator)
    return LetterState.VOID


def letter(records: Records, mailer_number: str) -> LetterRecord:
    """The letter of a mailer number; raises `NotFound`, and `FaultyValue` for a scan of something else."""
    mailer_number = plain(mailer_number, Kind.LETTER)
    row = records.row(f"SELECT {_LETTER} FROM letters WHERE mailer_number = ?", (mailer_number,))
    if row is None:
        raise NotFound("no letter of that number", where=mailer_number, next="see `station letter list`")
    return _letter(row)


def state_of(records: Records, mailer_number: str) -> LetterState | None:
    """The state of a letter, None where there is none yet."""
    row = records.row("SELECT state FROM letters WHERE mailer_number = ?", (mailer_number,))
    return LetterState(row[0]) if row else None


def letters(records: Records, order_id: int | None = None, *states: LetterState) -> Iterator[LetterRecord]:
    """Letters of an order or of all, in the given states or any, in the order of their numbers."""
    for ids in _pages(records, order_id, states):
        rows = records.rows(
            f"SELECT {_LETTER} FROM letters WHERE item_id IN ({_marks(ids)}) ORDER BY item_id", ids
        )
        yield from (_letter(row) for row in rows)


def outlooks(records: Records, order_id: int | None = None, *states: LetterState) -> Iterator[Outlook]:
    """Letters as `letters` finds them, each with what decides whether it may be printed or leave."""
    for ids in _pages(records, order_id, states):
        yield from outlooks_of(records, ids)


def outlooks_of(records: Records, item_ids: Sequence[int]) -> Iterator[Outlook]:
    """The letters of some items, by number, each with what decides whether it may be printed or leave."""
    for row in records.rows(
        f"SELECT {_OUTLOOK} WHERE t.item_id IN ({_marks(item_ids)}) ORDER BY t.item_id", item_ids
    ):
        yield _outlook(row)


def alike(records: Records, *states: LetterState) -> list[tuple[Outlook, int]]:
    """Letters in the given states, counted by what decides whether they may be printed or leave: the first of
    all of an order of which that is the same on any day, and how many they are.
    """
    # Beside min() SQLite gives the other columns of that row.
    rows = records.rows(
        f"SELECT count(*), min(t.item_id), {_OUTLOOK} WHERE t.state IN ({_marks(states)}) "
        f"GROUP BY i.order_id, i.layout, i.state, t.state, v.state, {_REVOKED}, "
        f"{', '.join(f'substr({column}, 1, 10)' for column in _DAYS)} ORDER BY 2",
        states,
    )
    return [(_outlook(row[2:]), int(row[0])) for row in rows]


def gone_before_tokens(records: Records) -> list[int]:
    """The ids of items whose letter left while their token lies at the desk."""
    rows = records.rows(
        "SELECT v.item_id FROM lives v CROSS JOIN letters t ON t.item_id = v.item_id "
        "WHERE v.state = ? AND t.state = ? ORDER BY v.item_id",
        (LifeState.AT_DESK, LetterState.SENT),
    )
    return [int(row[0]) for row in rows]


def counts(records: Records, order_id: int | None = None) -> dict[LetterState, int]:
    """How many letters of an order, or of all, are in each state; void ones stay counted (R14)."""
    of_order = "" if order_id is None else "WHERE item_id IN (SELECT id FROM items WHERE order_id = ?)"
    parameters = () if order_id is None else (order_id,)
    found = dict(records.rows(f"SELECT state, count(*) FROM letters {of_order} GROUP BY state", parameters))
    return {state: int(found.get(state, 0)) for state in LETTER}


def counts_of(records: Records, order_ids: Sequence[int]) -> dict[int, dict[LetterState, int]]:
    """`counts` of each of some orders, by its id."""
    found = {id_: dict.fromkeys(LETTER, 0) for id_ in order_ids}
    for id_, state, count in records.rows(
        "SELECT i.order_id, l.state, count(*) FROM items i CROSS JOIN letters l ON l.item_id = i.id "
        f"WHERE i.order_id IN ({', '.join('?' * len(order_ids))}) GROUP BY i.order_id, l.state",
        order_ids,
    ):
        found[id_][LetterState(state)] = int(count)
    return found


def set_state(records: Records, mailer_number: str, to: LetterState, *, printer: str, operator: str) -> None:
    """Move a letter, with who did it on which printer; raises `Transition`."""
    now = letter(records, mailer_number).state
    move(now, to, where=f"letter {mailer_number}")
    at = stamp()
    records.write(
        "UPDATE letters SET state = ?, printer = ?, operator = ?, "
        "intent_at = CASE WHEN ? THEN ? ELSE intent_at END, "
        "printed_at = CASE WHEN ? THEN ? ELSE printed_at END WHERE mailer_number = ?",
        (to, printer, operator, to is LetterState.PRINTING, at, to is LetterState.PRINTED, at, mailer_number),
    )


def seal_again(records: Records, mailer_number: str, *, operator: str) -> None:
    """A letter is to be printed again: its codes are under seal still. Raises `Transition`."""
    printer = letter(records, mailer_number).printer or ""
    set_state(records, mailer_number, LetterState.SEALED, printer=printer, operator=operator)


def doubt(records: Records) -> Sequence[str]:
    """Make every letter whose printing was begun and not ended unknown (R12); returns their numbers."""
    numbers = [row.mailer_number for row in letters(records, None, LetterState.PRINTING)]
    records.write("UPDATE letters SET state = ? WHERE state = ?", (LetterState.UNKNOWN, LetterState.PRINTING))
    return numbers


def post(
    records: Records,
    mailer_number: str,
    *,
    by: str,
    how: str,
    reference: str | None,
    at: datetime | None = None,
) -> None:
    """A letter leaves, `at` some moment or now; its state is for `set_state`."""
    records.write(
        "INSERT INTO postings (letter, sent_at, sent_by, how, reference) VALUES (?, ?, ?, ?, ?)",
        (mailer_number, stamp(at), by, how, reference),
    )


def post_back(records: Records, mailer_number: str, *, by: str) -> None:
    """A letter that left came back."""
    records.write(
        "UPDATE postings SET returned_at = ?, returned_by = ? WHERE letter = ? AND returned_at IS NULL",
        (stamp(), by, mailer_number),
    )


def postings(records: Records, mailer_number: str) -> list[Posting]:
    """Every time a letter left, oldest first."""
    rows = records.rows(
        "SELECT letter, sent_at, sent_by, how, reference, returned_at, returned_by FROM postings "
        "WHERE letter = ? ORDER BY id",
        (mailer_number,),
    )
    return [_posting(row) for row in rows]


def take_back(records: Records, mailer_number: str, to: LetterState, *, printer: str, operator: str) -> None:
    """Put a letter into the state that the ledger tells of it, however it came there, after a restore."""
    records.write(
        "UPDATE letters SET state = ?, printer = ?, operator = ? WHERE mailer_number = ?",
        (to, printer, operator, mailer_number),
    )


def sets_of(order_id: int | None, states: Sequence[LetterState]) -> list[IdSet]:
    """The sets in all of which the items are whose letters are of an order and in some states, or any."""
    found: list[IdSet] = [Indexed("item_id", "letters")]
    if order_id is not None:
        found.append(Indexed("id", "items", "order_id = ?", (order_id,)))
    if states:
        found.append(any_of([Indexed("item_id", "letters", "state = ?", (state,)) for state in states]))
    return found


def _pages(records: Records, order_id: int | None, states: Sequence[LetterState]) -> Iterator[list[int]]:
    found = walk(records, sets_of(order_id, states))
    while ids := list(islice(found, _PAGE)):
        yield ids


def _outlook(row: tuple[Any, ...]) -> Outlook:
    order, layout, token, revoked, *life = row[7:]
    there = life_of(life) if life[0] is not None else None
    return Outlook(_letter(row[:7]), order, layout, ItemState(token), there, bool(revoked))


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _posting(row: tuple[Any, ...]) -> Posting:
    letter, sent_at, sent_by, how, reference, returned_at, returned_by = row
    sent = moment(sent_at)
    assert sent is not None, "the column is never null"
    return Posting(letter, sent, sent_by, how, reference, moment(returned_at), returned_by)


def _letter(row: tuple[Any, ...]) -> LetterRecord:
    number, item_id, state, printer, operator, intent_at, printed_at = row
    return LetterRecord(
        number, item_id, LetterState(state), printer, operator, moment(intent_at), moment(printed_at)
    )
