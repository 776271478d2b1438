"""`station order`: taking orders in, looking at them, deciding on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from station.cli.closing import close, report
from station.cli.filters import need_one_of, subscriber_filter
from station.cli.given_file import GivenFile
from station.cli.invocation import Invocation, csv_option, json_option, pass_invocation
from station.cli.order_check import check, file_bytes, signature_option, signature_told
from station.cli.output import counted, document, listing, told
from station.cli.scheduling import schedule
from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from batch.model.assessment import Finding
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


_FINDINGS = {"check": "Check", "level": "Result", "what": "Found", "next": "Next"}


@click.group()
def order() -> None:
    """Take orders in, assess them, approve or reject them, close them."""


@order.command("import")
@click.argument("file", type=GivenFile())
@signature_option
@json_option
@pass_invocation
def import_(invocation: Invocation, file: Path, signature: Path | None, as_json: bool) -> None:
    """Take the order in FILE (CSV or .xlsx, signed or not) in whole, or name every fault and take nothing."""
    from batch.orders.arriving import arrive
    from batch.orders.catalogue import LibraryLayouts
    from batch.orders.decisions import receive
    from batch.people.separation import Act
    from drivers.errors import printable

    desk, source = invocation.desk(), printable(file.name)
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.RECEIVE, where=source) as actor,
    ):
        layouts, apart = LibraryLayouts(desk.library), file_bytes(signature) if signature else None
        came = arrive(records, file_bytes(file), apart, source=source, layouts=layouts)
        taken = receive(records, came.draft, actor, came.signature)
        if as_json:
            document(_row(records, taken))
        else:
            click.echo(taken.number)
    click.echo(
        f"order {taken.number} of {taken.subscriber}: {counted(came.draft.count, 'token', 'tokens')}, "
        f"{signature_told(came.signature)}; next: station order assess {taken.number}",
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
@click.option("--state", help="Only those in this state, such as `produced`.")
@subscriber_filter
@json_option
@csv_option
@pass_invocation
def list_(
    invocation: Invocation, state: str | None, subscriber: str | None, as_json: bool, as_csv: bool
) -> None:
    """List orders by their numbers."""
    from batch.model.states import OrderState
    from batch.store.orders import orders
    from station.wiring import Desk

    need_one_of(OrderState, state)
    with Desk.of(invocation.home(), None).records() as records:
        found = orders(records, *([OrderState(state)] if state else []), subscriber=subscriber)
        rows = [_row(records, one) for one in found]
    if not as_json:
        rows = [{**row, "letters": told(row["letters"])} for row in rows]
    listing(rows, _COLUMNS, as_json=as_json, as_csv=as_csv, empty="No orders; `station order import FILE`.")


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
        history = _history(records, found)
        tokens = [token_row(item) for item in items(records, found)]
        whole, open_ = balance(records, found), _open(records, found)
    if as_json:
        document({**facts, **history, "open": open_, "items": tokens})
        return
    for key, value in {**facts, "letters": told(facts["letters"])}.items():
        click.echo(f"{key.replace('_', ' ')}: {'-' if value is None else value}")
    _tell_history(history)
    listing(tokens, COLUMNS, as_json=False, empty="No tokens.")
    click.echo(str(whole), err=True)
    if aside := [token["number"] for token in tokens if token["state"] == "quarantined"]:
        click.echo(f"in quarantine: {', '.join(aside)}", err=True)
        click.echo(f"next: station quarantine list --order {found.number}", err=True)
    for one in open_:
        click.echo(f"not closed: {one['what']} {one['why']}; next: {one['command']}", err=True)


@order.command()
@click.argument("number")
@json_option
@pass_invocation
def assess(invocation: Invocation, number: str, as_json: bool) -> None:
    """Find out all that must be known of the order NUMBER before somebody approves it."""
    from batch.orders.assessment import assess as examine
    from batch.orders.catalogue import LibraryLayouts
    from batch.people.separation import Act

    desk = invocation.desk()
    layouts = LibraryLayouts(desk.library)
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.ASSESS, where=number) as actor,
    ):
        found = examine(records, number, layouts, actor.name)
    rows = [_finding(one) for one in found.findings]
    listing(rows, _FINDINGS, as_json=as_json, empty="Nothing found.")
    if found.refusing:
        refuse = counted(len(found.refusing), "finding refuses", "findings refuse")
        click.echo(f"order {number} is incomplete: {refuse} it", err=True)
        click.echo(
            f"mend that, then: station order assess {number}; or: station order reject {number}", err=True
        )
        click.get_current_context().exit(ExitCode.CHECK_FAILED)
    click.echo(
        f"order {number} is assessed, {counted(found.warnings, 'warning', 'warnings')}; "
        f"next: station order approve {number}",
        err=True,
    )


@order.command()
@click.argument("number")
@click.option(
    "--kind", type=click.Choice(["received", "approved", "rejected"]), help="Else what its state calls for."
)
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file instead of standard output; a message to send where it ends in .eml, else plain text.",
)
@pass_invocation
def notice(invocation: Invocation, number: str, kind: str | None, output: Path | None) -> None:
    """Write the notice to the subscriber of the order NUMBER: received, approved or rejected."""
    from batch.orders.notices import write
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.NOTIFY, where=number) as actor,
    ):
        written = write(records, number, desk.library, actor.name, kind)
    if output is None:
        click.echo(written.text, nl=False)
        return
    as_message = output.suffix.lower() == ".eml"
    output.write_bytes(written.message() if as_message else written.text.encode())
    click.echo(f"notice '{written.kind}' written to {output}", err=True)


@order.command()
@click.argument("number")
@pass_invocation
def approve(invocation: Invocation, number: str) -> None:
    """Approve the assessed order NUMBER; who brought it in may not. It takes a custody key."""
    from batch.orders.catalogue import LibraryLayouts
    from batch.orders.decisions import approve as decide
    from batch.orders.epochs import next_key
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.APPROVE, where=number) as actor,
    ):
        approved = decide(records, number, actor, next_key, LibraryLayouts(desk.library), desk.library.token)
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
    click.echo(f"order {rejected.number} is rejected; next: station order notice {rejected.number}", err=True)


def _finding(finding: Finding) -> dict[str, str]:
    return {
        "check": finding.check,
        "level": str(finding.level),
        "what": finding.what,
        "next": finding.next,
    }


def _history(records: Records, order: Order) -> dict[str, Any]:
    """What was found out about an order and told of it: its signature, last assessment, notices."""
    from batch.store import assessments

    signature = assessments.signature(records, order.id)
    found = assessments.assessment(records, order.id)
    return {
        "signature": signature.facts() if signature else None,
        "assessment": {
            "at": found.at.isoformat(timespec="seconds"),
            "by": found.operator,
            "digest": found.digest,
            "findings": [_finding(one) for one in found.findings],
        }
        if found
        else None,
        "notices": [
            {"kind": one.kind, "language": one.language, "by": one.operator, "at": one.at.isoformat()}
            for one in assessments.notices(records, order)
        ],
    }


def _tell_history(history: dict[str, Any]) -> None:
    signature, assessment = history["signature"], history["assessment"]
    told = "the order is not signed"
    if signature:
        by = f" by {signature['person']}" if signature["person"] else ""
        why = f": {signature['reason']}" if signature["reason"] else ""
        told = f"{signature['result']}{by}{why}"
    click.echo(f"signature: {told}")
    if assessment:
        click.echo(f"assessed: {assessment['at']} by {assessment['by']}")
        for one in assessment["findings"]:
            click.echo(f"  {one['level']}: {one['what']}")
    for one in history["notices"]:
        click.echo(f"notice: {one['kind']} ({one['language']}), {one['at']} by {one['by']}")


order.add_command(check)
order.add_command(schedule)
order.add_command(close)
order.add_command(report)


def _open(records: Records, order: Order) -> list[dict[str, Any]]:
    """What keeps a produced order from being closed."""
    from batch.life.closing.settling import obstacles
    from batch.model.states import OrderState
    from batch.store.clock import now
    from station.cli.closing import obstacle_row

    if order.state is not OrderState.PRODUCED:
        return []
    return [obstacle_row(one) for one in obstacles(records, order, now().date())]


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
