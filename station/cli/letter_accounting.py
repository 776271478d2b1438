"""`station letter confirm`, `settle`, `spoil`, `lost`, `destroy`, `void`: accounting for letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import click

from station.cli.invocation import Invocation, pass_invocation
from station.cli.output import counted
from station.cli.scanning import scanned_letters, scanner_option

if TYPE_CHECKING:
    from batch.letters.accounting import Seen
    from batch.model.forms import FormNumber
    from batch.store.database import Records
    from station.wiring import Desk

_REASON = click.option("--reason", required=True, help="What was seen, in a sentence.")
_FORM = click.option("--form", metavar="FORM", help="The number that stands on its form.")


@click.command()
@click.argument("number", required=False)
@click.argument("form", required=False)
@click.option("--order", metavar="ORDER", help="All printed letters of this order, in print order.")
@click.option("--first", metavar="FORM", help="With --order: the form of the first; the others follow it.")
@click.option(
    "--seen", multiple=True, nargs=2, metavar="LETTER FORM", help="A letter and its form; again for another."
)
@click.option(
    "--spoiled",
    "spoiled",
    multiple=True,
    metavar="FORM",
    help="With --first or --seen: a form in between without one.",
)
@click.option(
    "--from",
    "file",
    type=click.File(encoding="ascii", errors="replace"),
    help="Lines `LETTER FORM`; - reads a scanner.",
)
@scanner_option
@pass_invocation
def confirm(
    invocation: Invocation,
    number: str | None,
    form: str | None,
    order: str | None,
    first: str | None,
    seen: tuple[tuple[str, str], ...],
    spoiled: tuple[str, ...],
    file: TextIO | None,
    scanner: bool,
) -> None:
    """Say that the letter NUMBER lies there whole and sealed on FORM; or some, an order, or a scanned list.

    All or nothing: each fault is named. Without numbered forms ([printer] of station.toml) leave out FORM.
    Spoiled forms in between are taken out of stock with it.
    """
    from batch.letters import accounting, stock
    from batch.letters.accounting import Seen
    from batch.model.forms import FormNumber
    from batch.model.scans import plain
    from batch.model.states import FormState
    from batch.people.separation import Act
    from batch.store.forms import form as form_of
    from layouts.scans import Kind

    if sum(one is not None for one in (number, order, file, seen or None, scanner or None)) != 1:
        raise click.UsageError("name a letter, or --seen, or --order, or --from, or --scanner")
    if (first and order is None) or (spoiled and order is None and not seen):
        raise click.UsageError("--first goes with --order, --spoiled with --order or --seen")
    desk = invocation.desk()
    between = [FormNumber.read(one) for one in spoiled]
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.SETTLE, where=order or number or "letters") as actor,
    ):
        if file is not None:
            # What has no end of line is cut, and so refused.
            lines = iter(lambda: file.readline(accounting.LONGEST_LINE), "")
            found = accounting.read_lines(lines)
        elif scanner:
            found = scanned_letters(desk, numbered=_numbered(desk))
        elif seen:
            found = [Seen(plain(letter, Kind.LETTER).zfill(6), FormNumber.read(on)) for letter, on in seen]
        elif order is not None:
            found = _of_order(records, order, FormNumber.read(first) if first else None, between)
        else:
            assert number is not None, "one of them is given"
            found = [Seen(plain(number, Kind.LETTER), FormNumber.read(form) if form else None)]
        accounting.confirm(records, found, actor.name, numbered=_numbered(desk))
        between = [one for one in between if form_of(records, one).state is FormState.IN_STOCK]
        if between:
            stock.spoil(records, between, actor.name, "went through the printer without a letter")
    click.echo(f"{counted(len(found), 'letter is', 'letters are')} confirmed", err=True)
    if found:
        click.echo("next: station letter list --ready", err=True)


def _of_order(
    records: Records, order: str, first: FormNumber | None, spoiled: list[FormNumber]
) -> list[Seen]:
    from batch.letters.accounting import in_print_order
    from batch.store.orders import order as order_of

    return in_print_order(records, order_of(records, order).id, first, spoiled)


@click.command()
@click.argument("number")
@click.option("--printed", "outcome", flag_value="printed", help="The form is there, whole and sealed.")
@click.option("--void", "outcome", flag_value="void", help="The form is spoiled, or the printer took none.")
@click.option("--lost", "outcome", flag_value="lost", help="The form cannot be found (R13).")
@_FORM
@click.option("--no-form", is_flag=True, help="With --void: no form came out of the printer.")
@_REASON
@pass_invocation
def settle(
    invocation: Invocation, number: str, outcome: str | None, form: str | None, no_form: bool, reason: str
) -> None:
    """Account for the letter NUMBER whose printing is unknown, after looking at the printer.

    Where forms have numbers, that of its form is wanted.
    """
    from batch.letters.accounting import settle as account
    from batch.model.forms import FormNumber
    from batch.model.states import LetterState
    from batch.people.separation import Act

    if outcome is None:
        raise click.UsageError("say --printed, --void or --lost")
    if no_form and (outcome != "void" or form is not None):
        raise click.UsageError("--no-form goes with --void, and without --form")
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
            form=FormNumber.read(form) if form else None,
            numbered=_numbered(desk),
            no_form=no_form,
        )
    click.echo(f"letter {number} is {outcome}", err=True)
    if outcome == "lost":
        _advise(number)


@click.command()
@click.argument("number")
@_FORM
@_REASON
@pass_invocation
def spoil(invocation: Invocation, number: str, form: str | None, reason: str) -> None:
    """Say that the form of the printed letter NUMBER is torn or misprinted: letter void, form spoiled.

    Two PIN officers may then have it printed again: `station letter reprint`.
    """
    from batch.letters import accounting
    from batch.model.forms import FormNumber
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.SETTLE, where=number) as actor,
    ):
        read = FormNumber.read(form) if form else None
        accounting.spoil(records, number, actor.name, reason, form=read, numbered=_numbered(desk))
    click.echo(f"letter {number} is void; next: station letter reprint {number}", err=True)


@click.command()
@click.argument("number")
@_REASON
@pass_invocation
def lost(invocation: Invocation, number: str, reason: str) -> None:
    """Say that the letter NUMBER cannot be found, here or on its way; it is never printed again (R13)."""
    from batch.letters.accounting import lose
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.SETTLE, where=number) as actor,
    ):
        lose(records, number, actor.name, reason)
    click.echo(f"letter {number} is lost", err=True)
    _advise(number)


@click.command()
@click.argument("number")
@click.option("--witness", required=True, metavar="NAME", help="Who sees it destroyed, and proves who it is.")
@_REASON
@pass_invocation
def destroy(invocation: Invocation, number: str, witness: str, reason: str) -> None:
    """Put on record that the letter NUMBER is destroyed unopened before a witness (R14); it is void.

    It was confirmed and is not to leave, came back, or was lost and found.
    """
    from batch.letters import accounting
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.witnessed(desk, records, Act.KEEP_FORMS, witness, where=number) as (actor, other),
    ):
        accounting.destroy(records, number, actor.name, other.name, reason)
    click.echo(f"letter {number} is void, its form destroyed before {other.name}", err=True)


@click.command()
@click.argument("number")
@pass_invocation
def void(invocation: Invocation, number: str) -> None:
    """Have the sealed letter NUMBER never printed: its token is out of use or its certificates revoked."""
    from batch.letters.accounting import withhold
    from batch.letters.policy import standing
    from batch.people.separation import Act
    from batch.store.clock import now
    from batch.store.items import item

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.SETTLE, where=number) as actor,
    ):
        found = item(records, number)
        may = standing(records, found, desk.library.token(found.layout), now().date())
        withhold(records, found.mailer_number, may, actor.name)
    click.echo(f"letter {found.mailer_number} is void: {may.reason}", err=True)


def _numbered(desk: Desk) -> bool:
    printer = desk.configuration.printer
    return printer is not None and printer.numbered_forms


def _advise(number: str) -> None:
    click.echo(
        "whoever finds its form has the codes: recall the token, or have its certificates revoked and make "
        f"another: station token revoke {number}",
        err=True,
    )
