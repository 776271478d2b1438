"""`station due`: what each role must do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from station.cli.invocation import Invocation, csv_option, json_option, on_option, pass_invocation
from station.cli.output import listing

if TYPE_CHECKING:
    from datetime import date

_COLUMNS = {
    "by": "By",
    "overdue": "Overdue",
    "role": "Role",
    "what": "What",
    "about": "About",
    "command": "Next",
}


@click.command()
@click.option("--role", metavar="ROLE", help="Only what this role must do, such as `pin-officer`.")
@on_option
@json_option
@csv_option
@pass_invocation
def due(invocation: Invocation, role: str | None, on: date, as_json: bool, as_csv: bool) -> None:
    """Tell what each role must do, the longest due first, with the command that does it."""
    from batch.life.due.collecting import due as find
    from batch.model.people import Role
    from station.wiring import Desk

    if role is not None and role not in tuple(Role):
        raise click.BadParameter(f"one of: {', '.join(Role)}", param_hint="--role")
    desk = Desk.of(invocation.home(), None)
    with desk.records() as records:
        years = desk.configuration.retention.years()
        found = find(records, desk.library.token, years, on=on, role=Role(role) if role else None)
    rows = [
        {
            "by": one.by.isoformat(),
            "overdue": one.overdue(on),
            "role": str(one.role),
            "what": one.what,
            "about": one.about,
            "command": one.command,
        }
        for one in found
    ]
    listing(rows, _COLUMNS, as_json=as_json, as_csv=as_csv, empty="Nothing is due.")
