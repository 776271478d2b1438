"""`station letter`: printing PIN letters and accounting for them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from station.cli.filters import need_one_of, order_filter
from station.cli.invocation import (
    Invocation,
    csv_option,
    json_option,
    on_option,
    pass_invocation,
    with_option,
)
from station.cli.letter_accounting import confirm, destroy, lost, settle, spoil, void
from station.cli.letter_forms import forms
from station.cli.letter_leaving import returned, send
from station.cli.output import counted, document, listing, told
from station.cli.releasing import release, reprint
from station.cli.stopping import stop_on_signals
from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from datetime import date

    from batch.store.database import Records
    from station.wiring import Desk

_COLUMNS = {
    "number": "Number",
    "state": "State",
    "form": "Form",
    "printer": "Printer",
    "operator": "Operator",
    "intent_at": "Begun",
    "printed_at": "Printed",
    "reprints": "Reprints",
}


_READY = {
    "number": "Number",
    "order": "Order",
    "state": "State",
    "next": "Next",
    "may": "Now",
    "since": "From",
    "reason": "Because",
}


@click.group()
def letter() -> None:
    """Print PIN letters, account for each and its form, send them."""


@letter.command("list")
@order_filter
@click.option("--state", help="Only those in this state, such as `printed` or `lost`.")
@click.option(
    "--ready", is_flag=True, help="Only those that may be printed or sent now, and those that wait."
)
@on_option
@json_option
@csv_option
@pass_invocation
def list_(
    invocation: Invocation,
    number: str | None,
    state: str | None,
    ready: bool,
    on: date,
    as_json: bool,
    as_csv: bool,
) -> None:
    """List letters by their control numbers, and count them by state: spoiled ones stay counted.

    With --ready: what may be printed or sent on a day, and why the rest may not yet.
    """
    from batch.model.states import LetterState
    from batch.people.separation import Act
    from batch.store.forms import of_order as forms_of
    from batch.store.letters import counts, letters
    from batch.store.orders import order
    from batch.store.statements import counts as signed_for
    from station.wiring import Desk

    if ready and state is not None:
        raise click.UsageError("--state goes without --ready")
    need_one_of(LetterState, state)
    desk = Desk.of(invocation.home(), None)
    with desk.records() as records:
        of_order = order(records, number).id if number else None
        if ready:
            _list_ready(desk, records, of_order, on, as_json, as_csv)
            return
        again, held = signed_for(records, Act.REPRINT), forms_of(records, of_order)
        rows = (
            {
                "number": one.mailer_number,
                "state": str(one.state),
                "form": held.get(one.mailer_number),
                "printer": one.printer,
                "operator": one.operator,
                "intent_at": one.intent_at.isoformat(timespec="seconds") if one.intent_at else None,
                "printed_at": one.printed_at.isoformat(timespec="seconds") if one.printed_at else None,
                "reprints": again.get(one.mailer_number, 0),
            }
            for one in letters(records, of_order, *([LetterState(state)] if state else []))
        )
        none = "No letters; they are there once tokens are produced."
        count = listing(rows, _COLUMNS, as_json=as_json, as_csv=as_csv, empty=none)
        by_state = counts(records, of_order)
    if count and state is None:
        click.echo(f"{counted(count, 'letter', 'letters')}: {told(by_state)}", err=True)


def _list_ready(
    desk: Desk, records: Records, order_id: int | None, on: date, as_json: bool, as_csv: bool
) -> None:
    from batch.letters.policy import WAITING, next_of
    from batch.store.letters import outlooks

    rows, may_go = list[dict[str, Any]](), 0
    for one in outlooks(records, order_id, *WAITING):
        following = next_of(one, desk.library.token, on)
        if following is None:
            continue
        doing, may = following
        may_go += may.reason is None
        rows.append(
            {
                "number": one.letter.mailer_number,
                "order": one.order,
                "state": str(one.letter.state),
                "next": doing,
                "may": may.reason is None,
                "since": may.since.isoformat() if may.since else None,
                "reason": may.reason,
            }
        )
    rows.sort(key=lambda row: not row["may"])
    listing(rows, _READY, as_json=as_json, as_csv=as_csv, empty="No letter waits to be printed or sent.")
    if rows:
        click.echo(f"{may_go} of {len(rows)} may be printed or sent on {on}", err=True)


@letter.command("print")
@click.argument("number")
@with_option
@json_option
@pass_invocation
def print_(invocation: Invocation, number: str, others: tuple[str, ...], as_json: bool) -> ExitCode:
    """Print the letters of the order NUMBER that were never sent to a printer; PIN officers open custody.

    Nothing is printed twice by itself: a letter whose printing was cut off is `unknown` until somebody
    has accounted for its form. The officers who are here let be printed what nobody released before.
    """
    from batch.letters.releasing import printable, release_together
    from batch.letters.session import begin, open_to_print, print_letters
    from batch.letters.stock import lacking
    from batch.people.separation import Act
    from batch.production.lock import only_one
    from batch.store.clock import now
    from batch.store.orders import order

    desk = invocation.desk()
    seat = desk.configuration.printer
    printer, numbered = (seat.driver, seat.numbered_forms) if seat else ("", False)
    stopped: list[int] = []
    layouts = desk.library.token
    with (
        desk.sound_records(thorough=True) as records,
        only_one(desk.printing_lock, "printing"),
        ExitStack() as held,
    ):
        # Their tokens and passphrases are let go before the first page.
        with invocation.actors(
            desk, records, Act.OPEN_CUSTODY, others, where=number, together=True
        ) as actors:
            operator = actors[0].name
            for doubtful in begin(records, operator):
                click.echo(f"letter {doubtful}: it is unknown whether it was printed", err=True)
            wanted = order(records, number)
            release_together(records, wanted, actors, layouts)
            room = held.enter_context(desk.print_room())
            open_to_print(records, wanted, room, actors, layouts)
        ready = len(printable(records, wanted, layouts, now().date())[0])
        if numbered and (too_few := lacking(records, printer, ready)):
            click.echo(
                f"the stock on record has {counted(too_few, 'form', 'forms')} too few for "
                f"{counted(ready, 'letter', 'letters')}: station letter forms receive",
                err=True,
            )
        with stop_on_signals(lambda: stopped.append(1), "stopping: after the letter being printed"):
            result = print_letters(
                records,
                wanted,
                room,
                layouts=layouts,
                printer=printer,
                operator=operator,
                tell=lambda name, done, all_: click.echo(
                    f"letter {name} printed ({done} of {all_})", err=True
                ),
                stopping=lambda: bool(stopped),
            )
    for name, may in result.held.items():
        since = f", from {may.since} on" if may.since else ""
        click.echo(f"letter {name} waits: {may.reason}{since}", err=True)
    if as_json:
        document(
            {
                "printed": result.printed,
                "left": result.left,
                "stopped": result.stopped,
                "held": {name: may.reason for name, may in result.held.items()},
            }
        )
    if result.stopped:
        left = counted(result.left, "letter is", "letters are")
        click.echo(f"stopped: {result.stopped}; {left} left", err=True)
        return ExitCode.INTERRUPTED if stopped else ExitCode.PARTIAL
    click.echo(f"{counted(len(result.printed), 'letter', 'letters')} printed", err=True)
    if result.printed:
        first = " --first FORM" if numbered else ""
        click.echo(f"next: look at each form, then: station letter confirm --order {number}{first}", err=True)
    return ExitCode.OK


for command in (release, reprint, confirm, settle, spoil, lost, destroy, void, send, returned, forms):
    letter.add_command(command)
