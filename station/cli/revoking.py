"""`station token revoke`, and telling the CA what is to be revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from station.cli.invocation import Invocation, json_option, pass_invocation, with_option
from station.cli.output import counted, document
from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from batch.store.database import Records
    from station.wiring import Desk


@click.command()
@click.argument("number")
@click.option(
    "--reason",
    metavar="REASON",
    help="Why, in RFC 5280's words, such as `keyCompromise`; who completes it may leave it out.",
)
@with_option
@json_option
@pass_invocation
def revoke(
    invocation: Invocation, number: str, reason: str | None, others: tuple[str, ...], as_json: bool
) -> ExitCode:
    """Have the certificates of the token NUMBER revoked without its revocation code (PIN of `ca`).

    Takes two revocation officers: the second gives the same command, or is named with --with. It is final.
    A CA that is away is told with the next production or `station ca crl`.
    """
    from batch.people.separation import Act
    from batch.production.revoking import revoke as sign
    from drivers.authorities.port import Reason

    try:
        wanted = Reason(reason) if reason else None
    except ValueError:
        raise click.BadParameter(f"one of: {', '.join(Reason)}", param_hint="--reason") from None
    desk = invocation.desk()
    revoked, waiting, why = 0, 0, None
    with (
        desk.sound_records() as records,
        invocation.actors(desk, records, Act.REVOKE, others, where=number) as actors,
    ):
        for actor in actors:
            given = sign(records, number, actor, wanted)
            if given.complete:
                revoked, waiting, why = tell_ca(records, desk, actor.name)
                break
    if as_json:
        document(
            {
                "statement": given.digest,
                "complete": given.complete,
                "signed_by": list(given.signed.signers),
                **given.statement.about,
                "certificates_revoked": revoked,
                "requests_waiting": waiting,
            }
        )
    if not given.complete:
        click.echo(f"token {number} signed for; another revocation officer gives the same command", err=True)
        return ExitCode.OK
    if waiting:
        click.echo(f"the CA was not told: {why}", err=True)
        tell_waiting(waiting)
        return ExitCode.PARTIAL
    click.echo(f"certificates revoked: {revoked}; next: station ca crl, which publishes it", err=True)
    return ExitCode.OK


def tell_ca(records: Records, desk: Desk, operator: str) -> tuple[int, int, str | None]:
    """How many certificates were revoked, how many requests wait for the CA, and why they do."""
    from batch.production.revocation import carry_out
    from batch.store.revocations import waiting
    from station.errors import StationError

    requests = len(waiting(records))
    if not requests:
        return 0, 0, None
    try:
        with desk.authority() as authority:
            done = carry_out(records, authority, operator)
    except StationError as error:  # such as no PIN of the CA's token: what is on record stays asked for
        return 0, requests, str(error)
    for refused in done.refused:
        click.echo(f"the CA refused to revoke {refused}", err=True)
    return done.revoked, done.waiting, done.reason


def tell_waiting(requests: int) -> None:
    """Say how many requests wait for the CA, and what tells it."""
    if requests:
        of = counted(requests, "request wait", "requests wait")
        click.echo(f"certificates of {of} to be revoked; next: station ca crl", err=True)
