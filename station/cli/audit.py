"""`station audit`: the log of everything that happened."""

from __future__ import annotations

import click

from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import document
from station.exit_codes import ExitCode


@click.group()
def audit() -> None:
    """Verify and show the audit log."""


@audit.command()
@json_option
@pass_invocation
def verify(invocation: Invocation, as_json: bool) -> ExitCode:
    """Check that no entry of the log was changed, removed, added or moved (R38).

    Where the clock was put back the log still holds; the place is told as a remark.
    """
    from batch.audit.chain import breaks
    from batch.audit.clock import remarks
    from batch.store.audit import entries, head
    from station.wiring import Desk

    with Desk.of(invocation.home(), None).records() as records:
        found = list(breaks(entries(records)))
        remarked = list(remarks(entries(records)))
        last = head(records)
    count = last.sequence if last else 0
    digest = last.hash.hex() if last else None
    if as_json:
        broken = [{"entry": one.sequence, "what": one.what} for one in found]
        told = [{"entry": one.sequence, "what": one.what} for one in remarked]
        document({"entries": count, "head": digest, "breaks": broken, "remarks": told})
    for one in found:
        click.echo(f"entry {one.sequence}: {one.what}", err=True)
    for remark in remarked:
        click.echo(f"remark on entry {remark.sequence}: {remark.what}", err=True)
    if found:
        return ExitCode.CHECK_FAILED
    click.echo(f"{count} entries hold; the last has hash {digest}", err=True)
    return ExitCode.OK


@audit.command()
@click.option("--item", help="Only entries about the token of this number.")
@pass_invocation
def show(invocation: Invocation, item: str | None) -> None:
    """Print the entries, oldest first, one JSON document a line."""
    import json

    from batch.store.audit import entries
    from station.wiring import Desk

    with Desk.of(invocation.home(), None).records() as records:
        for entry in entries(records):
            if item is None or json.loads(entry.body).get("item") == item:
                click.echo(entry.body)
