"""`station lanes`: which seats there are, and which reader is which."""

from __future__ import annotations

import dataclasses
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from station import probes, seats
from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import listing
from station.config import load
from station.configuring import seat_entry
from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from station.feed.messages import End, Pause, Resume

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
@json_option
@pass_invocation
def watch(invocation: Invocation, as_json: bool) -> ExitCode:
    """Tell what is in each seat, then each change, until Ctrl-C; nothing is taken from a lane.

    A line for a seat: `token`, `empty`, `in-use` where somebody works there and a look would disturb, or
    `unusable` and why. With --json a document a line. Ends with its input or output, too.
    """
    import json
    import select

    from station.cli.stopping import stop_on_signals
    from station.seat_watch import watch as changes

    home = invocation.home()
    reading, writing = os.pipe()
    # Of the streams only that they are hung up: what is typed is nobody's business here.
    ends = {reading: select.POLLIN, 0: select.POLLRDHUP, 1: 0}
    configuration = load(home.configuration)
    with suppress(BrokenPipeError), stop_on_signals(lambda: _wake(writing), None):
        for seat in changes(configuration, home.path / "run", ends):
            row = dataclasses.asdict(seat)
            click.echo(json.dumps(row, ensure_ascii=False) if as_json else _line(seat))
    return ExitCode.OK


def _wake(descriptor: int) -> None:
    os.write(descriptor, b"\n")


def _line(seat: seats.SeatView) -> str:
    return f"{seat.name:<12} {seat.state}" + (f": {seat.problem}" if seat.problem else "")


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


@lanes.command()
@click.argument("seat")
@pass_invocation
def pause(invocation: Invocation, seat: str) -> None:
    """Let the lane of SEAT wait after its token, its seat free for other commands."""
    from station.feed.messages import Pause

    _steer(invocation, Pause(seat))


@lanes.command()
@click.argument("seat")
@pass_invocation
def resume(invocation: Invocation, seat: str) -> None:
    """Let the lane of SEAT go on that waits, such as one whose feeder jammed and is cleared by now."""
    from station.feed.messages import Resume

    _steer(invocation, Resume(seat))


@lanes.command()
@click.argument("seat")
@pass_invocation
def end(invocation: Invocation, seat: str) -> None:
    """End the lane of SEAT after its token, for the rest of this production; the others go on."""
    from station.feed.messages import End

    _steer(invocation, End(seat))


def _steer(invocation: Invocation, wish: Pause | Resume | End) -> None:
    """Ask it of the production that runs on this home; raises `NotFound` where there is none."""
    import asyncio

    asyncio.run(_ask(invocation.home().path / "run", wish))


async def _ask(run_directory: Path, wish: Pause | Resume | End) -> None:
    from batch.model.errors import NotFound
    from station.feed.client import NothingToWatch, Watch
    from station.feed.messages import Production

    try:
        watch = await Watch.open(run_directory)
    except NothingToWatch as error:
        raise NotFound(error.what, next=error.next) from error
    try:
        told = await anext(aiter(watch), None)
        there = [seat.name for seat in told.seats] if isinstance(told, Production) else []
        if wish.seat not in there:
            what = f"the production uses no seat {wish.seat!r}"
            raise NotFound(what, next=f"there are: {', '.join(there) or 'none'}")
        await watch.send(wish)
    finally:
        watch.close()
