"""`station stock`: blank tokens that came in, and what became of them."""

from __future__ import annotations

from typing import Any, TextIO

import click

from station.cli.invocation import Invocation, csv_option, json_option, pass_invocation
from station.cli.output import counted, listing
from station.exit_codes import ExitCode

_COLUMNS = {
    "driver": "Driver",
    "model": "Model",
    "lot": "Lot",
    "received": "Received",
    "used": "Used",
    "spoiled": "Spoiled",
    "returned": "Returned",
    "written_off": "Written off",
    "in_stock": "In stock",
}

_driver = click.option(
    "--driver", required=True, metavar="NAME", help="The driver of their seats: piv, pkcs11, …"
)


@click.group()
def stock() -> None:
    """What lies in the drawers."""


@stock.group()
def blanks() -> None:
    """Blank tokens, by their serials or by count (R14)."""


@blanks.command()
@click.argument("lot")
@_driver
@click.option("--model", required=True, help="What the maker calls them.")
@click.option("--count", type=int, help="How many, where their serials are not known.")
@click.option(
    "--serials", type=click.File("r", "utf-8", "replace"), help="A file with their serials, one a line."
)
@click.option("--range", "ends", nargs=2, metavar="FIRST LAST", help="Their serials from one to another.")
@pass_invocation
def receive(
    invocation: Invocation,
    lot: str,
    driver: str,
    model: str,
    count: int | None,
    serials: TextIO | None,
    ends: tuple[str, str] | None,
) -> None:
    """Take blanks in, as the LOT the maker names on the delivery."""
    from batch.life.dispatch.blanks import MOST, between
    from batch.life.dispatch.blanks import receive as take
    from batch.people.separation import Act

    if sum(one is not None for one in (count, serials, ends)) != 1:
        raise click.UsageError("say --count, or --serials, or --range")
    listed = between(*ends) if ends is not None else []
    if serials is not None:
        listed = [line.strip() for line in serials.readlines(MOST * 80)]
        listed = [line for line in listed if line]
    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.KEEP_BLANKS, where=lot) as actor,
    ):
        taken = take(records, driver, model, lot, listed, count, actor.name)
    click.echo(f"{counted(taken.received, 'blank', 'blanks')} of {model} in stock as lot {lot}", err=True)


@blanks.command()
@click.argument("lot")
@_driver
@click.option("--returned", "how", flag_value="returned", help="They go back to their maker.")
@click.option("--written-off", "how", flag_value="written-off", help="They are lost, defective, destroyed.")
@click.option("--serial", "serials", multiple=True, help="Which, where the lot is listed; again for another.")
@click.option("--count", type=int, help="How many, where it is not.")
@click.option("--reason", required=True, help="Why, in a sentence.")
@pass_invocation
def leave(
    invocation: Invocation,
    lot: str,
    driver: str,
    how: str | None,
    serials: tuple[str, ...],
    count: int | None,
    reason: str,
) -> None:
    """Put on record that unused blanks of LOT leave the stock."""
    from batch.life.dispatch.blanks import leave as go
    from batch.model.dispatch import Departure
    from batch.people.separation import Act

    if how is None:
        raise click.UsageError("say --returned or --written-off")
    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.KEEP_BLANKS, where=lot) as actor,
    ):
        go(
            records,
            driver,
            lot,
            Departure(how),
            serials=serials,
            count=count,
            reason=reason,
            by=actor.name,
        )
    click.echo(f"{counted(len(serials) or count or 0, 'blank', 'blanks')} of lot {lot}: {how}", err=True)


@blanks.command("count")
@click.argument("number", type=click.IntRange(min=0))
@_driver
@pass_invocation
def count_(invocation: Invocation, number: int, driver: str) -> ExitCode:
    """Put on record that NUMBER blanks of a driver were counted; ends with 10 where that is wrong."""
    from batch.life.dispatch.blanks import count as tell
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.KEEP_BLANKS, where=driver) as actor,
    ):
        expected = tell(records, driver, number, actor.name)
    if expected == number:
        click.echo(f"{number} counted, as there should be", err=True)
        return ExitCode.OK
    click.echo(f"{number} counted, and there should be {expected}", err=True)
    return ExitCode.CHECK_FAILED


@blanks.command("list")
@json_option
@csv_option
@pass_invocation
def list_(invocation: Invocation, as_json: bool, as_csv: bool) -> ExitCode:
    """List the stock: received = used + spoiled + returned + written off + in stock.

    Lots that are not listed by serial stand together. Ends with 10 where something does not reconcile.
    """
    from batch.life.dispatch.blanks import lines, miscounts
    from batch.model.dispatch import Departure
    from station.wiring import Desk

    with Desk.of(invocation.home(), None).records() as records:
        found, wrong = lines(records), list(miscounts(records))
    rows: list[dict[str, Any]] = [
        {
            "driver": one.driver,
            "model": one.model,
            "lot": one.lot,
            "received": one.counts.received,
            "used": one.counts.used,
            "spoiled": one.counts.spoiled,
            "returned": one.counts.left[Departure.RETURNED],
            "written_off": one.counts.left[Departure.WRITTEN_OFF],
            "in_stock": one.counts.in_stock,
            "discrepancies": list(one.discrepancies),
        }
        for one in found
    ]
    listing(
        rows, _COLUMNS, as_json=as_json, as_csv=as_csv, empty="No blanks; `station stock blanks receive`."
    )
    wrong += [f"{one.driver} {one.lot or ''}: {text}" for one in found for text in one.discrepancies]
    for text in wrong:
        click.echo(text, err=True)
    return ExitCode.CHECK_FAILED if wrong else ExitCode.OK
