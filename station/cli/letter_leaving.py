"""`station letter send` and `station letter returned`: letters leave, and come back."""

from __future__ import annotations

import click

from station.cli.invocation import Invocation, pass_invocation
from station.cli.output import counted


@click.command()
@click.argument("numbers", nargs=-1)
@click.option(
    "--order", metavar="ORDER", help="All letters of this order that may leave, in place of numbers."
)
@click.option("--by", "how", required=True, metavar="HOW", help="Post, courier or who carries them.")
@click.option("--reference", help="The courier's number for them.")
@pass_invocation
def send(
    invocation: Invocation, numbers: tuple[str, ...], order: str | None, how: str, reference: str | None
) -> None:
    """Put on record that the letters NUMBERS leave, all or none of them.

    Refused before its day (R5), for a letter whose form nobody confirmed, and to who had its token in hand.
    """
    from batch.letters.leaving import ready_to_leave
    from batch.letters.leaving import send as leave
    from batch.people.separation import Act
    from batch.store.clock import now
    from batch.store.orders import order as order_of

    if bool(numbers) is (order is not None):
        raise click.UsageError("name letters, or --order")
    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.SEND_LETTER, where=order or numbers[0]) as actor,
    ):
        layouts, at = desk.library.token, now()
        if order is not None:
            numbers = tuple(ready_to_leave(records, order_of(records, order), layouts, at.date()))
        leave(records, numbers, actor.name, layouts, how=how, reference=reference, at=at)
    click.echo(f"{counted(len(numbers), 'letter', 'letters')} sent by {how}", err=True)


@click.command()
@click.argument("number")
@click.option("--reason", required=True, help="Why it came back, in a sentence.")
@pass_invocation
def returned(invocation: Invocation, number: str, reason: str) -> None:
    """Put on record that the letter NUMBER came back undelivered, sealed still."""
    from batch.letters.leaving import came_back
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.SEND_LETTER, where=number) as actor,
    ):
        came_back(records, number, actor.name, reason)
    click.echo(f"letter {number} is returned: send it again, or destroy it before a witness", err=True)
