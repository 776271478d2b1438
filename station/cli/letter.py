"""`station letter`: printing PIN letters and accounting for them."""

from __future__ import annotations

from contextlib import ExitStack

import click

from station.cli.invocation import Invocation, json_option, pass_invocation, with_option
from station.cli.output import counted, document, listing, told
from station.cli.releasing import release, reprint
from station.cli.stopping import stop_on_signals
from station.exit_codes import ExitCode

_COLUMNS = {
    "number": "Number",
    "state": "State",
    "printer": "Printer",
    "operator": "Operator",
    "intent_at": "Begun",
    "printed_at": "Printed",
    "reprints": "Reprints",
}


@click.group()
def letter() -> None:
    """Print PIN letters, list them, account for one whose printing is unknown."""


@letter.command("list")
@click.option("--order", "number", help="Only those of this order.")
@json_option
@pass_invocation
def list_(invocation: Invocation, number: str | None, as_json: bool) -> None:
    """List letters by their control numbers, and count them by state: spoiled ones stay counted."""
    from batch.people.separation import Act
    from batch.store.letters import counts, letters
    from batch.store.orders import order
    from batch.store.statements import counts as signed_for
    from station.wiring import Desk

    with Desk.of(invocation.home(), None).records() as records:
        of_order = order(records, number).id if number else None
        found, by_state = letters(records, of_order), counts(records, of_order)
        again = signed_for(records, Act.REPRINT)
        rows = [
            {
                "number": one.mailer_number,
                "state": str(one.state),
                "printer": one.printer,
                "operator": one.operator,
                "intent_at": one.intent_at.isoformat(timespec="seconds") if one.intent_at else None,
                "printed_at": one.printed_at.isoformat(timespec="seconds") if one.printed_at else None,
                "reprints": again.get(one.mailer_number, 0),
            }
            for one in found
        ]
    listing(rows, _COLUMNS, as_json=as_json, empty="No letters; they are there once tokens are produced.")
    if rows:
        click.echo(f"{counted(len(rows), 'letter', 'letters')}: {told(by_state)}", err=True)


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
    from batch.letters.releasing import release_together
    from batch.letters.session import begin, open_to_print, print_letters
    from batch.people.separation import Act
    from batch.production.lock import only_one
    from batch.store.orders import order

    desk = invocation.desk()
    stopped: list[int] = []
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
            release_together(records, wanted, actors)
            room = held.enter_context(desk.print_room())
            open_to_print(records, wanted, room, actors)
        with stop_on_signals(lambda: stopped.append(1), "stopping: after the letter being printed"):
            result = print_letters(
                records,
                wanted,
                room,
                mailers=desk.mailer,
                printer=desk.configuration.printer.driver if desk.configuration.printer else "",
                operator=operator,
                tell=lambda name, done, all_: click.echo(
                    f"letter {name} printed ({done} of {all_})", err=True
                ),
                stopping=lambda: bool(stopped),
            )
    if as_json:
        document({"printed": result.printed, "left": result.left, "stopped": result.stopped})
    if result.stopped:
        left = counted(result.left, "letter is", "letters are")
        click.echo(f"stopped: {result.stopped}; {left} left", err=True)
        return ExitCode.INTERRUPTED if stopped else ExitCode.PARTIAL
    click.echo(f"{counted(len(result.printed), 'letter', 'letters')} printed", err=True)
    return ExitCode.OK


letter.add_command(release)
letter.add_command(reprint)


@letter.command()
@click.argument("number")
@click.option("--printed", "outcome", flag_value="printed", help="The form is there, whole and sealed.")
@click.option("--void", "outcome", flag_value="void", help="The form is spoiled or cannot be found.")
@click.option("--reason", required=True, help="What was seen, in a sentence.")
@pass_invocation
def settle(invocation: Invocation, number: str, outcome: str | None, reason: str) -> None:
    """Account for the letter NUMBER whose printing is unknown, after looking at the printer."""
    from batch.letters.session import settle as account
    from batch.model.states import LetterState
    from batch.people.separation import Act

    if outcome is None:
        raise click.UsageError("say --printed or --void")
    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.SETTLE, where=number) as actor,
    ):
        account(
            records,
            number,
            LetterState(outcome),
            actor.name,
            reason,
            session=desk.printing_lock,
        )
    click.echo(f"letter {number} is {outcome}", err=True)
