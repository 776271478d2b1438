"""`station order`: taking orders in, looking at them, deciding on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import counted, document, listing, told
from station.cli.scheduling import schedule

if TYPE_CHECKING:
    from batch.model.orders import Order
    from batch.store.database import Records

_COLUMNS = {
    "number": "Order",
    "reference": "Reference",
    "subscriber": "Subscriber",
    "state": "State",
    "tokens": "Tokens",
    "produced": "Produced",
    "quarantined": "Quarantined",
    "spoiled": "Spoiled",
    "letters": "Letters",
    "imported_by": "Imported by",
    "decided_by": "Decided by",
}


@click.group()
def order() -> None:
    """Take orders in, look at them, approve or reject them."""


@order.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@pass_invocation
def import_(invocation: Invocation, file: Path, as_json: bool) -> None:
    """Take the order in FILE (CSV or .xlsx) in whole, or name every fault in it and take nothing."""
    from batch.orders.catalogue import LibraryLayouts
    from batch.orders.decisions import receive
    from batch.orders.intake import LARGEST_FILE, read
    from batch.orders.known import RecordedOrders
    from batch.people.separation import Act
    from drivers.errors import printable

    desk = invocation.desk()
    with file.open("rb") as opened:
        data = opened.read(LARGEST_FILE + 1)
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.RECEIVE, where=printable(file.name)) as actor,
    ):
        layouts = LibraryLayouts(desk.library)
        draft = read(data, source=printable(file.name), layouts=layouts, known=RecordedOrders(records))
        taken = receive(records, draft, actor)
        if as_json:
            document(_row(records, taken))
        else:
            click.echo(taken.number)
    click.echo(
        f"order {taken.number} of {taken.subscriber}: {counted(draft.count, 'token', 'tokens')}; "
        f"someone else than {actor.name} approves it: station order approve {taken.number}",
        err=True,
    )


@order.command()
@click.argument("file", type=click.File("wb"))
@click.option("--layout", metavar="NAME", help="For tokens of this layout only; else for any.")
@pass_invocation
def template(invocation: Invocation, file: BinaryIO, layout: str | None) -> None:
    """Write an empty order form (.xlsx) to FILE, - for stdout."""
    from batch.orders.catalogue import LibraryLayouts
    from batch.orders.template import template as form
    from station.wiring import Desk

    # Writing opens the file, so the form comes first.
    made = form(LibraryLayouts(Desk.of(invocation.home(), None).library), layout)
    file.write(made)


@order.command("list")
@json_option
@pass_invocation
def list_(invocation: Invocation, as_json: bool) -> None:
    """List all orders."""
    from batch.store.orders import orders
    from station.wiring import Desk

    with Desk.of(invocation.home(), None).records() as records:
        rows = [_row(records, one) for one in orders(records)]
    if not as_json:
        rows = [{**row, "letters": told(row["letters"])} for row in rows]
    listing(rows, _COLUMNS, as_json=as_json, empty="No orders yet; `station order import FILE`.")


@order.command()
@click.argument("number")
@json_option
@pass_invocation
def show(invocation: Invocation, number: str, as_json: bool) -> None:
    """Show the order NUMBER (or the subscriber's reference) with its tokens."""
    from batch.store.items import balance, items
    from batch.store.orders import order as find
    from station.cli.token import COLUMNS, token_row
    from station.wiring import Desk

    with Desk.of(invocation.home(), None).records() as records:
        found = find(records, number)
        facts = _row(records, found)
        tokens = [token_row(item) for item in items(records, found)]
        whole = balance(records, found)
    if as_json:
        document({**facts, "items": tokens})
        return
    for key, value in {**facts, "letters": told(facts["letters"])}.items():
        click.echo(f"{key.replace('_', ' ')}: {'-' if value is None else value}")
    listing(tokens, COLUMNS, as_json=False, empty="No tokens.")
    click.echo(str(whole), err=True)
    if aside := [token["number"] for token in tokens if token["state"] == "quarantined"]:
        click.echo(f"in quarantine: {', '.join(aside)}", err=True)
        click.echo(f"next: station quarantine list --order {found.number}", err=True)


@order.command()
@click.argument("number")
@pass_invocation
def approve(invocation: Invocation, number: str) -> None:
    """Approve the order NUMBER; who brought it in may not. It takes a custody key from stock."""
    from batch.orders.decisions import approve as decide
    from batch.orders.epochs import next_key
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.APPROVE, where=number) as actor,
    ):
        approved = decide(records, number, actor, next_key, desk.library.token)
    click.echo(f"order {approved.number} is approved; next: station produce {approved.number}", err=True)


@order.command()
@click.argument("number")
@click.option("--reason", required=True, help="Why, in a sentence; it is kept with the order.")
@pass_invocation
def reject(invocation: Invocation, number: str, reason: str) -> None:
    """Reject the order NUMBER for good."""
    from batch.orders.decisions import reject as decide
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.REJECT, where=number) as actor,
    ):
        rejected = decide(records, number, actor.name, reason)
    click.echo(f"order {rejected.number} is rejected", err=True)


order.add_command(schedule)


def _row(records: Records, order: Order) -> dict[str, Any]:
    from batch.model.states import ItemState
    from batch.store.items import balance, counts
    from batch.store.letters import counts as letter_counts

    found, whole = counts(records, order), balance(records, order)
    return {
        "number": order.number,
        "reference": order.reference,
        "subscriber": order.subscriber,
        "organisation": order.organisation,
        "state": str(order.state),
        "tokens": whole.ordered,
        "produced": whole.produced,
        "quarantined": found[ItemState.QUARANTINED],
        "spoiled": whole.spoiled,
        "replaced": whole.replaced,
        "cancelled": whole.cancelled,
        "open": whole.open,
        "letters": {str(state): number for state, number in letter_counts(records, order.id).items()},
        "source": order.source,
        "sha256": order.sha256,
        "imported_by": order.imported_by,
        "imported_at": order.imported_at.isoformat(timespec="seconds"),
        "decided_by": order.decided_by,
        "decided_at": order.decided_at.isoformat(timespec="seconds") if order.decided_at else None,
        "reason": order.reason,
    }
