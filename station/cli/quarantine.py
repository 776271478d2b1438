"""`station quarantine`: what was set aside, and the ways out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

import click

from station.cli.confirming import ask_twice, yes_option
from station.cli.filters import order_filter
from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import document, listing, plain
from station.cli.revoking import say, tell_ca, tell_waiting
from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from batch.model.orders import Item
    from batch.model.quarantine import Way
    from batch.people.acting import Actor
    from batch.production.ways_out import Spoiled
    from batch.store.database import Records
    from drivers.process import Child
    from station.asking import Asking
    from station.wiring import Desk

_Command = TypeVar("_Command", bound=Callable[..., Any])

_COLUMNS = {
    "number": "Number",
    "order": "Order",
    "seat": "Seat",
    "serial": "Token",
    "since": "Since",
    "step": "Step",
    "ways": "Ways out",
    "reason": "Reason",
}
_WITNESS = click.option(
    "--witness", required=True, metavar="NAME", help="The second person who sees it; never who does it."
)
_SPOILING = (
    click.argument("number"),
    yes_option,
    click.option("--reason", help="Why, in a sentence; by default why it was set aside."),
    click.option(
        "--no-replacement",
        is_flag=True,
        help="Make no other token in its place: the order gets one less, and counts it.",
    ),
    json_option,
)


class _Asked(TypedDict):
    """What `_SPOILING` gives a command."""

    number: str
    typed: str | None
    reason: str | None
    no_replacement: bool
    as_json: bool


def _spoiling(command: _Command) -> _Command:
    """Gives a way out that spoils a token its argument and options, as `_Asked`."""
    for option in reversed(_SPOILING):
        command = option(command)
    return command


@click.group()
def quarantine() -> None:
    """Tokens that were set aside: list and show them, and the ways out."""


@quarantine.command("list")
@order_filter
@json_option
@pass_invocation
def list_(invocation: Invocation, number: str | None, as_json: bool) -> None:
    """List what is in quarantine, since when, why, and what may be done about it."""
    from batch.production.report import overview
    from batch.store.orders import order
    from batch.store.revocations import waiting
    from station.wiring import Desk

    with Desk.of(invocation.home(), None).records() as records:
        rows = overview(records, order(records, number) if number else None)
        requests = len(waiting(records))
    shown = rows if as_json else [{**row, "ways": ", ".join(row["ways"])} for row in rows]
    listing(shown, _COLUMNS, as_json=as_json, empty="Nothing is in quarantine.")
    if rows:
        click.echo("next: station quarantine show NUMBER", err=True)
    tell_waiting(requests)


@quarantine.command()
@click.argument("number")
@click.option("--seat", metavar="NAME", help="Read the token in this seat as well; needs no code.")
@json_option
@pass_invocation
def show(invocation: Invocation, number: str, seat: str | None, as_json: bool) -> None:
    """Show all of the token NUMBER: why it is in quarantine, its steps, keys, certificates, ways out.

    With --seat, what the token in that seat tells now stands beside what is on record.
    """
    from batch.production.report import whole
    from batch.production.reset import read
    from batch.store.items import item
    from station.wiring import Desk

    desk = Desk.of(invocation.home(), None)
    with desk.records() as records:
        found = item(records, number)
        facts = whole(records, found)
        if seat is not None:
            facts["token"] = read(records, found, desk.seats((seat,))[0], desk.run_directory)
    if as_json:
        document(facts)
        return
    for key, value in facts.items():
        if isinstance(value, list):
            click.echo(f"{key}:{'' if value else ' none'}")
            if value:
                listing(value, {name: name.replace("_", " ") for name in value[0]}, as_json=False, empty="")
        else:
            click.echo(f"{key.replace('_', ' ')}: {plain(value)}")


@quarantine.command()
@click.argument("number")
@click.option("--seat", metavar="NAME", help="Read the token in this seat, where only it can decide.")
@pass_invocation
def resume(invocation: Invocation, number: str, seat: str | None) -> None:
    """Put the token NUMBER back into production: the step that failed is done again when it is seen.

    Refused where its codes can no longer be had, or where doing the step again would not be honest.
    """
    from batch.people.separation import Act
    from batch.production.reset import decide
    from batch.production.ways_out import resume as take_up
    from batch.store.items import item
    from batch.store.orders import order_of

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.SET_ASIDE, where=number) as actor,
    ):
        found = item(records, number)
        decided = None
        if seat is not None:
            decided = decide(records, found, desk.seats((seat,))[0], desk.run_directory)
        found = take_up(records, found.mailer_number, actor.name, decided=decided)
        order = order_of(records, found.order_id).number
    click.echo(f"token {found.mailer_number} is in production again; put it in a reader, then:", err=True)
    click.echo(f"next: station produce {order}", err=True)


@quarantine.command()
@click.argument("number")
@click.option("--reason", required=True, help="Why, in a sentence; it is kept with the token.")
@pass_invocation
def add(invocation: Invocation, number: str, reason: str) -> None:
    """Set the begun token NUMBER aside: it is lost, or must not go on. No production may run meanwhile."""
    from batch.people.separation import Act
    from batch.production.lock import only_one
    from batch.production.quarantine import take_out

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.SET_ASIDE, where=number) as actor,
        only_one(desk.run_directory / "production.lock", "production"),
    ):
        item = take_out(records, number, reason, actor.name)
    click.echo(f"token {item.mailer_number} is in quarantine", err=True)
    click.echo(f"next: station quarantine show {item.mailer_number}", err=True)


@quarantine.command()
@click.option("--seat", required=True, metavar="NAME", help="The seat its token is in.")
@_spoiling
@pass_invocation
def reset(invocation: Invocation, seat: str, **asked: Unpack[_Asked]) -> ExitCode:
    """Make the token NUMBER in a seat blank again, for another item (PINs of `bench` and `ca`).

    Asks twice. All on it is destroyed, its certificates are revoked, and only once it is read blank may its
    serial be used again. Refused for any other token than the one on record, before a try is spent.
    """
    from batch.model.quarantine import Way
    from batch.people.separation import Act
    from batch.production.reset import reset as make_blank

    desk = invocation.desk()
    number = asked["number"]

    def begin(records: Records, item: Item, confirmed: str, keeper: Child) -> None:
        make_blank(
            records,
            item.mailer_number,
            desk.seats((seat,))[0],
            desk.run_directory,
            keeper,
            desk.brief,
            operator=actor.name,
            confirmed=confirmed,
            why=asked["reason"],
            replaced=not asked["no_replacement"],
        )

    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.GIVE_UP, where=number) as actor,
    ):
        return _spoil(invocation.asking, desk, records, actor, Way.RESET, asked, begin)


@quarantine.command()
@_WITNESS
@_spoiling
@pass_invocation
def destroy(invocation: Invocation, witness: str, **asked: Unpack[_Asked]) -> ExitCode:
    """Put on record that the token NUMBER is destroyed before a witness (PINs of `bench` and `ca`).

    Asks twice. Its certificates are revoked, and a token of its serial is refused for ever.
    """
    from batch.model.quarantine import Way

    return _give_up(invocation, Way.DESTROY, witness, asked)


@quarantine.command("write-off")
@_WITNESS
@_spoiling
@pass_invocation
def write_off(invocation: Invocation, witness: str, **asked: Unpack[_Asked]) -> ExitCode:
    """Give up the token NUMBER, which cannot be found, before a witness (PINs of `bench` and `ca`).

    Asks twice. Its certificates are revoked as compromised, and its serial is refused should it turn up.
    """
    from batch.model.quarantine import Way

    return _give_up(invocation, Way.WRITE_OFF, witness, asked)


def _give_up(invocation: Invocation, way: Way, witness: str, asked: _Asked) -> ExitCode:
    from batch.people.separation import Act
    from batch.production.ways_out import begin as put_on_record

    def begin(records: Records, item: Item, confirmed: str, _: Child) -> None:
        put_on_record(
            records,
            item.mailer_number,
            way,
            operator=actor.name,
            confirmed=confirmed,
            why=asked["reason"],
            witness=other.name,
            replaced=not asked["no_replacement"],
        )

    desk, number = invocation.desk(), asked["number"]
    with (
        desk.sound_records() as records,
        invocation.witnessed(desk, records, Act.GIVE_UP, witness, where=number) as (actor, other),
    ):
        return _spoil(invocation.asking, desk, records, actor, way, asked, begin)


def _spoil(
    asking: Asking,
    desk: Desk,
    records: Records,
    actor: Actor,
    way: Way,
    asked: _Asked,
    begin: Callable[[Records, Item, str, Child], None],
) -> ExitCode:
    """Ask, `begin` the way out and finish it, unless the token left by it before; then tell."""
    from batch.production.ways_out import finish, left_already
    from batch.store.items import item

    found = item(records, asked["number"])
    spoiled = None
    if not left_already(records, found, way):
        confirmed = _confirmed(asking, found, way, asked["typed"])
        with desk.keeper() as keeper:
            keeper.ask("ready", timeout=60)
            begin(records, found, confirmed, keeper)
            spoiled = finish(records, found.mailer_number, actor, keeper)
    return _tell_spoiled(records, desk, found, spoiled, actor.name, asked["as_json"])


def _confirmed(asking: Asking, item: Item, way: Way, typed: str | None) -> str:
    from batch.production.ways_out import check_typed

    what = {
        "reset": f"Destroy all that is on the token of {item.mailer_number}",
        "destroy": f"Record that the token of {item.mailer_number} is destroyed",
        "write-off": f"Give up the token of {item.mailer_number} as lost",
    }[way]
    name = "number" if item.token_serial is None else "serial"
    return ask_twice(asking, what, name, typed, lambda answer: check_typed(item, answer))


def _tell_spoiled(
    records: Records, desk: Desk, item: Item, spoiled: Spoiled | None, operator: str, as_json: bool
) -> ExitCode:
    """Have the CA told, and say what became of the item, its certificates and its replacement."""
    from batch.store.items import item_of, replacement
    from batch.store.orders import order_of

    told = tell_ca(records, desk, operator)
    item, other = item_of(records, item.id), replacement(records, item.id)
    order = order_of(records, item.order_id)
    again = "" if spoiled else " already"
    click.echo(f"token {item.mailer_number} is{again} {item.state}: {item.reason}", err=True)
    if spoiled is not None and spoiled.letter not in ("void", "sealed"):
        click.echo(f"its letter is {spoiled.letter}: find it, and destroy it unopened", err=True)
    if other is not None:
        click.echo(f"token {other.mailer_number} replaces it, {other.state}", err=True)
    if as_json:
        facts: dict[str, Any] = {
            "number": item.mailer_number,
            "state": str(item.state),
            "reason": item.reason,
            "replacement": other.mailer_number if other else None,
            "certificates_revoked": told.revoked,
            "requests_waiting": told.waiting,
            "order": order.number,
            "order_state": str(order.state),
        }
        document(facts)
    click.echo(f"order {order.number} is {order.state}", err=True)
    say(told)
    if told.waiting:
        return ExitCode.PARTIAL
    if other is not None and other.state == "planned":
        click.echo(f"next: station produce {order.number}", err=True)
    return ExitCode.OK
