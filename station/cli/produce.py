"""`station produce`: run an approved order over all lanes."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from station.cli.audit import tell_checkpoint
from station.cli.errors import report
from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import counted, document, told
from station.cli.scheduling import MOMENT, utc
from station.cli.stopping import stop_on_signals
from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from batch.model.orders import Order
    from batch.model.people import Signed
    from batch.production.events import LaneEvent
    from batch.production.result import Result
    from batch.production.run import Production
    from batch.store.database import Records
    from station.feed.server import Feed
    from station.wiring import Desk

    Listener = Callable[[LaneEvent], None]

_NICENESS = 10
"""Of a production and all its lanes: they wait for cards, and whoever sits at a screen goes first."""


@click.command()
@click.argument("number")
@click.option("--seat", "seats", multiple=True, metavar="NAME", help="Use only this seat; may be repeated.")
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    help="Seconds a lane waits for the token of an unfinished item before it gives up.",
)
@click.option(
    "--clock-is-right",
    is_flag=True,
    help="Answer for a clock that is behind the log because it was ahead before.",
)
@click.option(
    "--until",
    type=MOMENT,
    help="No token is begun after this, in UTC.  [default: 12 hours from now]",
)
@click.option(
    "--scheduled",
    "beforehand",
    is_flag=True,
    help="By what a personaliser signed beforehand; who runs this need not be an operator.",
)
@json_option
@pass_invocation
def produce(
    invocation: Invocation,
    number: str,
    seats: tuple[str, ...],
    patience: float,
    clock_is_right: bool,
    until: datetime | None,
    beforehand: bool,
    as_json: bool,
) -> ExitCode:
    """Make the tokens of the approved order NUMBER (PINs of `bench` and `ca`; `diversification` if need be).

    Ctrl-C ends between two steps, as does closing the terminal; the same command goes on from there. So it
    does after a crash: what is half made is read from the token, and finished or put aside with the reason.
    """
    if beforehand and (clock_is_right or until):
        raise click.UsageError("what was signed beforehand says until when, and answers for no clock")
    from batch.production.lock import only_one
    from batch.production.ordering import scheduled
    from batch.production.run import Production
    from batch.production.startable import startable
    from batch.store.codes import diversified
    from batch.store.items import counts, layouts_of
    from batch.store.orders import order
    from drivers.errors import ToldError
    from station.feed.server import Feed
    from station.progress import watch

    _give_way()
    desk = invocation.desk()
    unsigned: ToldError | None = None
    with ExitStack() as held:
        held.enter_context(only_one(desk.run_directory / "production.lock", "production"))
        records = held.enter_context(desk.sound_records(thorough=True))
        wanted = order(records, number)
        if beforehand:
            startable(records, wanted)
            ordered = scheduled(records, wanted, [seat.name for seat in desk.seats(seats)])
        else:
            ordered = _signed(invocation, desk, records, wanted, seats, utc(until), clock_is_right)
        operator = ordered.signers[-1]
        layouts = {name: desk.library.token(name) for name in layouts_of(records, wanted)}
        diversifies = any(layout.diversified for layout in layouts.values())
        keeper = held.enter_context(desk.keeper())
        diversification = None
        if diversifies or diversified(records, wanted.id):
            diversification = held.enter_context(desk.diversification())
        served = desk.seats(seats)
        feed = Feed(
            wanted.number,
            operator,
            {seat.name: seat.driver for seat in served},
            lambda: counts(records, wanted),
        )
        production = Production(
            records,
            wanted,
            served,
            operator=operator,
            authority=held.enter_context(desk.authority()),
            keeper=keeper,
            diversification=diversification,
            briefing=desk.brief,
            layouts=layouts,
            run_directory=desk.run_directory,
            tell=_to_both(feed.tell, held.enter_context(watch(records, wanted))),
            patience=patience,
            ordered=ordered,
        )
        held.enter_context(stop_on_signals(production.stop, "stopping: every lane ends the step it is in"))
        _serve(held, feed, desk.run_directory, production)
        result = production.run()
        feed.ended(result)
        try:
            made = desk.checkpoint(records, keeper, operator)
        except ToldError as error:
            unsigned = error
    code = _tell(result, as_json)
    if unsigned is None:
        tell_checkpoint(made)
        return code
    click.echo("no checkpoint of the log was signed:", err=True)
    failed = report(unsigned)
    return failed if code is ExitCode.OK or failed is ExitCode.CHECK_FAILED else code


def _give_way() -> None:
    os.setpriority(os.PRIO_PROCESS, 0, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))


def _to_both(feed: Listener, terminal: Listener) -> Listener:
    def tell(event: LaneEvent) -> None:
        # A terminal may block.
        feed(event)
        terminal(event)

    return tell


def _serve(held: ExitStack, feed: Feed, run_directory: Path, production: Production) -> None:
    """Let screens watch and steer it; it goes on without them where that cannot be."""
    from station.talk import say

    def stop(by: str | None) -> None:
        production.stop()
        say(f"stopping, as {by or 'somebody at a screen'} asked: every lane ends the step it is in")

    try:
        held.enter_context(feed.serving(run_directory, production.wishes, stop))
    except OSError as error:
        click.echo(f"it cannot be watched from a screen: {error.strerror}", err=True)


def _signed(
    invocation: Invocation,
    desk: Desk,
    records: Records,
    wanted: Order,
    seats: Sequence[str],
    until: datetime | None,
    clock_is_right: bool,
) -> Signed:
    """What the personaliser signs, whose token or passphrase is let go before the first token is made."""
    from batch.audit.clock import confirm_time
    from batch.people.separation import Act
    from batch.production.ordering import approved_by, order_production
    from batch.production.startable import startable

    before = approved_by(records, wanted)
    with invocation.acting(desk, records, Act.PRODUCE, where=wanted.number, before=before) as actor:
        if clock_is_right:
            confirm_time(records, actor.name)
        startable(records, wanted)
        names = [seat.name for seat in desk.seats(seats)]
        return order_production(records, wanted, actor, names, until)


def _tell(result: Result, as_json: bool) -> ExitCode:
    from batch.model.states import ItemState

    counts = result.counts
    if as_json:
        document(
            {
                "order": result.order.number,
                "state": str(result.order.state),
                "items": {str(state): number for state, number in counts.items()},
                "stopped_lanes": dict(result.stopped_lanes),
                "misissued": result.misissued,
                "missing": list(result.missing),
                "waiting": list(result.waiting),
                "quarantined": list(result.aside),
                "unseated": dict(result.unseated),
                "interrupted": result.interrupted,
                "clock_moved": round(result.clock_moved.total_seconds()),
            }
        )
    click.echo(f"order {result.order.number} is {result.order.state}: {told(counts)}", err=True)
    for seat, reason in result.stopped_lanes.items():
        click.echo(f"lane {seat} stopped: {reason}", err=True)
    if result.misissued:
        click.echo(
            f"the CA issued {counted(result.misissued, 'certificate', 'certificates')} nobody asked for: "
            "see `station ca revocations`",
            err=True,
        )
    if moved := round(result.clock_moved.total_seconds()):
        click.echo(
            f"the clock was put {'back' if moved < 0 else 'forward'} by {abs(moved)} s meanwhile; "
            "what is on record goes on by the time before",
            err=True,
        )
    for driver, count in result.unseated.items():
        click.echo(
            f"{counted(count, 'planned token wants', 'planned tokens want')} a {driver} seat; none was used, "
            "see `station lanes`",
            err=True,
        )
    unfinished = counts[ItemState.PLANNED] + counts[ItemState.IN_PRODUCTION]
    if result.interrupted and unfinished:
        click.echo(f"next: station produce {result.order.number} goes on from here", err=True)
        return ExitCode.INTERRUPTED
    waiting = len(result.waiting)
    if waiting:
        click.echo(
            f"{counted(waiting, 'token waits', 'tokens wait')} for the CA; once it has answered, put them "
            "back and run this again (an offline CA: `station ca requests`, then `station ca take`)",
            err=True,
        )
    if unfinished > waiting:
        click.echo(
            f"{counted(unfinished - waiting, 'token is', 'tokens are')} not finished; "
            f"put begun ones back in a reader and run `station produce {result.order.number}` again",
            err=True,
        )
        for token in result.missing:
            click.echo(f"  begun: {token}", err=True)
    aside = counts[ItemState.QUARANTINED]
    if aside:
        click.echo(f"in quarantine: {', '.join(result.aside)}", err=True)
        click.echo(f"next: station quarantine list --order {result.order.number}", err=True)
    return ExitCode.PARTIAL if unfinished or aside else ExitCode.OK
