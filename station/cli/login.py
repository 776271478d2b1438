"""`station login`, `station logout`, `station whoami`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import document
from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from station.operators_seat import OperatorsSeat
    from station.wiring import Desk


@click.command()
@click.option(
    "--stay", is_flag=True, help="Stay until the token leaves the operators' seat, and end the session then."
)
@click.option(
    "--guard", is_flag=True, help="Log nobody in: stay by the session that there is, as --stay does."
)
@json_option
@pass_invocation
def login(invocation: Invocation, stay: bool, guard: bool, as_json: bool) -> ExitCode:
    """Log in at this terminal: as who is named with --as, else as whose token is in the operators' seat.

    Until the session ends, commands of this terminal know who acts; what is signed still asks for the PIN or
    passphrase. It ends with `station logout`, unused for a while, or at the end of a shift, as configured.
    With --stay also when the token leaves the seat, which others may use meanwhile; stopping that by a signal
    leaves the session as it is. --guard asks for no PIN: it waits a minute for the token to be in the seat,
    and ends the session where it does not come.
    """
    from contextlib import ExitStack

    from batch.model.people import Means
    from station.acting import limits, log_in

    desk = invocation.desk()
    if guard:
        return _guard(invocation, desk, as_json=as_json)
    configured = desk.configuration.operators
    with ExitStack() as held:
        # One process from the PIN on, so that no other token can take the place of this unseen.
        watching = stay and configured is not None and configured.driver is not None
        seat = held.enter_context(desk.operators_seat()) if watching else None
        with desk.sound_records() as records:
            operator, until = log_in(desk, records, invocation.named, _tell)
        idle = limits(desk).idle.total_seconds() / 60
        _tell(f"{operator.name} is logged in until {until:%Y-%m-%d %H:%M} UTC, or {idle:g} minutes unused")
        watched = seat is not None and operator.means is Means.TOKEN

        def told() -> None:
            if as_json:
                # One line, which tells a reader that there is no more to wait for.
                ends = until.isoformat(timespec="seconds")
                facts = {"name": operator.name, "until": ends, "idle_minutes": idle, "watched": watched}
                click.echo(json.dumps(facts))

        if seat is not None and watched:
            _watch(invocation, desk, seat, operator.name, told)
            return ExitCode.OK
        told()
        if stay:
            _tell(f"{operator.name} has no token: nothing watches, log out with `station logout`")
    return ExitCode.OK


def _guard(invocation: Invocation, desk: Desk, *, as_json: bool) -> ExitCode:
    from batch.model.errors import Refused
    from batch.model.people import Means
    from batch.people.acting import register_of
    from drivers.errors import DriverError
    from station.acting import await_token, logged_in
    from station.staying import lock

    with desk.sound_records() as records:
        session = logged_in(desk, records)
        operator = register_of(records).operator(session.operator) if session else None
    configured = desk.configuration.operators
    watchable = configured is not None and configured.driver is not None
    if operator is None or not watchable or operator.means is not Means.TOKEN:
        _tell("nobody is logged in here with a token: nothing is watched")
        return ExitCode.NOT_FOUND
    with desk.operators_seat() as seat:
        desk.present(operator.name)
        try:
            own = operator.certificate
            await_token(seat, operator.name, lambda found: found == own, _tell)
        except (Refused, DriverError) as error:
            lock(desk, error.what, _locking(invocation, operator.name))
            return ExitCode.OK

        def told() -> None:
            if as_json:
                click.echo(json.dumps({"name": operator.name, "watched": True}))

        _watch(invocation, desk, seat, operator.name, told)
    return ExitCode.OK


def _locking(invocation: Invocation, operator: str) -> Callable[[str], None]:
    from station.conversation.messages import Locked

    def locked(why: str) -> None:
        if invocation.conversation is not None:
            invocation.conversation.tell(Locked(operator))
        _tell(f"{operator} is logged out: {why}")

    return locked


def _watch(
    invocation: Invocation, desk: Desk, seat: OperatorsSeat, operator: str, watching: Callable[[], None]
) -> None:
    from station.cli.stopping import stop_on_signals
    from station.conversation.messages import Watched
    from station.staying import stay

    stopped: list[int] = []
    with stop_on_signals(lambda: stopped.append(1), "nothing watches the token any more; the session stays"):
        if invocation.conversation is not None:
            invocation.conversation.tell(Watched(operator))
        watching()
        stay(desk, seat, lambda: bool(stopped), _locking(invocation, operator))


def _tell(text: str) -> None:
    click.echo(text, err=True)


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
    from station.acting import limits, logged_in

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
        idle = limits(desk).idle.total_seconds() / 60
        facts = {"name": operator.name, "roles": roles, "means": str(operator.means)}
        document({**facts, "until": until, "idle_minutes": idle})
        return ExitCode.OK
    click.echo(f"{operator.name}: {', '.join(roles)}")
    click.echo(f"until {session.until:%Y-%m-%d %H:%M} UTC at the latest", err=True)
    return ExitCode.OK
