"""`station order close`, and the report of an order that is closed."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import counted, listing, plain
from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch.life.closing.settling import Obstacle

_OBSTACLES = {"what": "Open", "why": "Why", "command": "Next"}


@click.command()
@click.argument("number")
@json_option
@pass_invocation
def close(invocation: Invocation, number: str, as_json: bool) -> None:
    """Close the order NUMBER: every token made or given up, and where it belongs, every letter and form too.

    What keeps it open is listed all at once, each with the command that mends it.
    """
    from batch.life.closing.settling import NotSettled
    from batch.life.closing.settling import close as decide
    from batch.people.separation import Act
    from batch.store.clock import now

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.CLOSE, where=number) as actor,
    ):
        try:
            closed = decide(records, number, actor.name, now().date())
        except NotSettled as error:
            rows = [obstacle_row(one) for one in error.obstacles]
            listing(rows, _OBSTACLES, as_json=as_json, empty="")
            raise
    click.echo(f"order {closed.number} is closed; next: station order report {closed.number}", err=True)


def obstacle_row(one: Obstacle) -> dict[str, Any]:
    """What keeps an order open, as lists show it."""
    return {
        "what": one.told,
        "count": one.count,
        "first": list(one.first),
        "why": one.why,
        "command": one.command,
    }


_NEW = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("number", required=False)
@click.option("--json", "json_file", metavar="FILE", type=_NEW, help="A new file for the signed report.")
@click.option("--pdf", "pdf_file", metavar="FILE", type=_NEW, help="A new file for the same on paper.")
@click.option(
    "--verify",
    "given",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Verify a signed report instead.",
)
@click.option(
    "--key", "keys", multiple=True, metavar="VKEY", help="Trust only this verifier key, kept outside."
)
@pass_invocation
def report(
    invocation: Invocation,
    number: str | None,
    json_file: Path | None,
    pdf_file: Path | None,
    given: Path | None,
    keys: tuple[str, ...],
) -> ExitCode:
    """Write the signed report of the order NUMBER (PIN of `bench`), or verify one.

    Who did what when, every token, certificate and evidence of its key, every letter and form. The JSON file
    is signed with the key of the log. Verifying needs no records where --key gives that key.
    """
    if given is not None:
        if number or json_file or pdf_file:
            raise click.UsageError("--verify takes a report, and nothing else but --key")
        return _verify(invocation, given, keys)
    if number is None or json_file is None or keys:
        raise click.UsageError("say NUMBER and --json FILE, or --verify FILE")
    _make(invocation, number, json_file, pdf_file)
    return ExitCode.OK


def _make(invocation: Invocation, number: str, json_file: Path, pdf_file: Path | None) -> None:
    from batch.life.closing.signed_report import make
    from batch.people.separation import Act
    from station.cli.audit import tell_checkpoint
    from station.key_tokens import signing
    from station.new_files import new_file

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.ACCOUNT, where=number) as actor,
        desk.keeper() as keys,
        ExitStack() as files,
    ):
        file = files.enter_context(new_file(json_file))
        pages = files.enter_context(new_file(pdf_file)) if pdf_file else None
        made = desk.checkpoint(records, keys, actor.name)
        written = make(
            records,
            number,
            file,
            pages,
            station=desk.configuration.station.name,
            checkpoint=made.checkpoint,
            sign=signing(keys),
            operator=actor.name,
        )
    tell_checkpoint(made)
    click.echo(f"report of order {number}: {json_file}, SHA-256 {written.digest}", err=True)
    if pdf_file:
        click.echo(f"on paper: {pdf_file}", err=True)


def _verify(invocation: Invocation, given: Path, keys: Sequence[str]) -> ExitCode:
    from batch.audit.notes import VerifierKey
    from batch.life.closing.signed_report import LARGEST, held_to_log, verify
    from batch.store.checkpoints import every
    from station.wiring import Desk

    with given.open("rb") as file:
        content = file.read(LARGEST + 1)
    if keys:
        found = verify(content, [VerifierKey.parse(key) for key in keys], given.name)
    else:
        with Desk.of(invocation.home(), None).records() as records:
            own = dict.fromkeys(one.key for one in every(records))
            found = verify(content, [VerifierKey.parse(key) for key in own], given.name)
            found = held_to_log(records, found)
    tokens = counted(found.tokens, "token", "tokens")
    told = f"order {found.order}, {found.state}, as of {found.made}: {tokens}, SHA-256 {found.digest}"
    click.echo(plain(told))
    for finding in found.findings:
        click.echo(f"found: {finding}", err=True)
    if found.findings:
        return ExitCode.CHECK_FAILED
    click.echo(f"the report holds; signed by {found.key}", err=True)
    return ExitCode.OK
