"""`station renew order`, `carry-out`, `undo` and `finish`: what makes the new keys."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import click

from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch.life.renewal.seat import Bench
    from batch.model.codes import SealedCodes
    from batch.model.orders import Item
    from batch.people.ceremonies import Room
    from batch.store.database import Records
    from drivers.secret import Secret
    from station.wiring import Desk

_SEAT = click.option("--seat", required=True, metavar="NAME", help="The seat the token is in.")
_OFFICER = click.option(
    "--officer",
    "officers",
    multiple=True,
    metavar="NAME",
    help="A PIN officer who opens custody for its management key; two where it is there.",
)


@click.command()
@click.argument("numbers", nargs=-1, required=True)
@click.option("--reference", metavar="TEXT", help="The order's reference; else the first renewal's number.")
@pass_invocation
def order(invocation: Invocation, numbers: tuple[str, ...], reference: str | None) -> None:
    """Order new tokens for the renewals NUMBERS of one subscriber, everything carried over.

    It is an order like any other: assessed, approved, produced, dispatched. The old tokens stay until the new
    ones are active.
    """
    from batch.life.renewal.on_new_token import order as take_in
    from batch.orders.catalogue import LibraryLayouts
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.RECEIVE, where=numbers[0]) as actor,
    ):
        library = desk.library
        taken = take_in(records, numbers, library, LibraryLayouts(library), actor, reference)
    click.echo(taken.number)
    click.echo(f"order {taken.number} received; next: station order assess {taken.number}", err=True)


@click.command("carry-out")
@click.argument("number")
@_SEAT
@_OFFICER
@json_option
@pass_invocation
def carry_out(
    invocation: Invocation, number: str, seat: str, officers: tuple[str, ...], as_json: bool
) -> None:
    """Make the new keys of the approved renewal NUMBER on its token, which is in a seat.

    The holder types the token's PIN (--pin-fd may deliver `pin`). The old keys stay in their places until the
    new ones are proven, and are kept after it. What was cut off goes on with the same command. Ends with the
    new expiry, read from the token.
    """
    from batch.life.renewal import on_same_token as renewal_on_token

    with _bench(invocation, number, seat, officers) as (desk, records, bench):
        done = renewal_on_token.carry_out(records, number, bench)
    expires = {name: ends.isoformat() for name, ends in sorted(done.expires.items())}
    if as_json:
        document({"renewal": done.renewal.number, "serial": done.serial, "expires": expires})
    else:
        for name, ends in sorted(done.expires.items()):
            click.echo(f"{name}: valid until {ends:%Y-%m-%d}")
    click.echo(f"renewal {done.renewal.number} is done; read from token {done.serial}", err=True)
    _end_certificates(desk, bench.operator.name)


@click.command()
@click.argument("number")
@_SEAT
@_OFFICER
@click.option("--reason", required=True, help="Why, in a sentence without names.")
@pass_invocation
def undo(invocation: Invocation, number: str, seat: str, officers: tuple[str, ...], reason: str) -> None:
    """Take the new keys of the renewal NUMBER off its token again, and cancel it; the old ones work on.

    Only until the first new key takes a place.
    """
    from batch.life.renewal import on_same_token as renewal_on_token

    with _bench(invocation, number, seat, officers) as (desk, records, bench):
        undone = renewal_on_token.undo(records, number, bench, reason)
    click.echo(f"renewal {undone.number} is cancelled; the token is as it was", err=True)
    _end_certificates(desk, bench.operator.name)


@click.command()
@click.argument("number")
@json_option
@pass_invocation
def finish(invocation: Invocation, number: str, as_json: bool) -> None:
    """End the renewal NUMBER whose new token is active, and show the new expiry."""
    from batch.life.renewal.on_new_token import finish as end
    from batch.people.separation import Act

    desk = invocation.desk()
    with desk.sound_records() as records, invocation.acting(desk, records, Act.RENEW, where=number) as actor:
        renewal, ends = end(records, number, actor.name)
    expires = ends.date().isoformat() if ends else None
    if as_json:
        document({"renewal": renewal.number, "expires": expires})
    else:
        click.echo(f"valid until {expires}")
    click.echo(f"renewal {renewal.number} is done", err=True)
    _end_certificates(desk, actor.name)


@contextmanager
def _bench(
    invocation: Invocation, number: str, seat: str, officers: tuple[str, ...]
) -> Iterator[tuple[Desk, Records, Bench]]:
    """All that a renewal on a token is done with; who carries it out did not approve it (R35)."""
    from batch.life.renewal.on_same_token import carried_out_before
    from batch.life.renewal.seat import Bench
    from batch.model.errors import NotFound, Refused
    from batch.people.register import NOTE, Trust
    from batch.people.separation import RULES, Act
    from batch.production.admin_proof import open_to_recover
    from batch.store.items import item_of
    from batch.store.renewals import renewal
    from drivers.process import harden
    from station.acting import actors

    desk = invocation.desk()
    with ExitStack() as held:
        records = held.enter_context(desk.sound_records())
        people = [(invocation.named, Act.PRODUCE), *((name, Act.RECOVER_ADMIN) for name in officers)]
        before = None
        # Who may not do it is told so first.
        with suppress(NotFound):
            before = carried_out_before(records, number)
        acting = actors(desk, records, people, where=number, before=before, tell=_tell)
        operator, *others = held.enter_context(acting)
        found = renewal(records, number)

        @contextmanager
        def admin(item: Item, sealed: SealedCodes) -> Iterator[Room]:
            if len(others) < RULES[Act.RECOVER_ADMIN].persons:
                raise Refused(
                    "its management key takes two PIN officers, who both are here",
                    where=f"token {item.mailer_number}",
                    next="name them: --officer NAME --officer NAME",
                )
            if sealed.diversified_from is not None:
                with desk.diversification() as child:
                    yield child
                return
            with desk.custody_room() as room:
                open_to_recover(records, item, room, others)
                yield room

        def pin() -> Secret:
            harden()
            click.echo("The holder types; nobody else looks.", err=True)
            return desk.pins.code("pin", "PIN of the token")

        keeper = held.enter_context(desk.keeper())
        note = keeper.ask("note", NOTE, timeout=60)
        if note is None:
            raise Refused("the bench's key token knows no register of operators", where=found.number)
        yield (
            desk,
            records,
            Bench(
                seat=desk.seats((seat,))[0],
                run_directory=desk.run_directory,
                layout=desk.library.token(item_of(records, found.item_id).layout),
                authority=held.enter_context(desk.authority()),
                trust=Trust.of_note(note),
                pin=pin,
                admin=admin,
                operator=operator,
                tell=_tell,
            ),
        )


def _end_certificates(desk: Desk, operator: str) -> None:
    """Have revoked what is to be, the new list published; what the CA does not answer waits on record."""
    from station.cli.revoking import say, tell_ca

    with desk.sound_records() as records:
        say(tell_ca(records, desk, operator))


def _tell(text: str) -> None:
    click.echo(text, err=True)
