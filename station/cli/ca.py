"""`station ca`: the certificate authority behind this station."""

from __future__ import annotations

from pathlib import Path

import click

from station.cli.ca_files import requests, take, waiting
from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import listing
from station.cli.revoking import tell_waiting
from station.exit_codes import ExitCode

_OUT = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file instead of standard output.",
)


_REVOCATIONS = {
    "request": "Request",
    "reason": "Reason",
    "asked_by": "Asked by",
    "outcome": "Outcome",
}


@click.group()
def ca() -> None:
    """The certificate authority: its certificates, its revocation list (PIN of `ca`), revocations, files."""


for _command in (requests, take, waiting):
    ca.add_command(_command)


@ca.command()
@_OUT
@pass_invocation
def chain(invocation: Invocation, output: Path | None) -> None:
    """Print the CA's own certificates as PEM, the issuer of leaves first."""
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_der_x509_certificate

    with invocation.desk().authority() as authority:
        found = authority.ask("chain", timeout=60)
    _give(output, b"".join(load_der_x509_certificate(one).public_bytes(Encoding.PEM) for one in found))


@ca.command()
@_OUT
@click.option("--wait/--no-wait", default=True, help="Ask a CA that is away again for half a minute.")
@pass_invocation
def crl(invocation: Invocation, output: Path | None, wait: bool) -> ExitCode:
    """Issue a revocation list and print it as PEM; what waits to be revoked is revoked first.

    It is written to `crl_file` of [authority] as well. Run it from cron: lists must be new before the last
    one ends, and what waits is told within the day (R23).
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    from batch.people.separation import Act
    from station.revocations import PAUSES, again, publish

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.by(desk, records, Act.KEEP_DESK, where="ca crl") as name,
        desk.authority() as authority,
    ):
        told = again(records, authority, name, PAUSES if wait else ())
        issued = publish(desk, records, authority, name)
    if told.revoked:
        click.echo(f"certificates revoked: {told.revoked}", err=True)
    for refused in told.refused:
        click.echo(f"the CA refused to revoke {refused}", err=True)
    _give(output, issued.public_bytes(Encoding.PEM))
    if told.waiting:
        if told.reason is not None:
            click.echo(f"the CA was not told: {told.reason}", err=True)
        tell_waiting(told.waiting)
        return ExitCode.PARTIAL
    return ExitCode.OK


@ca.command()
@click.argument("request", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_OUT
@pass_invocation
def ocsp(invocation: Invocation, request: Path, output: Path | None) -> None:
    """Answer the OCSP request (DER) in the file REQUEST, as a web server or a test hands it on."""
    from datetime import UTC, datetime

    with invocation.desk().authority() as authority:
        answer = authority.ask("ocsp", request.read_bytes(), datetime.now(UTC), timeout=60)
    _give(output, answer)


@ca.command()
@json_option
@pass_invocation
def unclear(invocation: Invocation, as_json: bool) -> None:
    """List requests that the CA may have answered, and whose answers never came."""
    with invocation.desk().authority() as authority:
        rows = [{"request": one} for one in authority.ask("doubtful", timeout=60)]
    listing(rows, {"request": "Request"}, as_json=as_json, empty="Nothing is unclear.")


@ca.command()
@click.argument("request")
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The certificate (PEM or DER) that the CA issued for it.",
)
@click.option("--none", "none", is_flag=True, help="The CA issued none, and will not any more.")
@pass_invocation
def settle(invocation: Invocation, request: str, certificate: Path | None, none: bool) -> None:
    """Say what became of the unclear REQUEST, after who runs the CA looked; you answer for it.

    With `--none` the CA is asked for it anew. Where it did issue, that would be a second certificate.
    """
    from batch.people.separation import Act
    from station.revocations import settle as settled

    if (certificate is None) is not none:
        raise click.UsageError("give either --certificate FILE or --none")
    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.KEEP_DESK, where="ca settle") as actor,
        desk.authority() as authority,
    ):
        serial = settled(records, authority, actor.name, request, certificate)
    what = f"certificate {serial} taken" if serial else "none was issued"
    click.echo(f"{request}: {what}; its token goes on with `station quarantine`", err=True)


@ca.command()
@json_option
@pass_invocation
def revocations(invocation: Invocation, as_json: bool) -> None:
    """List what was to be revoked, and what the CA made of it: spoiled tokens' and misissued certificates."""
    from batch.production.certificates import serial_number
    from batch.store.items import item_of
    from batch.store.revocations import every
    from station.wiring import Desk

    with Desk.of(invocation.home(), None).records() as records:
        rows = [
            {
                "number": item_of(records, one.item_id).mailer_number,
                "request": one.request,
                "serial": serial_number(one.certificate) if one.certificate else None,
                "reason": one.reason,
                "asked_by": one.asked_by,
                "outcome": one.outcome,
            }
            for one in every(records)
        ]
    listing(rows, _REVOCATIONS, as_json=as_json, empty="Nothing was to be revoked.")


def _give(output: Path | None, data: bytes) -> None:
    if output is None:
        click.echo(data, nl=False)
    else:
        output.write_bytes(data)
        click.echo(f"written to {output}", err=True)
