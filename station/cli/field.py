"""`station token hand-over`, `activate`, `lost`, `damaged`, `returned` and `destroy`: tokens in the field."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from station.cli.confirming import ask_twice, yes_option
from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import document, listing
from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from batch.model.field import FieldAct
    from batch.model.orders import Item
    from batch.people.acting import Actor
    from batch.store.database import Records

_WHY = click.option("--reason", required=True, help="What happened, in a sentence without names.")


@click.command("hand-over")
@click.argument("number")
@click.option(
    "--to",
    required=True,
    metavar="WHO",
    help="The holder's name as it was ordered; of a group its manager's number or e-mail address.",
)
@click.option("--consent", "consents", multiple=True, help="What the receiver agreed to; may be repeated.")
@click.option(
    "--signed",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What the receiver signed; its SHA-256 is kept.",
)
@json_option
@pass_invocation
def hand_over(
    invocation: Invocation,
    number: str,
    to: str,
    consents: tuple[str, ...],
    signed: Path | None,
    as_json: bool,
) -> None:
    """Put on record that the token NUMBER was handed to its holder, or to a manager of its group.

    Refused without the consents its layout wants, and before its letter left where that goes first.
    """
    import hashlib

    from batch.life.field.handling import Consents, before_hand_over
    from batch.life.field.handling import hand_over as hand
    from batch.people.separation import Act
    from batch.store.clock import now
    from batch.store.items import item
    from layouts.life import Consent

    try:
        given = [Consent(one) for one in consents]
    except ValueError:
        raise click.BadParameter(f"one of: {', '.join(Consent)}", param_hint="--consent") from None
    paper = hashlib.sha256(signed.read_bytes()).hexdigest() if signed else None
    desk = invocation.desk()
    with desk.sound_records() as records:
        found = item(records, number)
        before = before_hand_over(records, found)
        with invocation.acting(desk, records, Act.HAND_OVER, where=number, before=before) as actor:
            hand(
                records,
                found,
                desk.library.token(found.layout),
                to=to,
                consents=Consents(given, paper),
                operator=actor.name,
                at=now(),
            )
        _tell(records, found, as_json)
    click.echo(f"next, when its holder uses it: station token activate {found.mailer_number}", err=True)


@click.command()
@click.argument("number")
@click.option("--seat", metavar="NAME", help="Read the token in this seat first; needs no code.")
@json_option
@pass_invocation
def activate(invocation: Invocation, number: str, seat: str | None, as_json: bool) -> ExitCode:
    """Put on record that the token NUMBER is in use: its holder has it and changed the PIN.

    With --seat it is read first, and only where all of it is as on record.
    """
    from batch.life.field.handling import activate as put_in_use
    from batch.life.renewal.on_new_token import waiting_for
    from batch.people.separation import Act
    from batch.production.verification import verify_token
    from batch.store.clock import now
    from batch.store.items import item

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.ACTIVATE, where=number) as actor,
    ):
        found = item(records, number)
        if seat is not None:
            findings = verify_token(records, desk.seats((seat,))[0], desk.run_directory, found.mailer_number)
            wrong = [{"check": one.check, "found": one.found} for one in findings if not one.ok]
            if wrong:
                listing(wrong, {"check": "Check", "found": "Found"}, as_json=as_json, empty="")
                click.echo(f"token {found.mailer_number} is not as on record; nothing was done", err=True)
                return ExitCode.CHECK_FAILED
        layout = desk.library.token(found.layout)
        put_in_use(records, found, layout, operator=actor.name, at=now(), read=seat is not None)
        _tell(records, found, as_json)
        renewal = waiting_for(records, found)
    if renewal is not None:
        click.echo(f"next: station renew finish {renewal.number}", err=True)
    return ExitCode.OK


@click.command()
@click.argument("number")
@_WHY
@json_option
@pass_invocation
def lost(invocation: Invocation, number: str, reason: str, as_json: bool) -> None:
    """Put on record that the token NUMBER is lost; a revocation officer signs for its revocation as well.

    Whoever has its revocation code revokes it at once: `station revoke`.
    """
    from batch.model.field import FieldAct

    _report(invocation, number, FieldAct.LOST, reason, as_json)


@click.command()
@click.argument("number")
@_WHY
@json_option
@pass_invocation
def damaged(invocation: Invocation, number: str, reason: str, as_json: bool) -> None:
    """Put on record that the token NUMBER does not work any more, wherever it is."""
    from batch.model.field import FieldAct

    _report(invocation, number, FieldAct.DAMAGED, reason, as_json)


@click.command()
@click.argument("number")
@_WHY
@json_option
@pass_invocation
def returned(invocation: Invocation, number: str, reason: str, as_json: bool) -> None:
    """Put on record that the token NUMBER is at the desk again; hand it out anew, or destroy it."""
    from batch.model.field import FieldAct

    _report(invocation, number, FieldAct.RETURNED, reason, as_json)


@click.command()
@click.argument("number")
@click.option(
    "--witness", required=True, metavar="NAME", help="The second person who sees it; never who does it."
)
@yes_option
@_WHY
@json_option
@pass_invocation
def destroy(
    invocation: Invocation, number: str, witness: str, typed: str | None, reason: str, as_json: bool
) -> None:
    """Put on record that the finished token NUMBER was destroyed before a witness. Asks twice."""
    from batch.life.field.handling import destroy as put_down
    from batch.people.separation import Act
    from batch.production.ways_out import check_typed
    from batch.store.clock import now
    from batch.store.items import item

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.witnessed(desk, records, Act.DESTROY, witness, where=number) as (actor, other),
    ):
        found = item(records, number)
        name = "number" if found.token_serial is None else "serial"
        confirmed = ask_twice(
            invocation.asking,
            f"Record that the token of {found.mailer_number} is destroyed",
            name,
            typed,
            lambda answer: check_typed(found, answer),
        )
        put_down(
            records,
            found,
            operator=actor.name,
            witness=other.name,
            confirmed=confirmed,
            why=reason,
            at=now(),
        )
        _tell(records, found, as_json)
        _tell_unrevoked(records, found, "cessationOfOperation")


def _report(invocation: Invocation, number: str, act: FieldAct, reason: str, as_json: bool) -> None:
    from batch.life.field.handling import report
    from batch.model.field import FieldAct
    from batch.people.separation import Act
    from batch.store.clock import now
    from batch.store.items import item

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.REPORT, where=number) as actor,
    ):
        found = item(records, number)
        report(records, found, act, operator=actor.name, why=reason, at=now())
        _tell(records, found, as_json)
        if act is FieldAct.LOST:
            if not _began_revocation(records, found, actor):
                _tell_unrevoked(records, found, "keyCompromise")
        elif act is FieldAct.RETURNED:
            _tell_unrevoked(records, found, "superseded")


def _began_revocation(records: Records, item: Item, actor: Actor) -> bool:
    """A lost token is to be revoked; who reports it as a revocation officer is the first of two (R22)."""
    from batch.model.people import Role
    from batch.production.revoking import Ground, revoke
    from batch.store.revocations import of_its_keys
    from drivers.authorities.port import Reason

    if Role.REVOCATION_OFFICER not in actor.operator.roles or of_its_keys(records, item.id):
        return False
    number = item.mailer_number
    revoke(records, number, actor, Reason.KEY_COMPROMISE, Ground.told("reported as lost"))
    click.echo(
        f"its revocation is signed for; next, by another revocation officer: station token revoke {number}",
        err=True,
    )
    return True


def _tell(records: Records, item: Item, as_json: bool) -> None:
    from batch.life.field.showing import life_facts

    facts = life_facts(records, item)
    if as_json:
        document({"number": item.mailer_number, **facts})
    click.echo(f"token {item.mailer_number} is {facts['life']}", err=True)


def _tell_unrevoked(records: Records, item: Item, reason: str) -> None:
    from batch.store.revocations import of_its_keys

    if not of_its_keys(records, item.id):
        number = item.mailer_number
        click.echo(
            f"its certificates are valid; next: station revoke {number}, or two revocation officers: "
            f"station token revoke {number} --reason {reason} --request FILE",
            err=True,
        )
