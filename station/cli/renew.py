"""`station renew`: renewing finished tokens, from the reminder to what is approved."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from station.cli.filters import need_one_of
from station.cli.invocation import (
    Invocation,
    csv_option,
    json_option,
    on_option,
    pass_invocation,
)
from station.cli.output import listing
from station.cli.renew_making import carry_out, finish, order, undo
from station.cli.renew_showing import COLUMNS, renewal_row, show_renewal
from station.cli.vouchers import vouchers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from batch.model.renewals import Renewal
    from batch.people.acting import Actor
    from batch.people.separation import Act
    from batch.store.database import Records
    from layouts.token import TokenLayout

_HOLDS = click.option(
    "--holds",
    multiple=True,
    metavar="FIELD",
    help="A field that still holds; `all` for every one not named; may be repeated.",
)
_SET = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="FIELD=VALUE",
    help="A field that does not, and what holds instead; may be repeated.",
)


@click.group()
def renew() -> None:
    """Renew finished tokens: on the token itself with the old keys kept, or by a new one."""


@renew.command()
@click.argument("number")
@click.option(
    "--on",
    "way",
    type=click.Choice(["same-token", "new-token"]),
    help="Where the new keys are made; else as its layout prefers.",
)
@click.option(
    "--old",
    type=click.Choice(["expire", "revoke"]),
    default="expire",
    show_default=True,
    help="What becomes of the old certificates once the new ones are in use.",
)
@click.option("--early", metavar="WHY", help="Why it is renewed before its layout says.")
@click.option("--voucher", metavar="CODE", help="Spend a prepaid voucher.")
@_HOLDS
@_SET
@json_option
@pass_invocation
def start(
    invocation: Invocation,
    number: str,
    way: str | None,
    old: str,
    early: str | None,
    voucher: str | None,
    holds: tuple[str, ...],
    changes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Begin the renewal of the token NUMBER: all its data is carried over and shown.

    Every field its layout uses is to be said to hold (--holds) or replaced (--set), at once or later with
    `station renew confirm`.
    """
    from batch.life.renewal import renewing
    from batch.model.renewals import OldEnds, Way
    from batch.people.separation import Act
    from batch.store.items import item

    changed = _changes(changes)
    desk = invocation.desk()
    with desk.sound_records() as records, invocation.acting(desk, records, Act.RENEW, where=number) as actor:
        layout = desk.library.token(item(records, number).layout)
        renewal = renewing.start(
            records,
            number,
            layout,
            actor,
            way=Way(way) if way else None,
            old=OldEnds(old),
            early=early,
        )
        if voucher is not None:
            renewal = renewing.pay(records, renewal.number, actor, voucher=voucher, paid=None, on=_today())
        if holds or changed:
            renewal = _hold(records, renewal, layout, actor, holds, changed)
        show_renewal(records, renewal, layout, as_json)


@renew.command()
@click.argument("number")
@_HOLDS
@_SET
@json_option
@pass_invocation
def confirm(
    invocation: Invocation, number: str, holds: tuple[str, ...], changes: tuple[str, ...], as_json: bool
) -> None:
    """Say which data of the renewal NUMBER still hold; with the last of them the officer signs for all."""
    from batch.people.separation import Act

    changed = _changes(changes)
    if not (holds or changed):
        raise click.UsageError("say which fields hold: --holds all, --holds FIELD or --set FIELD=VALUE")
    with _acting(invocation, number, Act.RENEW) as (records, renewal, layout, actor):
        show_renewal(records, _hold(records, renewal, layout, actor, holds, changed), layout, as_json)


@renew.command()
@click.argument("number")
@json_option
@pass_invocation
def role(invocation: Invocation, number: str, as_json: bool) -> None:
    """Confirm that the role still holds for which the token of the renewal NUMBER was given.

    Who asks for a renewal may not (R35).
    """
    from batch.life.renewal.renewing import confirm_role
    from batch.people.separation import Act

    with _acting(invocation, number, Act.CONFIRM_ROLE) as (records, renewal, layout, actor):
        show_renewal(records, confirm_role(records, renewal.number, actor), layout, as_json)


@renew.command()
@click.argument("number")
@json_option
@pass_invocation
def approve(invocation: Invocation, number: str, as_json: bool) -> None:
    """Approve the renewal NUMBER on its own token, and sign; who asks for a renewal may not (R35)."""
    from batch.life.renewal.renewing import approve as decide
    from batch.people.separation import Act

    with _acting(invocation, number, Act.APPROVE_RENEWAL) as (records, renewal, layout, actor):
        show_renewal(records, decide(records, renewal.number, layout, actor), layout, as_json)


@renew.command()
@click.argument("number")
@click.option("--for", "what", type=click.Choice(["payment", "approval"]), required=True)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="When to look after it.")
@json_option
@pass_invocation
def pause(invocation: Invocation, number: str, what: str, until: datetime | None, as_json: bool) -> None:
    """Let the renewal NUMBER wait for payment or approval, to go on later."""
    from batch.life.renewal.renewing import pause as wait
    from batch.model.renewals import Pause
    from batch.people.separation import Act

    with _acting(invocation, number, Act.RENEW) as (records, renewal, layout, actor):
        day = until.date() if until else None
        show_renewal(records, wait(records, renewal.number, actor, Pause(what), day), layout, as_json)


@renew.command()
@click.argument("number")
@click.option("--voucher", metavar="CODE", help="Spend a prepaid voucher.")
@click.option("--paid", metavar="REFERENCE", help="The reference of another payment.")
@json_option
@pass_invocation
def resume(invocation: Invocation, number: str, voucher: str | None, paid: str | None, as_json: bool) -> None:
    """Go on with the renewal NUMBER where it was paused, paid where it waits for that."""
    from batch.life.renewal import renewing
    from batch.people.separation import Act

    if voucher is not None and paid is not None:
        raise click.UsageError("it is paid by a voucher or otherwise, not both")
    with _acting(invocation, number, Act.RENEW) as (records, renewal, layout, actor):
        if voucher is not None or paid is not None:
            renewing.pay(records, renewal.number, actor, voucher=voucher, paid=paid, on=_today())
        show_renewal(records, renewing.resume(records, renewal.number, actor), layout, as_json)


@renew.command()
@click.argument("number")
@click.option("--reason", required=True, help="Why, in a sentence without names.")
@json_option
@pass_invocation
def cancel(invocation: Invocation, number: str, reason: str, as_json: bool) -> None:
    """End the renewal NUMBER; its voucher may be spent again.

    Where keys are being made on its token, only once that is lost, damaged, destroyed or to be revoked.
    """
    from batch.life.renewal.cancelling import cancel as end
    from batch.people.separation import Act
    from batch.store.revocations import waiting
    from station.cli.revoking import tell_waiting

    with _acting(invocation, number, Act.RENEW) as (records, renewal, layout, actor):
        show_renewal(records, end(records, renewal.number, actor, reason), layout, as_json)
        tell_waiting(len(waiting(records, renewal.item_id)))


@renew.command("list")
@click.option("--state", help="Only those in this state, such as `paused`.")
@json_option
@csv_option
@pass_invocation
def list_(invocation: Invocation, state: str | None, as_json: bool, as_csv: bool) -> None:
    """List renewals, oldest first."""
    from batch.model.states import RenewalState
    from batch.store.renewals import renewals
    from station.wiring import Desk

    need_one_of(RenewalState, state)
    with Desk.of(invocation.home(), None).records() as records:
        found = renewals(records, *((RenewalState(state),) if state else ()))
        rows = [renewal_row(records, one) for one in found]
    listing(rows, COLUMNS, as_json=as_json, as_csv=as_csv, empty="No renewals.")


@renew.command()
@click.argument("number")
@json_option
@pass_invocation
def show(invocation: Invocation, number: str, as_json: bool) -> None:
    """Show the renewal NUMBER, or the one under way of a token: what it asks for, its steps and keys."""
    from batch.store.items import item_of
    from batch.store.renewals import renewal
    from station.wiring import Desk

    desk = Desk.of(invocation.home(), None)
    with desk.records() as records:
        found = renewal(records, number)
        layout = desk.library.token(item_of(records, found.item_id).layout)
        show_renewal(records, found, layout, as_json)


@renew.command()
@on_option
@click.option(
    "--output",
    "-o",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder for messages to send (.eml), instead of texts on standard output.",
)
@click.option("--again", is_flag=True, help="Also those that were written already.")
@pass_invocation
def reminders(invocation: Invocation, on: date, output: Path | None, again: bool) -> None:
    """Write the reminders of certificates that end, one for each manager or holder, in their language.

    They are due when renewing begins by the token's layout, and again 30 and 7 days before the end.
    """
    from batch.life.renewal.expiring import reminders as write
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.NOTIFY, where="renew reminders") as actor,
    ):
        written = write(records, desk.library, on, actor.name, again=again)
    if output is not None:
        output.mkdir(mode=0o700, parents=True, exist_ok=True)
    for count, one in enumerate(written, 1):
        if output is None:
            click.echo(one.text)
        else:
            place = output / f"reminder-{on.isoformat()}-{count:04d}.eml"
            place.write_bytes(one.message())
    click.echo(f"{len(written)} {'reminder' if len(written) == 1 else 'reminders'} written", err=True)


for command in (order, carry_out, undo, finish, vouchers):
    renew.add_command(command)


@contextmanager
def _acting(
    invocation: Invocation, number: str, act: Act
) -> Iterator[tuple[Records, Renewal, TokenLayout, Actor]]:
    """Who does an act to a renewal, kept from it by what they did before."""
    from batch.life.renewal.renewing import asked_by
    from batch.model.errors import NotFound
    from batch.people.separation import RULES
    from batch.store.items import item_of
    from batch.store.renewals import renewal

    desk = invocation.desk()
    with desk.sound_records() as records:
        before = None
        # Who may not do it is told so first.
        with suppress(NotFound):
            if RULES[act].not_after:
                before = asked_by(records, renewal(records, number))
        with invocation.acting(desk, records, act, where=number, before=before) as actor:
            found = renewal(records, number)
            layout = desk.library.token(item_of(records, found.item_id).layout)
            yield records, found, layout, actor


def _hold(
    records: Records,
    renewal: Renewal,
    layout: TokenLayout,
    actor: Actor,
    holds: tuple[str, ...],
    changes: dict[str, str],
) -> Renewal:
    from batch.life.renewal.renewing import hold

    named = None if "all" in holds else holds
    return hold(records, renewal.number, layout, actor, holds=named, changes=changes)


def _changes(given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not (equals and name.strip() and value.strip()):
            raise click.BadParameter("write it as FIELD=VALUE", param_hint="--set")
        found[name.strip()] = value.strip()
    return found


def _today() -> date:
    from batch.store.clock import now

    return now().date()
