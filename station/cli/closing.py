"""`station order close`, and the report of an order that is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from station.cli.invocation import Invocation, json_option, on_option, pass_invocation
from station.cli.output import listing

if TYPE_CHECKING:
    from datetime import date

_OBSTACLES = {"what": "Open", "why": "Why", "command": "Next"}


@click.command()
@click.argument("number")
@on_option
@json_option
@pass_invocation
def close(invocation: Invocation, number: str, on: date, as_json: bool) -> None:
    """Close the order NUMBER: every token made or given up, and where it belongs, every letter and form too.

    What keeps it open is listed all at once, each with the command that mends it.
    """
    from batch.life.closing import NotSettled
    from batch.life.closing import close as decide
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.CLOSE, where=number) as actor,
    ):
        try:
            closed = decide(records, number, actor.name, on)
        except NotSettled as error:
            rows = [
                {
                    "what": one.told,
                    "count": one.count,
                    "first": list(one.first),
                    "why": one.why,
                    "command": one.command,
                }
                for one in error.obstacles
            ]
            listing(rows, _OBSTACLES, as_json=as_json, empty="")
            raise
    click.echo(f"order {closed.number} is closed; next: station order report {closed.number}", err=True)
