"""`station backup`."""

from __future__ import annotations

from pathlib import Path

import click

from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import counted, document


@click.command()
@click.argument("dest", type=click.Path(path_type=Path))
@click.option("--keys", is_flag=True, help="The key tokens instead, to be kept elsewhere.")
@json_option
@pass_invocation
def backup(invocation: Invocation, dest: Path, keys: bool, as_json: bool) -> None:
    """Write the records to the new file DEST, or to a new file in the folder DEST, while the desk works.

    Holds records, configuration, own layouts and the embedded CA's records; no key token. With --keys it
    holds the custody and CA tokens, that of diversification keys where there is one, and nothing else: never
    keep both in one place. docs/backup.md tells more.
    """
    from batch.people.separation import Act
    from station.backup import back_up_keys, back_up_records

    desk = invocation.desk()
    home = desk.home
    with desk.records() as records:
        if keys:
            with (
                invocation.acting(desk, records, Act.KEEP_DESK, where="backup --keys") as actor,
                desk.custody_alone(),
            ):
                made = back_up_keys(home, desk.configuration, records, dest, actor.name)
        else:
            with invocation.by(desk, records, Act.KEEP_DESK, where="backup") as name:
                made = back_up_records(home, desk.configuration, records, dest, name)
    manifest = made.manifest
    if as_json:
        document(
            {
                "file": str(made.path),
                "sha256": made.sha256,
                "kind": manifest.kind,
                "made_at": manifest.made_at.isoformat(timespec="seconds"),
                "entries": manifest.entries,
                "head": manifest.head,
                "files": len(manifest.files),
                "left_out": list(manifest.left_out),
            }
        )
    else:
        click.echo(f"{made.sha256}  {made.path}")
    for folder in manifest.left_out:
        click.echo(f"not in it, because it is outside the home: {folder}", err=True)
    click.echo(
        f"{counted(len(manifest.files), 'file', 'files')}, up to entry {manifest.entries} of the log; "
        "read back and sound",
        err=True,
    )
