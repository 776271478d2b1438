"""`station loan`: readers and USB sticks that are lent, and what is to come back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from station.cli.filters import need_one_of
from station.cli.invocation import Invocation, csv_option, json_option, on_option, pass_invocation
from station.cli.output import listing
from station.cli.reminding import directory_option, tell_written

if TYPE_CHECKING:
    from datetime import date, datetime

    from batch.model.dispatch import Loan
    from batch.model.states import LoanState
    from batch.store.database import Records

COLUMNS = {
    "loan": "Loan",
    "kind": "Device",
    "serial": "Serial",
    "state": "State",
    "subscriber": "Subscriber",
    "person": "Person",
    "parcel": "Parcel",
    "due_on": "Due",
}


@click.group()
def loan() -> None:
    """Lend readers and USB sticks by their own numbers, and take them back."""


@loan.command()
@click.argument("kind", metavar="reader|usb-stick")
@click.argument("serial")
@click.option(
    "--to", required=True, metavar="NUMBER", help="A person of the registry (P…), or the parcel it goes with."
)
@click.option("--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The day it comes back by.")
@on_option
@pass_invocation
def lend(invocation: Invocation, kind: str, serial: str, to: str, until: datetime, on: date) -> None:
    """Lend the reader or USB stick of that SERIAL, its own number."""
    from batch.life.dispatch.loans import lend as give
    from batch.model.dispatch import Device
    from batch.people.separation import Act

    if kind not in tuple(Device):
        raise click.BadParameter(f"one of: {', '.join(Device)}", param_hint="KIND")
    desk = invocation.desk()
    with desk.sound_records() as records, invocation.acting(desk, records, Act.LEND, where=serial) as actor:
        lent = give(records, Device(kind), serial, to, until.date(), actor.name, on)
    click.echo(lent.number)


@loan.command()
@click.argument("number")
@click.option("--note", help="How it came back, such as damaged.")
@pass_invocation
def returned(invocation: Invocation, number: str, note: str | None) -> None:
    """Put on record that the device of loan NUMBER is back."""
    from batch.model.states import LoanState

    _end(invocation, number, LoanState.RETURNED, note)


@loan.command()
@click.argument("number")
@click.option("--reason", required=True, help="What is known, in a sentence.")
@pass_invocation
def lost(invocation: Invocation, number: str, reason: str) -> None:
    """Put on record that the device of loan NUMBER is lost."""
    from batch.model.states import LoanState

    _end(invocation, number, LoanState.LOST, reason)


@loan.command()
@click.argument("number")
@click.option("--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The day it comes back by.")
@pass_invocation
def extend(invocation: Invocation, number: str, until: datetime) -> None:
    """Let the device of loan NUMBER stay until another day."""
    from batch.life.dispatch.loans import extend as put_off
    from batch.people.separation import Act

    desk = invocation.desk()
    with desk.sound_records() as records, invocation.acting(desk, records, Act.LEND, where=number) as actor:
        put_off(records, number, until.date(), actor.name)
    click.echo(f"loan {number} is until {until:%Y-%m-%d}", err=True)


@loan.command("list")
@click.option("--state", help="Only those in this state: lent, returned or lost.")
@click.option("--subscriber", metavar="NUMBER", help="Only those of this subscriber, such as NTRNL-90001234.")
@click.option("--due", "only_due", is_flag=True, help="Only those that should be back.")
@on_option
@json_option
@csv_option
@pass_invocation
def list_(
    invocation: Invocation,
    state: str | None,
    subscriber: str | None,
    only_due: bool,
    on: date,
    as_json: bool,
    as_csv: bool,
) -> None:
    """List loans by their numbers."""
    from batch.model.states import LoanState
    from batch.store.loans import loans
    from station.wiring import Desk

    need_one_of(LoanState, state)
    with Desk.of(invocation.home(), None).records() as records:
        found = loans(records, *([LoanState(state)] if state else []))
        rows = [
            loan_row(records, one)
            for one in found
            if (not only_due or (one.state is LoanState.LENT and one.due_on <= on))
            and subscriber in (None, one.organisation)
        ]
    listing(rows, COLUMNS, as_json=as_json, as_csv=as_csv, empty="No loans.")


@loan.command()
@on_option
@directory_option
@json_option
@pass_invocation
def reminders(invocation: Invocation, on: date, directory: Path | None, as_json: bool) -> None:
    """Write the reminders that are due about devices on loan, each once, and keep that they were."""
    from batch.life.dispatch.reminders import write_of_loans
    from batch.people.separation import Act

    desk = invocation.desk()
    with desk.sound_records() as records, invocation.acting(desk, records, Act.LEND, where="loans") as actor:
        tell_written(write_of_loans(records, desk.library, actor.name, on), directory, as_json)


def loan_row(records: Records, loan: Loan) -> dict[str, Any]:
    """A loan as lists show it."""
    from batch.store.parcels import parcel_of

    return {
        "loan": loan.number,
        "kind": str(loan.kind),
        "serial": loan.serial,
        "state": str(loan.state),
        "subscriber": loan.organisation,
        "person": loan.person,
        "parcel": parcel_of(records, loan.parcel_id).number if loan.parcel_id is not None else None,
        "due_on": loan.due_on.isoformat(),
        "lent_by": loan.lent_by,
        "lent_at": loan.lent_at.isoformat(timespec="seconds"),
        "ended_by": loan.ended_by,
        "ended_at": loan.ended_at.isoformat(timespec="seconds") if loan.ended_at else None,
        "reason": loan.reason,
    }


def _end(invocation: Invocation, number: str, state: LoanState, reason: str | None) -> None:
    from batch.life.dispatch.loans import end
    from batch.people.separation import Act

    desk = invocation.desk()
    with desk.sound_records() as records, invocation.acting(desk, records, Act.LEND, where=number) as actor:
        end(records, number, state, actor.name, reason)
    click.echo(f"loan {number} is {state}", err=True)
