"""`station letter release` and `station letter reprint`: what two PIN officers sign before printing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import counted, document

if TYPE_CHECKING:
    from batch.people.acting import Given


@click.command()
@click.argument("number")
@json_option
@pass_invocation
def release(invocation: Invocation, number: str, as_json: bool) -> None:
    """Let the sealed letters of the order NUMBER be printed, those that may be now; a second PIN officer
    completes it.

    Neither may have produced the order or had its tokens in hand. What both signed holds for a day.
    """
    from batch.letters.releasing import release as sign
    from batch.people.separation import Act
    from batch.store.orders import order

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.RELEASE, where=number) as actor,
    ):
        wanted = order(records, number)
        given = sign(records, wanted, actor, desk.library.token)
    if as_json:
        document(_facts(given))
    letters = counted(len(given.statement.about["letters"]), "letter", "letters")
    if given.complete:
        click.echo(f"{letters} released; next: station letter print {wanted.number}", err=True)
    else:
        click.echo(f"{letters} signed for; another PIN officer gives the same command", err=True)


@click.command()
@click.argument("number")
@click.option("--reason", help="What became of its form, in a sentence; who completes it may leave it out.")
@json_option
@pass_invocation
def reprint(invocation: Invocation, number: str, reason: str | None, as_json: bool) -> None:
    """Have the void letter NUMBER printed again; a second PIN officer completes it.

    A letter is printed again twice at most. One whose form cannot be found never is: whoever finds the form
    has its codes (R13).
    """
    from batch.letters.releasing import reprint as sign
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.REPRINT, where=number) as actor,
    ):
        given = sign(records, number, actor, desk.library.token, reason)
    order = given.statement.about["order"]
    if as_json:
        document(_facts(given))
    if given.complete:
        click.echo(f"letter {number} is sealed again; next: station letter print {order}", err=True)
    else:
        click.echo(f"letter {number} signed for; another PIN officer gives the same command", err=True)


def _facts(given: Given) -> dict[str, object]:
    return {
        "statement": given.digest,
        "complete": given.complete,
        "signed_by": list(given.signed.signers),
        **given.statement.about,
    }
