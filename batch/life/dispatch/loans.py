"""Readers and USB sticks on loan: to whom, until when, and what is to come back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from batch.audit.log import log
from batch.life.dispatch.parcels import addressee_of
from batch.life.duties import Duty
from batch.life.wording import checked
from batch.model.dispatch import Device, Loan
from batch.model.errors import Refused
from batch.model.events import Event
from batch.model.people import Role
from batch.model.states import LoanState, ParcelState
from batch.people import registry
from batch.people.registry import require_person
from batch.store import loans, orders, parcels
from batch.store.database import Records

AHEAD = timedelta(days=7)
"""How long before its day somebody is reminded of a loan."""


def lend(records: Records, kind: Device, serial: str, to: str, due_on: date, by: str, on: date) -> Loan:
    """Lend a device to a person of the registry, or with a parcel that is being packed, by their number.

    Raises `Refused` for a device that is away, or a day that is over; `NotFound`.
    """
    serial = checked(serial, "serial", ascii_only=True)
    with records.transaction():
        away = loans.open_of_device(records, kind, serial)
        if away is not None:
            raise Refused(f"it is lent already, as {away.number}", where=f"{kind} {serial}")
        if due_on <= on:
            raise Refused(f"{due_on} is not to come", where=f"{kind} {serial}", next="say by when: --until")
        organisation, person, parcel_id = _whom(records, to, on)
        loan = loans.add(
            records,
            kind,
            serial,
            organisation=organisation,
            person=person,
            parcel_id=parcel_id,
            due_on=due_on,
            by=by,
        )
        detail = {
            "loan": loan.number,
            "kind": str(kind),
            "serial": serial,
            "subscriber": organisation,
            "person": person,
            "due": due_on.isoformat(),
            **({"parcel": to} if parcel_id is not None else {}),
        }
        log(records, Event("loan.lent", by, detail=detail))
    return loan


def end(records: Records, number: str, to: LoanState, by: str, reason: str | None = None) -> Loan:
    """A device is back, or lost; raises `Transition`."""
    with records.transaction():
        loan = loans.set_state(records, loans.loan(records, number), to, by, reason)
        detail = {"loan": number, "kind": str(loan.kind), "serial": loan.serial, "reason": reason}
        log(records, Event(f"loan.{to}", by, detail=detail))
    return loan


def extend(records: Records, number: str, due_on: date, by: str) -> Loan:
    """A device may stay away until another day; raises `Refused` for one that is not lent."""
    with records.transaction():
        loan = loans.loan(records, number)
        if loan.state is not LoanState.LENT:
            raise Refused(f"it is {loan.state}", where=f"loan {number}")
        loan = loans.set_due(records, loan, due_on)
        detail = {"loan": number, "due": due_on.isoformat()}
        log(records, Event("loan.extended", by, detail=detail))
    return loan


def gone(records: Records, loan: Loan) -> bool:
    """Whether a lent device has left the desk: not while its parcel is being packed."""
    if loan.parcel_id is None:
        return True
    return parcels.parcel_of(records, loan.parcel_id).state is ParcelState.SENT


def duties(records: Records, on: date) -> Iterator[Duty]:
    """Every device that is to come back soon, or should be back."""
    for loan in loans.loans(records, LoanState.LENT):
        if loan.due_on - AHEAD <= on and gone(records, loan):
            what = f"the {loan.kind} {loan.serial} is to come back"
            yield Duty(Role.DISPATCHER, what, f"loan {loan.number}", loan.due_on, "station loan reminders")


def _whom(records: Records, to: str, on: date) -> tuple[str, str | None, int | None]:
    """Subscriber, person and parcel of a parcel's or a person's number."""
    if not to.startswith(f"{parcels.LETTER}-"):
        person = require_person(records, to)
        if not person.valid(on):
            raise Refused("their function does not hold", where=f"person {to}")
        return person.organisation, person.number, None
    parcel = parcels.parcel(records, to)
    if parcel.state is not ParcelState.PACKING:
        raise Refused(f"it is {parcel.state}; nothing is put into it", where=f"parcel {to}")
    organisation = orders.order_of(records, parcel.order_id).organisation
    whom = addressee_of(records, parcel)
    manager = registry.manager_of(records, organisation, whom.email) if whom is not None else None
    return organisation, manager.number if manager is not None else None, parcel.id
