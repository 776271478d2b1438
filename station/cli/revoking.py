"""`station revoke` and `station token revoke`, and telling the CA what is to be revoked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from station.cli.invocation import Invocation, json_option, pass_invocation, with_option
from station.cli.output import counted, document
from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from batch.store.database import Records
    from drivers.authorities.port import Reason
    from station.revocations import Told
    from station.wiring import Desk


@click.command("revoke")
@click.argument("number")
@click.option(
    "--reason", metavar="REASON", help="Why, in RFC 5280's words; `keyCompromise` where it is lost."
)
@click.option("--lost", is_flag=True, help="The token is lost: it is on record as that as well.")
@json_option
@pass_invocation
def by_code(invocation: Invocation, number: str, reason: str | None, lost: bool, as_json: bool) -> ExitCode:
    """Revoke all certificates of the token NUMBER by the revocation code of its letter (PIN of `ca`).

    At any hour, by nobody who works here, at once and for good. The code is asked for, or delivered by
    --pin-fd as `revocation-code CODE`. Wrong codes make wait. A CA that is away is told by `station ca crl`.
    """
    from batch.life.revocation.revoking import HOLDER, revoke_by_code
    from batch.store.clock import now
    from drivers.authorities.port import Reason
    from station.revocations import code_check

    why = _reason(reason) or (Reason.KEY_COMPROMISE if lost else Reason.UNSPECIFIED)
    desk = invocation.desk()
    with desk.sound_records() as records:
        with code_check(desk) as matches:
            done = revoke_by_code(records, number, matches, why, now(), lost=lost)
        state = "was to be revoked already" if done.already else "is to be revoked, on record and for good"
        click.echo(f"token {done.item.mailer_number} {state}", err=True)
        told = tell_ca(records, desk, HOLDER)
        standing = _state(records, done.item.id)
    if as_json:
        document(
            {
                "number": done.item.mailer_number,
                "reason": str(done.reason),
                "requests": done.requests,
                "already": done.already,
                "lost": done.lost,
                "certificates": standing,
                "certificates_revoked": told.revoked,
                "requests_waiting": told.waiting,
            }
        )
    say(told)
    return ExitCode.PARTIAL if told.waiting else ExitCode.OK


@click.command()
@click.argument("number")
@click.option(
    "--reason",
    metavar="REASON",
    help="Why, in RFC 5280's words, such as `keyCompromise`; who completes it may leave it out.",
)
@click.option(
    "--request",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The signed request it is done upon; its SHA-256 is signed for.",
)
@click.option("--ground", help="Without a request: on what ground, in a sentence without names.")
@with_option
@json_option
@pass_invocation
def revoke(
    invocation: Invocation,
    number: str,
    reason: str | None,
    request: Path | None,
    ground: str | None,
    others: tuple[str, ...],
    as_json: bool,
) -> ExitCode:
    """Have the certificates of the token NUMBER revoked without its revocation code (PIN of `ca`).

    Takes a signed request and two revocation officers: the second gives the same command, or is named with
    --with. It is final. A CA that is away is told with the next production or `station ca crl`.
    """
    from batch.people.separation import Act
    from batch.production.revoking import Ground
    from batch.production.revoking import revoke as sign

    if request is not None and ground is not None:
        raise click.UsageError("a signed request is ground enough; leave out --ground")
    wanted = _reason(reason)
    upon = Ground.request(request.read_bytes()) if request else Ground.told(ground) if ground else None
    desk = invocation.desk()
    told = None
    with (
        desk.sound_records() as records,
        invocation.actors(desk, records, Act.REVOKE, others, where=number) as actors,
    ):
        for actor in actors:
            given = sign(records, number, actor, wanted, upon)
            if given.complete:
                told = tell_ca(records, desk, actor.name)
                break
    if as_json:
        document(
            {
                "statement": given.digest,
                "complete": given.complete,
                "signed_by": list(given.signed.signers),
                **given.statement.about,
                "certificates_revoked": told.revoked if told else 0,
                "requests_waiting": told.waiting if told else 0,
            }
        )
    if told is None:
        click.echo(f"token {number} signed for; another revocation officer gives the same command", err=True)
        return ExitCode.OK
    say(told)
    return ExitCode.PARTIAL if told.waiting else ExitCode.OK


def tell_ca(records: Records, desk: Desk, operator: str) -> Told:
    """Have the CA revoke what waits, and the new list published."""
    from station.revocations import tell_ca as have_told

    return have_told(desk, records, operator)


def say(told: Told) -> None:
    """Say what the CA made of it, and what is to be done."""
    for refused in told.refused:
        click.echo(f"the CA refused to revoke {refused}", err=True)
    if told.published is not None:
        click.echo(f"certificates revoked: {told.revoked}; list written to {told.published}", err=True)
    elif told.revoked:
        why = f"; the list was not given out: {told.reason}" if told.reason and not told.waiting else ""
        click.echo(
            f"certificates revoked: {told.revoked}{why}; next: station ca crl, which publishes it", err=True
        )
    if told.waiting:
        if told.reason is not None:
            click.echo(f"the CA was not told: {told.reason}", err=True)
        tell_waiting(told.waiting)


def tell_waiting(requests: int) -> None:
    """Say how many requests wait for the CA, and what tells it."""
    if requests:
        of = counted(requests, "request wait", "requests wait")
        click.echo(f"certificates of {of} to be revoked; next: station ca crl", err=True)


def _reason(reason: str | None) -> Reason | None:
    from drivers.authorities.port import Reason

    try:
        return Reason(reason) if reason else None
    except ValueError:
        raise click.BadParameter(f"one of: {', '.join(Reason)}", param_hint="--reason") from None


def _state(records: Records, item_id: int) -> str:
    from batch.store.revocations import states

    return str(states(records, item_id)[item_id])
