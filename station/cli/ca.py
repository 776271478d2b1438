"""`station ca`: the certificate authority behind this station."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from station.cli.invocation import Invocation, pass_invocation

_OUT = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file instead of standard output.",
)


@click.group()
def ca() -> None:
    """The certificate authority's certificates and its revocation list (PIN of `ca`)."""


@ca.command()
@_OUT
@pass_invocation
def chain(invocation: Invocation, output: Path | None) -> None:
    """Print the CA's own certificates as PEM, the issuer of leaves first."""
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_der_x509_certificate

    from station.wiring import Desk

    with Desk.of(invocation.home(), invocation.pin_fd).authority() as authority:
        found = authority.ask("chain", timeout=60)
    _give(output, b"".join(load_der_x509_certificate(one).public_bytes(Encoding.PEM) for one in found))


@ca.command()
@_OUT
@pass_invocation
def crl(invocation: Invocation, output: Path | None) -> None:
    """Issue a revocation list and print it as PEM; what waits to be revoked is revoked first."""
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_der_x509_crl

    from batch.audit.log import log
    from batch.model.events import Event
    from batch.production.revocation import carry_out
    from station.wiring import Desk

    desk = Desk.of(invocation.home(), invocation.pin_fd)
    with desk.sound_records() as records, desk.authority() as authority:
        done = carry_out(records, authority, invocation.operator)
        if done.revoked:
            click.echo(f"certificates revoked: {done.revoked}", err=True)
        for refused in done.refused:
            click.echo(f"the CA refused to revoke {refused}", err=True)
        issued = load_der_x509_crl(authority.ask("crl", datetime.now(UTC), timeout=60))
        with records.transaction():
            log(records, Event("crl.issued", invocation.operator, detail={"revoked": len(issued)}))
    _give(output, issued.public_bytes(Encoding.PEM))


def _give(output: Path | None, data: bytes) -> None:
    if output is None:
        click.echo(data, nl=False)
    else:
        output.write_bytes(data)
        click.echo(f"written to {output}", err=True)
