"""`station token`: the tokens of all orders, and the one in a reader."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from station.cli.expiring import list_expiring
from station.cli.field import activate, damaged, destroy, hand_over, lost, returned
from station.cli.filters import expiring_filter, need_one_of, order_filter, subscriber_filter
from station.cli.invocation import (
    Invocation,
    csv_option,
    json_option,
    on_option,
    pass_invocation,
    with_option,
)
from station.cli.labelling import label
from station.cli.output import document, listing
from station.cli.revoking import revoke
from station.cli.unblocking import unblock
from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date, timedelta

    from batch.model.codes import SealedCodes
    from batch.model.orders import Item
    from batch.people.ceremonies import Room
    from batch.store.lists import ListedToken
    from batch.store.revocations import Standing

COLUMNS = {
    "number": "Number",
    "name": "Name",
    "layout": "Layout",
    "state": "State",
    "seat": "Seat",
    "serial": "Token",
    "seconds": "Seconds",
    "reason": "Reason",
}
_LISTED = {
    "number": "Number",
    "order": "Order",
    "subscriber": "Subscriber",
    "name": "Name",
    "layout": "Layout",
    "state": "State",
    "life": "Where",
    "since": "Since",
    "certificates": "Certificates",
    "seat": "Seat",
    "serial": "Token",
    "seconds": "Seconds",
    "reason": "Reason",
}


@click.group()
def token() -> None:
    """List and show tokens, verify the one in a reader; what becomes of finished ones."""


@token.command("list")
@order_filter
@subscriber_filter
@click.option("--state", help="Only those in this state, such as `quarantined`, `at-desk` or `active`.")
@click.option("--layout", metavar="NAME", help="Only those of this layout.")
@click.option("--serial", metavar="TOKEN", help="Only those made on the chip of this serial.")
@click.option("--text", metavar="WORDS", help="Only those ordered with all of these words, in any field.")
@expiring_filter(
    "Only those with a certificate that ends within this time, such as 60d, 8w or 2m; the next first."
)
@on_option
@json_option
@csv_option
@pass_invocation
def list_(
    invocation: Invocation,
    number: str | None,
    subscriber: str | None,
    state: str | None,
    layout: str | None,
    serial: str | None,
    text: str | None,
    expiring: timedelta | None,
    on: date,
    as_json: bool,
    as_csv: bool,
) -> None:
    """List tokens by their numbers: how far they are made, and where finished ones are."""
    from batch.model.states import ItemState, LifeState
    from batch.store.lists import TokensWanted, tokens
    from batch.store.orders import order
    from batch.store.revocations import states
    from station.wiring import Desk

    need_one_of((*ItemState, *LifeState), state)
    if expiring is not None and (state or serial or text):
        raise click.UsageError("--expiring goes with --order, --subscriber and --layout only")
    with Desk.of(invocation.home(), None).records() as records:
        if expiring is not None:
            those: dict[str, str | None] = {"order": number, "subscriber": subscriber, "layout": layout}
            list_expiring(records, expiring, on, **those, as_json=as_json, as_csv=as_csv)
            return
        wanted = TokensWanted(
            order_id=order(records, number).id if number else None,
            subscriber=subscriber,
            state=ItemState(state) if state in tuple(ItemState) else None,
            life=LifeState(state) if state in tuple(LifeState) else None,
            layout=layout,
            serial=serial,
            text=text,
        )
        standing = states(records)
        rows = (_listed(one, standing) for one in tokens(records, wanted))
        listing(rows, _LISTED, as_json=as_json, as_csv=as_csv, empty="No tokens.")


@token.command()
@click.argument("number")
@json_option
@pass_invocation
def show(invocation: Invocation, number: str, as_json: bool) -> None:
    """Show the token NUMBER (its own, or the serial of its chip) and its whole way, from step to renewal."""
    from batch.life.field.showing import life_facts
    from batch.production.report import timeline
    from batch.store.items import item
    from batch.store.orders import order_of
    from station.wiring import Desk

    with Desk.of(invocation.home(), None).records() as records:
        found = item(records, number)
        order = {"order": order_of(records, found.order_id).number}
        facts = {**token_row(found), **order, **life_facts(records, found), **timeline(records, found)}
    if as_json:
        document(facts)
        return
    for key, value in facts.items():
        if isinstance(value, list):
            if value:
                click.echo(f"{key}:")
            columns = {name: name for row in value for name in row}
            listing(value, columns, as_json=False, empty=f"no {key}")
        else:
            click.echo(f"{key}: {'-' if value is None else value}")


@token.command()
@click.argument("seat")
@click.argument("number", required=False)
@json_option
@pass_invocation
def verify(invocation: Invocation, seat: str, number: str | None, as_json: bool) -> ExitCode:
    """Read the token in SEAT and hold it against the records; with NUMBER, it must be that one.

    Needs no code and spends no try: identity, keys and certificates are read, and what would show use.
    """
    from batch.production.verification import verify_token
    from station.wiring import Desk

    desk = Desk.of(invocation.home(), None)
    with desk.records() as records:
        findings = verify_token(records, desk.seats((seat,))[0], desk.run_directory, number)
    rows = [{"check": one.check, "ok": one.ok, "found": one.found} for one in findings]
    listing(rows, {"check": "Check", "ok": "Holds", "found": "Found"}, as_json=as_json, empty="Nothing.")
    return ExitCode.OK if all(one.ok for one in findings) else ExitCode.CHECK_FAILED


@token.command()
@click.argument("number")
@click.option("--seat", required=True, metavar="NAME", help="The seat the token is in.")
@with_option
@json_option
@pass_invocation
def admin(invocation: Invocation, number: str, seat: str, others: tuple[str, ...], as_json: bool) -> ExitCode:
    """Prove that the SO PIN or management key of the token NUMBER, which is in a seat, can be had again.

    It comes out of custody or is derived again (PIN of `diversification`), as its layout says, is shown to
    the token once, never as its last try, and to nobody else. Takes two PIN officers.
    """
    from batch.people.separation import Act
    from batch.production.admin_proof import open_to_recover, prove

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.actors(desk, records, Act.RECOVER_ADMIN, others, where=number, together=True) as actors,
    ):

        @contextmanager
        def keys(item: Item, sealed: SealedCodes) -> Iterator[Room]:
            if sealed.diversified_from is not None:
                with desk.diversification() as child:
                    yield child
                return
            with desk.custody_room() as room:
                open_to_recover(records, item, room, actors)
                yield room

        proof = prove(records, number, desk.seats((seat,))[0], desk.run_directory, keys, actors[0].name)
    if as_json:
        document(
            {
                "number": proof.number,
                "serial": proof.serial,
                "recovery": "diversified" if proof.diversified_from else "custody",
                "diversified_from": proof.diversified_from,
                "accepted": proof.accepted,
            }
        )
    whence = f"derived from {proof.diversified_from}" if proof.diversified_from else "out of custody"
    verdict = "takes" if proof.accepted else "refuses"
    click.echo(f"token {proof.number} {verdict} its admin credential, {whence}", err=True)
    return ExitCode.OK if proof.accepted else ExitCode.CHECK_FAILED


for command in (revoke, label, hand_over, activate, unblock, lost, damaged, returned, destroy):
    token.add_command(command)


def _listed(found: ListedToken, standing: Mapping[int, Standing]) -> dict[str, Any]:
    return {
        **token_row(found.item),
        "order": found.order,
        "subscriber": found.subscriber,
        "life": str(found.life) if found.life else None,
        "since": found.since.date().isoformat() if found.since else None,
        "certificates": str(standing[found.item.id]) if found.life else None,
    }


def token_row(item: Item) -> dict[str, Any]:
    """A token as lists show it."""
    took = (item.ended_at - item.began_at).total_seconds() if item.ended_at and item.began_at else None
    person = " ".join(filter(None, (item.fields.get("given_name"), item.fields.get("surname"))))
    return {
        "number": item.mailer_number,
        "name": item.fields.get("group") or person,
        "layout": item.layout,
        "state": str(item.state),
        "seat": item.seat,
        "serial": item.token_serial,
        "seconds": round(took, 1) if took is not None else None,
        "reason": item.reason,
    }
