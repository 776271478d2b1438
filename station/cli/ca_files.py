"""`station ca requests`, `ca take` and `ca waiting`: a CA that is reached by files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from station.cli.given_file import GivenFile
from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import counted, document, listing
from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from batch.production.by_files import Report
    from drivers.authorities.exchange import Bundle

_WAITING = {"transaction": "Request", "asked": "Asked (UTC)", "bundles": "Sent in bundles"}
_LISTED = 20
"""Of a kind that are told one by one at a terminal; `--json` tells all."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--all", "again", is_flag=True, help="What was sent before and has no answer as well.")
@json_option
@pass_invocation
def requests(invocation: Invocation, file: Path, again: bool, as_json: bool) -> ExitCode:
    """Write the requests that wait for the offline CA to the new FILE, a signed bundle (zip; PIN of `ca`).

    Certificates to be revoked go with it. A request leaves once; --all sends again what was not answered,
    such as after a bundle was lost.
    """
    from batch.people.separation import Act
    from batch.production.by_files import pack
    from batch.production.revocation import carry_out
    from station.new_files import new_file

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.by(desk, records, Act.KEEP_DESK, where="ca requests") as name,
        # What cannot be written is not on record as sent.
        new_file(file) as written,
        desk.exchange() as authority,
    ):
        carry_out(records, authority, name)
        bundle = pack(records, authority, name, again=again)
        if bundle is not None:
            written.write(bundle.content)
    if bundle is None:
        file.unlink()
        click.echo("nothing is to be sent; `station ca waiting` tells what has no answer", err=True)
        return ExitCode.OK
    _tell_bundle(bundle, file, as_json)
    return ExitCode.OK


@click.command()
@click.argument("files", nargs=-1, required=True, type=GivenFile())
@json_option
@pass_invocation
def take(invocation: Invocation, files: tuple[Path, ...], as_json: bool) -> ExitCode:
    """Take in what the offline CA sent: PKCS#7, PEM, DER or zip FILES (PIN of `ca`).

    Certificates are matched to requests by their keys and held against what was asked for; what is missing,
    unknown or doubled is told. A newer revocation list is taken in as well. Exit code 8 where something
    is not as it should be; what is, is taken in all the same.
    """
    from batch.people.separation import Act
    from batch.production.by_files import TROUBLE, take_in
    from batch.production.revocation import carry_out
    from station.revocations import publish

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.by(desk, records, Act.KEEP_DESK, where="ca take") as name,
    ):
        given = [(file.name, _content(file)) for file in files]
        with desk.exchange() as authority:
            report = take_in(records, authority, given, name)
            carry_out(records, authority, name)
            if report.crl:
                publish(desk, records, authority, name)
    _tell_report(report, as_json)
    return ExitCode.PARTIAL if TROUBLE & set(report.counts) else ExitCode.OK


@click.command()
@json_option
@pass_invocation
def waiting(invocation: Invocation, as_json: bool) -> None:
    """List the requests the offline CA has not answered, the oldest first (PIN of `ca`)."""
    from batch.production.by_files import outstanding

    desk = invocation.desk()
    with desk.records() as records, desk.exchange() as authority:
        found = outstanding(records, authority)
    rows = (
        {
            "transaction": one.transaction,
            "asked": f"{one.asked_at:%Y-%m-%d %H:%M}",
            "bundles": ", ".join(map(str, one.bundles)),
        }
        for one in found
    )
    listing(rows, _WAITING, as_json=as_json, empty="Nothing waits for the CA.")


def _content(file: Path) -> bytes:
    from batch.model.errors import FaultyValue
    from drivers.authorities.exchange import LARGEST
    from drivers.errors import printable

    with file.open("rb") as opened:
        content = opened.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise FaultyValue(
            f"has more than {LARGEST:,} bytes",
            where=printable(str(file)),
            next="ask the CA for smaller files",
        )
    return content


def _tell_bundle(bundle: Bundle, file: Path, as_json: bool) -> None:
    from hashlib import sha256

    fingerprint = sha256(bundle.signer).hexdigest()
    if as_json:
        document(
            {
                "bundle": bundle.number,
                "file": str(file),
                "requests": list(bundle.requests),
                "withdrawn": list(bundle.withdrawn),
                "revocations": bundle.revocations,
                "signer_sha256": fingerprint,
            }
        )
    told = [counted(len(bundle.requests), "request", "requests")]
    if bundle.withdrawn:
        told.append(f"{len(bundle.withdrawn)} withdrawn")
    if bundle.revocations:
        told.append(f"{counted(bundle.revocations, 'certificate', 'certificates')} to be revoked")
    click.echo(f"bundle {bundle.number}: {', '.join(told)}, written to {file}", err=True)
    click.echo(f"signed with the certificate of SHA-256 {fingerprint}", err=True)
    click.echo("next: bring it to the CA; `station ca take FILE` takes in what comes back", err=True)


def _tell_report(report: Report, as_json: bool) -> None:
    from batch.production.by_files import TROUBLE, Outcome
    from station.cli.output import told

    if as_json:
        document(
            {
                "counts": {str(outcome): number for outcome, number in report.counts.items()},
                "found": [
                    {
                        "where": one.where,
                        "outcome": str(one.outcome),
                        "why": one.why,
                        "transaction": one.transaction,
                        "serial": one.serial,
                    }
                    for one in report.taken
                ],
                "missing": [one.transaction for one in report.missing],
                "ready": list(report.ready),
                "renewing": list(report.renewing),
            }
        )
    click.echo(f"in the files: {told(report.counts, 'nothing')}", err=True)
    odd = [one for one in report.taken if one.outcome in TROUBLE]
    for one in odd[:_LISTED]:
        which = f" ({one.transaction})" if one.transaction else ""
        click.echo(f"{one.outcome}: {one.where}{which}: {one.why}", err=True)
    _more(len(odd))
    if any(one.outcome in (Outcome.SECOND, Outcome.WRONG, Outcome.GIVEN_UP) for one in odd):
        click.echo("next: station ca requests FILE asks the CA to revoke what nobody wants", err=True)
    for request in report.missing[:_LISTED]:
        sent = ", ".join(map(str, request.bundles))
        click.echo(f"missing: {request.transaction}, sent in bundle {sent}", err=True)
    _more(len(report.missing))
    for order in report.ready:
        click.echo(f"next: station produce {order}, and put its tokens back", err=True)
    if report.renewing:
        numbers = ", ".join(report.renewing)
        click.echo(f"next: station renew carry-out, for the renewal of {numbers}", err=True)


def _more(number: int) -> None:
    if number > _LISTED:
        click.echo(f"… and {number - _LISTED} more; --json tells all", err=True)
