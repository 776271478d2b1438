"""`station lanes`: which seats there are, and which reader is which."""

from __future__ import annotations

import dataclasses
import os

import click

from station import probes, seats
from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import listing
from station.config import load
from station.configuring import seat_entry
from station.exit_codes import ExitCode

_COLUMNS = {
    "name": "Seat",
    "driver": "Driver",
    "reader": "Reader or slot",
    "serial": "Serial",
    "state": "State",
    "problem": "Problem",
}


_EMPTY = "No seats and no readers; attach one, then `station lanes bind`."


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def lanes(ctx: click.Context, as_json: bool) -> ExitCode | None:
    """List the seats of this station and what is in them, then readers that no seat names."""
    if ctx.invoked_subcommand is not None:
        return None
    invocation = ctx.find_object(Invocation)
    assert invocation is not None
    found = seats.view(load(invocation.home().configuration))
    rows = [dataclasses.asdict(one) for one in found]
    listing(
        rows,
        _COLUMNS,
        as_json=as_json,
        empty=_EMPTY,
    )
    return ExitCode.DEVICE if any(one.name and one.problem for one in found) else ExitCode.OK


@lanes.command()
@click.argument("name")
@click.option("--driver", default="piv", show_default=True, help="The driver for the tokens of this seat.")
@click.option("--write", is_flag=True, help="Put the entry at the end of station.toml.")
@pass_invocation
def bind(invocation: Invocation, name: str, driver: str, write: bool) -> None:
    """Make the seat NAME of the reader in which a card is inserted next.

    PCSCLITE_CSOCK_NAME, where set, is the PC/SC service that is watched, and becomes part of the seat.
    """
    home = invocation.home()
    configuration = load(home.configuration)
    seats.refuse_taken(home, configuration, name)
    environment = {key: os.environ[key] for key in ("PCSCLITE_CSOCK_NAME",) if os.environ.get(key)}
    watching = probes.readers_probe(environment)
    try:
        click.echo(
            f"Insert a card into the reader that shall be {name!r}; take it out first where it is in.",
            err=True,
        )
        reader = watching.ask("next_insertion")
    finally:
        watching.kill()
    seat = seats.bound(name, driver, reader, environment)
    if write:
        seats.append(home, configuration, seat)
        click.echo(f"Written to {home.configuration}.", err=True)
    click.echo(seat_entry(seat), nl=False)
