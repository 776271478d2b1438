"""`station custody`: ceremonies that PIN officers hold together with the custody token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from station.cli.invocation import Invocation, json_option, pass_invocation, with_option
from station.cli.output import counted, document, listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch.people.acting import Actor
    from batch.people.ceremonies import Held
    from batch.store.database import Records
    from station.custody import CustodyProcess
    from station.wiring import Desk

_CEREMONIES = {
    "id": "Ceremony",
    "kind": "What",
    "begun_at": "Begun",
    "ended_at": "Done",
    "officers": "Officers",
    "statement": "Statement",
}
_KEYS = {
    "name": "Key",
    "state": "State",
    "order": "Order",
    "made_at": "Made",
    "destroyed_at": "Destroyed",
    "sha256": "SHA-256",
}

_officers = click.option(
    "--officer",
    "officers",
    multiple=True,
    metavar="NAME",
    help="Who gets a share; may be repeated. Without any, every PIN officer.",
)
_threshold = click.option(
    "--threshold", default=2, show_default=True, help="How many officers open it together."
)


@click.group()
def custody() -> None:
    """Hold the ceremonies of the custody token: two PIN officers or more, --as NAME --with NAME."""


@custody.command()
@_officers
@_threshold
@with_option
@pass_invocation
def make(invocation: Invocation, officers: tuple[str, ...], threshold: int, others: tuple[str, ...]) -> None:
    """Make the custody token under a PIN that nobody knows, split among PIN officers."""
    from batch.people import ceremonies

    with _ceremony(invocation, others) as (desk, records, actors, room):
        among = ceremonies.officers(records, officers)
        held = ceremonies.make(records, room, actors, among, threshold)
        _tell(desk, held)
    click.echo(f"custody opens for {threshold} of {', '.join(among)}", err=True)
    click.echo("next: station custody epochs make 20", err=True)


@custody.command()
@_officers
@_threshold
@click.option("--from-pin", is_flag=True, help="Open it with the PIN that an older home's token has.")
@with_option
@pass_invocation
def split(
    invocation: Invocation,
    officers: tuple[str, ...],
    threshold: int,
    from_pin: bool,
    others: tuple[str, ...],
) -> None:
    """Give the token another PIN and split it anew, after a PIN officer came, left or got other keys.

    Who gives the command opens the token with shares of the last split.
    """
    from batch.people import ceremonies

    with _ceremony(invocation, others) as (desk, records, actors, room):
        among = ceremonies.officers(records, officers)
        pin = desk.pins.pin("custody") if from_pin else None
        held = ceremonies.split(records, room, actors, among, threshold, pin)
        _tell(desk, held)
    click.echo(f"custody opens for {threshold} of {', '.join(among)}", err=True)
    click.echo(
        "backups of the token open with the shares of their time: shred them, make a new one", err=True
    )


@custody.command()
@with_option
@pass_invocation
def prove(invocation: Invocation, others: tuple[str, ...]) -> None:
    """Open the token and do nothing else: it is there, and who is here opens it.

    Settles what a ceremony left that was cut off.
    """
    from batch.people import ceremonies

    with _ceremony(invocation, others) as (desk, records, actors, room):
        _tell(desk, ceremonies.prove(records, room, actors))
    click.echo("custody opens", err=True)


@custody.command("list")
@json_option
@pass_invocation
def list_(invocation: Invocation, as_json: bool) -> None:
    """List the ceremonies that were held, and tell who opens custody."""
    from batch.model.custody import SetState
    from batch.store import custody as kept
    from batch.store import statements

    with invocation.desk().records() as records:
        rows = []
        for one in kept.ceremonies(records):
            signed = statements.signed(records, one.statement)
            rows.append(
                {
                    "id": one.id,
                    "kind": one.kind,
                    "begun_at": one.begun_at.isoformat(timespec="seconds"),
                    "ended_at": one.ended_at.isoformat(timespec="seconds") if one.ended_at else None,
                    "officers": ", ".join(signed.signers) if signed else None,
                    "statement": one.statement,
                }
            )
        sets = kept.sets(records, SetState.CURRENT, SetState.DRAWN)
    listing(rows, _CEREMONIES, as_json=as_json, empty="No ceremony was held; `station custody make`.")
    for state, shares in sets:
        proven = "" if state is SetState.CURRENT else " (not proven to be in force)"
        click.echo(f"opens for {shares.threshold} of {', '.join(shares.officers)}{proven}", err=True)


@custody.group()
def epochs() -> None:
    """Keys of epochs: made beforehand, taken by orders when they are approved, destroyed in the end."""


@epochs.command("make")
@click.argument("count", type=int)
@with_option
@pass_invocation
def make_keys(invocation: Invocation, count: int, others: tuple[str, ...]) -> None:
    """Make COUNT keys, one for each order that will be approved; approving takes nobody of custody then."""
    from batch.model.custody import KeyState
    from batch.people import ceremonies
    from batch.store import custody as kept

    with _ceremony(invocation, others) as (desk, records, actors, room):
        _tell(desk, ceremonies.make_keys(records, room, actors, count))
        stock = len(kept.keys(records, KeyState.STOCK))
    click.echo(f"{counted(stock, 'key is', 'keys are')} in stock", err=True)


@epochs.command("list")
@json_option
@pass_invocation
def list_keys(invocation: Invocation, as_json: bool) -> None:
    """List the keys of epochs, with the orders that took them."""
    import hashlib

    from batch.model.custody import KeyState
    from batch.orders.epochs import LOW_STOCK
    from batch.store import custody as kept

    with invocation.desk().records() as records:
        found = kept.keys(records)
    rows = [
        {
            "name": one.name,
            "state": str(one.state),
            "order": one.order,
            "made_at": one.made_at.isoformat(timespec="seconds"),
            "destroyed_at": one.destroyed_at.isoformat(timespec="seconds") if one.destroyed_at else None,
            "ceremony": one.ceremony,
            "sha256": hashlib.sha256(one.public_key).hexdigest(),
        }
        for one in found
    ]
    listing(rows, _KEYS, as_json=as_json, empty="No key was made; `station custody epochs make 20`.")
    stock = sum(one.state is KeyState.STOCK for one in found)
    click.echo(f"{counted(stock, 'key is', 'keys are')} in stock", err=True)
    if stock < LOW_STOCK:
        click.echo("next: station custody epochs make 20", err=True)


@epochs.command()
@click.argument("number")
@click.option(
    "--yes", "typed", metavar="NUMBER", help="For scripts, in place of the question: the order again."
)
@with_option
@pass_invocation
def destroy(invocation: Invocation, number: str, typed: str | None, others: tuple[str, ...]) -> None:
    """Destroy the custody key of the order NUMBER for good, once its letters are confirmed or void (R42).

    Every copy of its codes, in backups too, opens for nobody any more. Copies of the custody token that hold
    the key must be shredded: docs/custody.md.
    """
    from batch.orders.epochs import ending
    from batch.people import ceremonies

    with _ceremony(invocation, others) as (desk, records, actors, room):
        found = ending(records, number)
        click.echo(f"{counted(found.letters, 'letter', 'letters')} of {found.order.number} printed", err=True)
        if found.admins:
            tokens = counted(found.admins, "token has its", "tokens have their")
            click.echo(f"{tokens} admin credential from custody only: it is lost, too", err=True)
        if typed is None:
            typed = invocation.asking.text(
                f"Type the order's number ({found.order.number}) to destroy its key"
            )
        if typed != found.order.number:
            raise click.UsageError("that is another order; nothing was done")
        held = ceremonies.destroy_key(records, room, actors, found.key_name, found.order.number)
        _tell(desk, held)
    click.echo(f"the custody key of {number} is destroyed; shred copies of the custody token", err=True)


@custody.command()
@click.argument("dest", type=click.Path(path_type=Path))
@with_option
@json_option
@pass_invocation
def backup(invocation: Invocation, dest: Path, others: tuple[str, ...], as_json: bool) -> None:
    """Copy the custody token of SoftHSM to the new file DEST; it opens for the same officers only.

    A token in an HSM is copied by its maker's means. docs/custody.md tells when such a file is shredded.
    """
    from batch.people import ceremonies
    from batch.people.separation import Act
    from station.backup import back_up_keys

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        desk.custody_alone(),
        invocation.actors(desk, records, Act.MANAGE_CUSTODY, others, where="custody", together=True) as here,
    ):
        made = back_up_keys(desk.home, desk.configuration, records, dest, here[0].name, only="custody")
        ceremonies.backed_up(records, here, made.sha256)
    if as_json:
        document({"file": str(made.path), "sha256": made.sha256})
    else:
        click.echo(f"{made.sha256}  {made.path}")


@custody.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_option
@pass_invocation
def recover(invocation: Invocation, file: Path, others: tuple[str, ...]) -> None:
    """Put the custody token of a backup FILE back where the home has lost it, and open it.

    Keys that are destroyed on record are destroyed in it again before it is used.
    """
    import hashlib

    from batch.people import ceremonies
    from station.restoring import restore_keys

    home = invocation.home()
    if not any((home.path / "keys" / "custody" / "tokens").glob("*/token.object")):
        restore_keys(home, file)
        click.echo(f"put back from {file}", err=True)
    with file.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    with _ceremony(invocation, others) as (desk, records, actors, room):
        _tell(desk, ceremonies.recover(records, room, actors, sha256))
    click.echo("custody opens; what was destroyed is destroyed", err=True)


@contextmanager
def _ceremony(
    invocation: Invocation, others: Sequence[str]
) -> Iterator[tuple[Desk, Records, Sequence[Actor], CustodyProcess]]:
    """The desk, its records, who is here, and the custody token, not opened yet."""
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        desk.custody_alone(),
        invocation.actors(desk, records, Act.MANAGE_CUSTODY, others, where="custody", together=True) as here,
        desk.custody_room() as room,
    ):
        yield desk, records, here, room


def _tell(desk: Desk, held: Held) -> None:
    from station.custody import write_down

    path = write_down(desk.home, held)
    click.echo(f"ceremony {held.id} by {' and '.join(held.given.signed.signers)}: {path}", err=True)
