"""`station renew vouchers`: prepaid vouchers, of which only digests are kept."""

from __future__ import annotations

from pathlib import Path

import click

from station.cli.invocation import Invocation, csv_option, json_option, pass_invocation
from station.cli.output import listing

_COLUMNS = {
    "batch": "Batch",
    "digest": "Digest",
    "uses": "Uses",
    "spent": "Spent",
    "left": "Left",
    "until": "Good until",
}


@click.group()
def vouchers() -> None:
    """Take prepaid vouchers in, and list them; their codes are not kept."""


@vouchers.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--batch", metavar="NAME", help="What the batch is called; else the file's name.")
@pass_invocation
def import_(invocation: Invocation, file: Path, batch: str | None) -> None:
    """Take in the vouchers of FILE, CSV or .xlsx: code, how many uses it pays, the last day it is good.

    All of them, or none and all that is wrong; those that are known already stay as they are.
    """
    from batch.life.renewal.vouchers import LARGEST_FILE, take
    from batch.people.separation import Act

    with file.open("rb") as opened:
        data = opened.read(LARGEST_FILE + 1)
    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.RENEW, where=file.name) as actor,
    ):
        new, known = take(records, data, source=file.name, batch=batch or file.stem, who=actor)
    told = f"; {known} were known" if known else ""
    click.echo(f"{new} {'voucher' if new == 1 else 'vouchers'} taken in{told}", err=True)
    click.echo(f"destroy {file}: whoever has it can spend them", err=True)


@vouchers.command("list")
@json_option
@csv_option
@pass_invocation
def list_(invocation: Invocation, as_json: bool, as_csv: bool) -> None:
    """List vouchers by batch, with the beginning of each digest."""
    from batch.store.vouchers import vouchers as every
    from station.wiring import Desk

    with Desk.of(invocation.home(), None).records() as records:
        rows = [
            {
                "batch": one.batch,
                "digest": one.digest[:16],
                "uses": one.uses,
                "spent": one.spent,
                "left": one.left,
                "until": one.until.isoformat() if one.until else None,
            }
            for one in every(records)
        ]
    listing(rows, _COLUMNS, as_json=as_json, as_csv=as_csv, empty="No vouchers.")
