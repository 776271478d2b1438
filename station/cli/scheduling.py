"""`station order schedule`: a production signed for beforehand, for whoever starts it."""

from __future__ import annotations

from datetime import datetime

import click

from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import document

MOMENT = click.DateTime(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"])
"""A moment as it is typed, in UTC."""


def utc(moment: datetime | None) -> datetime | None:
    """A moment that was typed, in UTC."""
    from datetime import UTC

    return None if moment is None else moment.replace(tzinfo=UTC)


@click.command()
@click.argument("number")
@click.option("--seat", "seats", multiple=True, metavar="NAME", help="Only in this seat; may be repeated.")
@click.option("--until", type=MOMENT, required=True, help="Until when it may be produced, in UTC.")
@json_option
@pass_invocation
def schedule(
    invocation: Invocation, number: str, seats: tuple[str, ...], until: datetime, as_json: bool
) -> None:
    """Sign that the approved order NUMBER is produced until then, by `station produce NUMBER --scheduled`.

    Whoever starts that need not be an operator, and can make nothing else, nowhere else and no later.
    """
    from batch.people.separation import Act
    from batch.people.statements import digest
    from batch.production.ordering import order_production
    from batch.store.orders import order

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.PRODUCE, where=number) as actor,
    ):
        wanted = order(records, number)
        names = [seat.name for seat in desk.seats(seats)]
        signed = order_production(records, wanted, actor, names, utc(until))
    if as_json:
        document(
            {
                "order": wanted.number,
                "seats": names,
                "until": until.isoformat(timespec="minutes"),
                "statement": digest(signed.text),
                "signed_by": list(signed.signers),
            }
        )
    click.echo(
        f"order {wanted.number} may be produced in {', '.join(names)} until {until:%Y-%m-%d %H:%M} UTC; "
        f"next: station produce {wanted.number} --scheduled",
        err=True,
    )
