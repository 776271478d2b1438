"""Readers and USB sticks on loan, in the records."""

from __future__ import annotations

from datetime import date
from typing import Any

from batch.model.dispatch import Device, Loan
from batch.model.errors import NotFound
from batch.model.states import LoanState, move
from batch.store import numbering
from batch.store.database import Records, moment, stamp
from batch.store.paging import FIRST, MOST, UPTO, Condition, Count, Listing, Page, Place

LETTER = "L"
_LOAN = (
    "id, number, kind, serial, organisation, person, parcel_id, state, lent_by, lent_at, due_on, ended_by, "
    "ended_at, reason"
)


def add(
    records: Records,
    kind: Device,
    serial: str,
    *,
    organisation: str,
    person: str | None,
    parcel_id: int | None,
    due_on: date,
    by: str,
) -> Loan:
    """A device is lent to a subscriber, and to one of its people where that is known."""
    id_, number = numbering.next_id(records, LETTER, "loans")
    records.insert(
        "INSERT INTO loans (id, number, kind, serial, organisation, person, parcel_id, state, lent_by, "
        "lent_at, due_on) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            id_,
            number,
            kind,
            serial,
            organisation,
            person,
            parcel_id,
            LoanState.LENT,
            by,
            stamp(),
            due_on.isoformat(),
        ),
    )
    return loan(records, number)


def loan(records: Records, number: str) -> Loan:
    """The loan of a number; raises `NotFound`."""
    row = records.row(f"SELECT {_LOAN} FROM loans WHERE number = ?", (number,))
    if row is None:
        raise NotFound("no loan of that number", where=number, next="see `station loan list`")
    return _loan(row)


def open_of_device(records: Records, kind: Device, serial: str) -> Loan | None:
    """The loan under which a device is away, None where it is not."""
    row = records.row(
        f"SELECT {_LOAN} FROM loans WHERE kind = ? AND serial = ? AND state = ?",
        (kind, serial, LoanState.LENT),
    )
    return _loan(row) if row else None


def loans(records: Records, *states: LoanState, parcel_id: int | None = None) -> list[Loan]:
    """Loans in the given states or any, of a parcel or of all, oldest first."""
    wanted = states or tuple(LoanState)
    rows = records.rows(
        f"SELECT {_LOAN} FROM loans WHERE state IN ({', '.join('?' * len(wanted))}) "
        "AND (? IS NULL OR parcel_id = ?) ORDER BY id",
        (*wanted, parcel_id, parcel_id),
    )
    return [_loan(row) for row in rows]


def page(
    records: Records, state: LoanState | None = None, place: Place = FIRST, limit: int = MOST
) -> Page[Loan]:
    """The page at a place of loans in a state or any, by the day they end: those that are over first."""
    return _LISTING.page(records, _in_state(state), place, limit)


def count(records: Records, state: LoanState | None = None, upto: int = UPTO) -> Count:
    """How many loans are in a state or any, counted up to a number."""
    return _LISTING.count(records, _in_state(state), upto)


def _in_state(state: LoanState | None) -> list[Condition]:
    return [("state = ?", (state,))] if state is not None else []


def set_state(records: Records, loan: Loan, to: LoanState, by: str, reason: str | None) -> Loan:
    """Move a loan, with who did it; raises `Transition`."""
    move(loan.state, to, where=f"loan {loan.number}")
    records.write(
        "UPDATE loans SET state = ?, ended_by = ?, ended_at = ?, reason = ? WHERE id = ?",
        (to, by, stamp(), reason, loan.id),
    )
    return _loan_of(records, loan.id)


def set_due(records: Records, loan: Loan, due_on: date) -> Loan:
    """Put off the day by which a device comes back."""
    records.write("UPDATE loans SET due_on = ? WHERE id = ?", (due_on.isoformat(), loan.id))
    return _loan_of(records, loan.id)


def _loan_of(records: Records, loan_id: int) -> Loan:
    row = records.row(f"SELECT {_LOAN} FROM loans WHERE id = ?", (loan_id,))
    assert row is not None, "ids of loans come from the records"
    return _loan(row)


def _loan(row: tuple[Any, ...]) -> Loan:
    id_, number, kind, serial, organisation, person, parcel_id, state, by, at, due, *ended = row
    ended_by, ended_at, reason = ended
    lent = moment(at)
    assert lent is not None, "the column is never null"
    return Loan(
        id_,
        number,
        Device(kind),
        serial,
        organisation,
        person,
        parcel_id,
        LoanState(state),
        by,
        lent,
        date.fromisoformat(due),
        ended_by,
        moment(ended_at),
        reason,
    )


_LISTING: Listing[Loan] = Listing(_LOAN, "loans", ("due_on", "id"), _loan)
