"""Numbered forms in the records: ranges that were received, and every form that has left the stock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from batch.model.errors import NotFound, Refused
from batch.model.forms import Form, FormBalance, FormNumber, FormRange
from batch.model.states import FORM, FormState, move
from batch.store.database import Records, moment, stamp
from batch.store.paging import FIRST, MOST, UPTO, Condition, Count, Listing, Page, Place

_USED = 1000
"""Forms that are looked at together for one that was passed over."""

_RANGE = "id, printer, series, width, first, last, received_at, received_by, delivery"
_FORM = (
    "r.series, r.width, f.place, r.printer, f.state, f.letter, f.since, f.operator, f.witness, f.reason "
    "FROM forms f JOIN form_ranges r ON r.id = f.range_id"
)
_HELD = (FormState.PRINTED, FormState.MAILED, FormState.RETURNED, FormState.MISSING)
"""States of the one form that a letter has."""


def receive(
    records: Records,
    printer: str,
    first: FormNumber,
    last: FormNumber,
    *,
    by: str,
    delivery: str | None,
    at: datetime | None = None,
) -> FormRange:
    """Take a range of forms into a printer's stock, `at` some moment or now.

    Raises `Refused` where one of them is there already.
    """
    double = records.row(
        f"SELECT {_RANGE} FROM form_ranges WHERE series = ? AND width = ? AND first <= ? AND last >= ?",
        (first.series, first.width, last.place, first.place),
    )
    if double is not None:
        there = _range(double)
        raise Refused(
            f"{there.first} to {there.last} were received on {there.received_at:%Y-%m-%d} already",
            where=f"forms {first} to {last}",
            next="read the numbers on the first and last form; see `station letter forms list`",
        )
    when = stamp(at)
    row = records.insert(
        "INSERT INTO form_ranges (printer, series, width, first, last, received_at, received_by, delivery) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (printer, first.series, first.width, first.place, last.place, when, by, delivery),
    )
    received = moment(when)
    assert received is not None
    return FormRange(row, printer, first, last, received, by, delivery)


def ranges(records: Records, printer: str | None = None) -> list[FormRange]:
    """What was received for a printer, or for all, oldest first."""
    rows = records.rows(
        f"SELECT {_RANGE} FROM form_ranges WHERE printer = coalesce(?, printer) ORDER BY id", (printer,)
    )
    return [_range(row) for row in rows]


def form(records: Records, number: FormNumber) -> Form:
    """A form and where it is; raises `NotFound` for one that no stock received."""
    row = records.row(f"SELECT {_FORM} WHERE f.number = ?", (str(number),))
    if row is not None:
        return _form(row)
    return Form(number, _range_of(records, number).printer, FormState.IN_STOCK)


def of_letter(records: Records, letter: str) -> Form | None:
    """The form that a letter is on, or was when it was lost; None where it has none."""
    held = ", ".join("?" * len(_HELD))
    row = records.row(f"SELECT {_FORM} WHERE f.letter = ? AND f.state IN ({held})", (letter, *_HELD))
    return _form(row) if row else None


def of_order(records: Records, order_id: int | None = None) -> dict[str, str]:
    """The numbers of the forms that letters of an order, or of all, are on, by letter."""
    held = ", ".join("?" * len(_HELD))
    of_order = "" if order_id is None else "AND i.order_id = ?"
    rows = records.rows(
        "SELECT f.letter, f.number FROM forms f JOIN letters t ON t.mailer_number = f.letter "
        f"JOIN items i ON i.id = t.item_id WHERE f.state IN ({held}) {of_order}",
        (*_HELD, *(() if order_id is None else (order_id,))),
    )
    return {str(letter): str(form) for letter, form in rows}


def of_letters(records: Records, letters: Sequence[str]) -> dict[str, str]:
    """The numbers of the forms that some letters are on, by letter."""
    held = ", ".join("?" * len(_HELD))
    rows = records.rows(
        # Without the sign the index of states would be read, which is longer.
        f"SELECT letter, number FROM forms WHERE +state IN ({held}) "
        f"AND letter IN ({', '.join('?' * len(letters))})",
        (*_HELD, *letters),
    )
    return {str(letter): str(form) for letter, form in rows}


def all_of_letter(records: Records, letter: str) -> list[Form]:
    """Every form a letter was ever on, in the order in which they came to their states."""
    rows = records.rows(f"SELECT {_FORM} WHERE f.letter = ? ORDER BY f.since", (letter,))
    return [_form(row) for row in rows]


def forms(records: Records, printer: str | None = None, *states: FormState) -> Iterator[Form]:
    """Forms that have left the stock, in the given states or any, by number."""
    wanted = f"AND f.state IN ({', '.join('?' * len(states))})" if states else ""
    last = ""
    while page := records.rows(
        f"SELECT f.number, {_FORM} WHERE f.number > ? AND r.printer = coalesce(?, r.printer) {wanted} "
        "ORDER BY f.number LIMIT 1000",
        (last, printer, *states),
    ):
        yield from (_form(row[1:]) for row in page)
        last = page[-1][0]


def page(
    records: Records,
    printer: str | None = None,
    state: FormState | None = None,
    place: Place = FIRST,
    limit: int = MOST,
) -> Page[Form]:
    """The page at a place of forms that have left the stock, of a printer or all, in a state or any."""
    return _FORMS.page(records, _wanted(printer, state), place, limit)


def count(
    records: Records, printer: str | None = None, state: FormState | None = None, upto: int = UPTO
) -> Count:
    """How many forms have left the stock, of a printer or all, in a state or any, counted up to a number."""
    return _FORMS.count(records, _wanted(printer, state), upto)


def _wanted(printer: str | None, state: FormState | None) -> list[Condition]:
    found: list[Condition] = [("f.state = ?", (state,))] if state is not None else []
    return [*found, ("r.printer = ?", (printer,))] if printer is not None else found


def set_state(
    records: Records,
    number: FormNumber,
    to: FormState,
    *,
    operator: str,
    letter: str | None = None,
    witness: str | None = None,
    reason: str | None = None,
) -> None:
    """Move a form; raises `Transition`, or `NotFound` for one that no stock received."""
    found = form(records, number)
    move(found.state, to, where=f"form {number}")
    records.write(
        "INSERT INTO forms (number, range_id, place, state, letter, since, operator, witness, reason) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET state = excluded.state, "
        "letter = coalesce(excluded.letter, letter), since = excluded.since, operator = excluded.operator, "
        "witness = coalesce(excluded.witness, witness), reason = coalesce(excluded.reason, reason)",
        (
            str(number),
            _range_of(records, number).id,
            number.place,
            to,
            letter,
            stamp(),
            operator,
            witness,
            reason,
        ),
    )


def gone_without_a_letter(records: Records, since: FormNumber) -> set[FormNumber]:
    """Forms from a number on, in its range, that are spoiled, missing or destroyed."""
    with suppress(NotFound):
        rows = records.rows(
            "SELECT place FROM forms WHERE range_id = ? AND place >= ? AND state IN (?, ?, ?)",
            (
                _range_of(records, since).id,
                since.place,
                FormState.SPOILED,
                FormState.MISSING,
                FormState.DESTROYED,
            ),
        )
        return {since.after(place - since.place) for (place,) in rows}
    return set()


def take_back(
    records: Records,
    number: FormNumber,
    to: FormState,
    *,
    operator: str,
    at: datetime,
    letter: str | None = None,
    witness: str | None = None,
) -> None:
    """Put a form into the state that the ledger tells of it, however it came there, after a restore."""
    found = _range_of(records, number)
    records.write(
        "INSERT INTO forms (number, range_id, place, state, letter, since, operator, witness) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET state = excluded.state, "
        "letter = coalesce(excluded.letter, letter), since = excluded.since, operator = excluded.operator, "
        "witness = coalesce(excluded.witness, witness)",
        (str(number), found.id, number.place, to, letter, stamp(at), operator, witness),
    )


def balance(records: Records, printer: str | None = None) -> FormBalance:
    """The forms of a printer, or of all, reconciled (R14)."""
    ((received,),) = records.rows(
        "SELECT coalesce(sum(last - first + 1), 0) FROM form_ranges WHERE printer = coalesce(?, printer)",
        (printer,),
    )
    found = dict(
        records.rows(
            "SELECT f.state, count(*) FROM forms f JOIN form_ranges r ON r.id = f.range_id "
            "WHERE r.printer = coalesce(?, r.printer) GROUP BY f.state",
            (printer,),
        )
    )
    states = {state: int(found.get(state, 0)) for state in FORM}
    states[FormState.IN_STOCK] = int(received) - sum(states.values())
    return FormBalance(int(received), states, count_skipped(records, printer))


def count_skipped(records: Records, printer: str | None = None) -> int:
    """How many forms of a printer, or of all, are in stock while their successors were used."""
    ((skipped,),) = records.rows(
        "SELECT coalesce(sum(used.upto - r.first + 1 - used.count), 0) FROM form_ranges r "
        "JOIN (SELECT range_id, max(place) AS upto, count(*) AS count FROM forms GROUP BY range_id) used "
        "ON used.range_id = r.id WHERE r.printer = coalesce(?, r.printer)",
        (printer,),
    )
    return int(skipped)


def in_stock_of(records: Records, printer: str) -> int:
    """How many forms of a printer are in stock."""
    return sum(in_stock(records, within) for within in ranges(records, printer))


def next_in_stock(records: Records, printer: str) -> FormNumber | None:
    """The number of the form that comes next: behind the last one that was used, in the oldest range that has
    any left; None where none is.
    """
    for within in ranges(records, printer):
        row = records.row("SELECT max(place) FROM forms WHERE range_id = ?", (within.id,))
        used = row[0] if row is not None else None
        following = within.first if used is None else within.first.after(used + 1 - within.first.place)
        if following.place <= within.last.place:
            return following
    return None


def in_stock(records: Records, within: FormRange) -> int:
    """How many forms of a range are in stock still."""
    ((used,),) = records.rows("SELECT count(*) FROM forms WHERE range_id = ?", (within.id,))
    return within.count - int(used)


def skipped(records: Records, printer: str | None = None, most: int = 100) -> list[FormNumber]:
    """Forms in stock whose successors were used: nobody has said what became of them."""
    found: list[FormNumber] = []
    for within in ranges(records, printer):
        expected = within.first.place
        while used := records.rows(
            "SELECT place FROM forms WHERE range_id = ? AND place >= ? ORDER BY place LIMIT ?",
            (within.id, expected, _USED),
        ):
            for (place,) in used:
                gap = range(expected, min(place, expected + most - len(found)))
                found += [within.first.after(one - within.first.place) for one in gap]
                expected = place + 1
                if len(found) >= most:
                    return found
    return found


def _range_of(records: Records, number: FormNumber) -> FormRange:
    row = records.row(
        f"SELECT {_RANGE} FROM form_ranges WHERE series = ? AND width = ? AND first <= ? AND last >= ?",
        (number.series, number.width, number.place, number.place),
    )
    if row is None:
        raise NotFound(
            "no stock has received it",
            where=f"form {number}",
            next="read it again; else take its delivery in: `station letter forms receive`",
        )
    return _range(row)


def _range(row: tuple[Any, ...]) -> FormRange:
    id_, printer, series, width, first, last, at, by, delivery = row
    received = moment(at)
    assert received is not None, "the column is never null"
    begin, end = FormNumber(series, width, first), FormNumber(series, width, last)
    return FormRange(id_, printer, begin, end, received, by, delivery)


def _form(row: tuple[Any, ...]) -> Form:
    series, width, place, printer, state, letter, since, operator, witness, reason = row
    number = FormNumber(series, width, place)
    return Form(number, printer, FormState(state), letter, moment(since), operator, witness, reason)


_FORMS: Listing[Form] = Listing(
    _FORM.partition(" FROM ")[0],
    "forms f CROSS JOIN form_ranges r ON r.id = f.range_id",
    ("f.number",),
    _form,
)
