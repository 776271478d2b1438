"""`station token unblock`: a new PIN at the desk, for a holder whose PIN is blocked or forgotten."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from station.cli.invocation import Invocation, json_option, pass_invocation, with_option
from station.cli.output import document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch.life.field.unblocking import HolderCodes
    from batch.model.codes import SealedCodes
    from batch.model.orders import Item
    from batch.people.ceremonies import Room
    from drivers.tokens import Code


@click.command()
@click.argument("number")
@click.option("--seat", required=True, metavar="NAME", help="The seat the token is in.")
@with_option
@json_option
@pass_invocation
def unblock(invocation: Invocation, number: str, seat: str, others: tuple[str, ...], as_json: bool) -> None:
    """Set a new PIN on the token NUMBER, which is in a seat, its holder being at the desk.

    By the PUK of its letter, which the holder types, or where its model has none by its SO PIN, out of
    custody or derived again; that takes two PIN officers, as a layout may ask for always. The holder types
    the new PIN twice. The last try of a code is never made. --pin-fd may deliver `puk` and `new-pin`.
    """
    from batch.life.field.unblocking import HolderCodes
    from batch.life.field.unblocking import unblock as set_new
    from batch.people.separation import Act
    from batch.production.admin_proof import open_to_recover
    from batch.store.clock import now
    from batch.store.items import item
    from drivers.process import harden
    from drivers.tokens import Code

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.actors(desk, records, Act.UNBLOCK, others, where=number) as actors,
    ):
        found = item(records, number)

        @contextmanager
        def keys(item: Item, sealed: SealedCodes) -> Iterator[Room]:
            if sealed.diversified_from is not None:
                with desk.diversification() as child:
                    yield child
                return
            with desk.custody_room() as room:
                open_to_recover(records, item, room, actors)
                yield room

        def ask(by: Code) -> HolderCodes:
            harden()
            click.echo("The holder types; nobody else looks.", err=True)
            puk = desk.pins.code("puk", "PUK from the letter") if by is Code.PUK else None
            return HolderCodes(puk, desk.pins.new_code("new-pin", "PIN"))

        by = set_new(
            records,
            found,
            desk.seats((seat,))[0],
            desk.run_directory,
            ask,
            keys,
            officers=[actor.name for actor in actors],
            persons=desk.library.token(found.layout).life.unblock_persons,
            at=now(),
        )
    if as_json:
        document({"number": found.mailer_number, "serial": found.token_serial, "unblocked_by": str(by)})
    how = "PUK" if by is Code.PUK else "SO PIN"
    click.echo(f"token {found.mailer_number} has a new PIN, by its {how}", err=True)
