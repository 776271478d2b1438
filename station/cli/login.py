"""`station login`, `station logout`, `station whoami`."""

from __future__ import annotations

import click

from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import document
from station.exit_codes import ExitCode


@click.command()
@pass_invocation
def login(invocation: Invocation) -> None:
    """Log in at this terminal: as who is named with --as, else as whose token is in the operators' seat.

    Until the session ends, commands of this terminal know who acts; what is signed still asks for the PIN or
    passphrase. It ends with `station logout`, unused for a while, or at the end of a shift, as configured.
    """
    from station.acting import limits, log_in

    desk = invocation.desk()
    with desk.sound_records() as records:
        operator, until = log_in(desk, records, invocation.named, lambda text: click.echo(text, err=True))
    idle = limits(desk).idle.total_seconds() / 60
    click.echo(
        f"{operator.name} is logged in until {until:%Y-%m-%d %H:%M} UTC, or {idle:g} minutes unused", err=True
    )


@click.command()
@pass_invocation
def logout(invocation: Invocation) -> None:
    """End the session of this terminal."""
    from station.acting import log_out

    desk = invocation.desk()
    with desk.sound_records() as records:
        ended = log_out(desk, records)
    click.echo(f"{ended} is logged out" if ended else "nobody was logged in here", err=True)


@click.command()
@json_option
@pass_invocation
def whoami(invocation: Invocation, as_json: bool) -> ExitCode:
    """Tell who is logged in at this terminal, their roles, and until when; exit code 5 where nobody is."""
    from batch.people.acting import register_of
    from station.acting import logged_in

    desk = invocation.desk()
    with desk.sound_records() as records:
        session = logged_in(desk, records)
        operator = register_of(records).operator(session.operator) if session else None
    if session is None or operator is None:
        click.echo("nobody is logged in here; next: station login", err=True)
        return ExitCode.NOT_FOUND
    roles = sorted(operator.roles)
    if as_json:
        until = session.until.isoformat(timespec="seconds")
        document({"name": operator.name, "roles": roles, "means": str(operator.means), "until": until})
        return ExitCode.OK
    click.echo(f"{operator.name}: {', '.join(roles)}")
    click.echo(f"until {session.until:%Y-%m-%d %H:%M} UTC at the latest", err=True)
    return ExitCode.OK
