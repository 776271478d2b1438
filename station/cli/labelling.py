"""Labels on the label printer or on sheets: what `dispatch label` and `token label` share."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

from station.cli.invocation import Invocation, pass_invocation
from station.cli.output import counted

if TYPE_CHECKING:
    from batch.store.database import Records
    from layouts.label import Label, LabelLayout

_C = TypeVar("_C", bound=Callable[..., object])


def sheet_options(command: _C) -> _C:
    """`--pdf` and `--from`: sheets of labels in place of the label printer."""
    command = click.option(
        "--pdf", metavar="FILE", type=click.Path(dir_okay=False), help="Draw them on sheets, for any printer."
    )(command)
    return click.option(
        "--from",
        "first",
        metavar="PLACE",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="The first free place of a sheet that was begun, counted in rows.",
    )(command)


def print_labels(
    invocation: Invocation,
    of: str,
    named: Callable[[Records], Sequence[str]],
    make: Callable[[Records, LabelLayout, Sequence[str]], list[Label]],
    pdf: str | None,
    first: int,
) -> None:
    """Print the labels of what is named, each once, and keep on record which were printed."""
    from batch.life.dispatch.labels import keep
    from batch.people.separation import Act
    from drivers.errors import PrinterFailed
    from station.labels import LabelsPrinter, sheets

    desk = invocation.desk()
    layout = desk.library.label(of)
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.LABEL, where=f"{of} labels") as actor,
    ):
        numbers = named(records)
        labels = make(records, layout, numbers)
        if pdf is not None:
            write_private(pdf, sheets(layout, labels, first))
            keep(records, of, numbers, actor.name)
            click.echo(f"{counted(len(labels), 'label', 'labels')} written to {pdf}", err=True)
            return
        with LabelsPrinter.of(desk) as printer:
            for number, label in zip(numbers, labels, strict=True):
                try:
                    printer.print(label, number)
                except PrinterFailed as error:
                    # What may have come out is on record as well.
                    if error.sent != 0:
                        keep(records, of, [number], actor.name)
                    raise
                keep(records, of, [number], actor.name)
                click.echo(f"{number} printed", err=True)


@click.command()
@click.argument("numbers", metavar="[NUMBER]...", nargs=-1)
@click.option("--order", metavar="ORDER", help="All produced tokens of this order, by their numbers.")
@sheet_options
@pass_invocation
def label(
    invocation: Invocation, numbers: tuple[str, ...], order: str | None, pdf: str | None, first: int
) -> None:
    """Print the labels of produced tokens on the label printer, or on sheets (PDF): never a code."""
    from batch.life.dispatch.labels import token_labels

    if bool(numbers) is (order is not None):
        raise click.UsageError("give the tokens' numbers, or --order")

    def named(records: Records) -> Sequence[str]:
        from batch.model.states import ItemState
        from batch.store.items import items
        from batch.store.orders import order as of_number

        if order is None:
            return numbers
        return [one.mailer_number for one in items(records, of_number(records, order), ItemState.PRODUCED)]

    print_labels(invocation, "token", named, token_labels, pdf, first)


def write_private(file: str, page: bytes) -> None:
    """Write a file that tells who gets what: for the operator alone."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(page)
