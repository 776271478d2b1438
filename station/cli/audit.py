"""`station audit`: the log of everything that happened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import counted, document, plain
from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch.audit.clock import Remark
    from batch.audit.verification import Report
    from station.key_tokens import Made


@click.group()
def audit() -> None:
    """Verify and show the audit log, sign checkpoints of it, export it."""


@audit.command()
@click.option(
    "--checkpoint",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A checkpoint that was kept outside; may be repeated.",
)
@click.option(
    "--key", "keys", multiple=True, metavar="VKEY", help="Trust only this verifier key, kept outside."
)
@json_option
@pass_invocation
def verify(invocation: Invocation, files: tuple[Path, ...], keys: tuple[str, ...], as_json: bool) -> ExitCode:
    """Check that no entry of the log was changed, removed, added or moved (R38).

    Holds the log to its chain of hashes, to its signed checkpoints and to the records. Whoever has the disk
    can replace all of these together: give --key and --checkpoint as they were kept elsewhere. Where the
    clock was put back the log still holds; the place is told as a remark.
    """
    from batch.audit.clock import remarks
    from batch.audit.notes import Note, VerifierKey
    from batch.audit.verification import note_verified
    from batch.audit.verification import verify as verified
    from batch.people.separation import Act
    from batch.store.audit import entries

    trusted = [VerifierKey.parse(key) for key in keys]
    outside = {str(path): Note.parse(_text(path), str(path)) for path in files}
    desk = invocation.desk()
    with (
        desk.records() as records,
        invocation.by(desk, records, Act.KEEP_LOG, where="audit verify") as name,
    ):
        report = verified(records, outside=outside, keys=trusted)
        remarked = list(remarks(entries(records)))
        if as_json:
            _document(report, remarked)
        for remark in remarked:
            click.echo(f"remark on entry {remark.sequence}: {remark.what}", err=True)
        if report.findings:
            for finding in report.findings:
                click.echo(f"found: {plain(finding.what)}", err=True)
            return ExitCode.CHECK_FAILED
        note_verified(records, report, name)
    digest = report.head.hash.hex() if report.head else None
    hold = counted(report.entries, "entry holds", "entries hold")
    click.echo(f"{hold}; the last has hash {digest}", err=True)
    click.echo(_covered(report), err=True)
    return ExitCode.OK


def _text(path: Path) -> str:
    from batch.audit.notes import LARGEST_NOTE

    with path.open("rb") as file:
        return file.read(4 * LARGEST_NOTE + 1).decode("utf-8", "replace")


def _document(report: Report, remarked: Sequence[Remark]) -> None:
    findings = [
        {"kind": str(one.kind), "first": one.first, "last": one.last, "what": one.what}
        for one in report.findings
    ]
    document(
        {
            "entries": report.entries,
            "head": report.head.hash.hex() if report.head else None,
            "checkpoints": report.checkpoints,
            "covered": report.covered,
            "keys": [str(key) for key in report.keys],
            "findings": findings,
            "remarks": [{"entry": one.sequence, "what": one.what} for one in remarked],
        }
    )


def _covered(report: Report) -> str:
    if not report.checkpoints:
        return "no checkpoint was made yet: `station audit checkpoint`"
    keys = ", ".join(str(key) for key in report.keys)
    hold = counted(report.checkpoints, "checkpoint holds", "checkpoints hold")
    covered = counted(report.covered, "entry", "entries")
    return f"{hold}, the last over {covered}; signed by {keys}"


@audit.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file instead of standard output.",
)
@click.option("--new-key", is_flag=True, help="Go on with the key of another token than before.")
@pass_invocation
def checkpoint(invocation: Invocation, output: Path | None, new_key: bool) -> None:
    """Sign the log as it is and print the checkpoint, for an outside witness (PIN of `bench`, R39).

    The format is that of C2SP tlog-checkpoint. Every production ends with one.
    """
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.KEEP_LOG, where="audit checkpoint") as actor,
        desk.keeper() as keys,
    ):
        made = desk.checkpoint(records, keys, actor.name, new_key=new_key)
    if output is None:
        click.echo(made.checkpoint.note, nl=False)
    else:
        output.write_text(made.checkpoint.note, encoding="utf-8")
        click.echo(f"written to {output}", err=True)
    tell_checkpoint(made)


def tell_checkpoint(made: Made) -> None:
    """Say what was signed, and whether the witness has it."""
    root = made.checkpoint.note.split("\n")[2]
    click.echo(f"checkpoint over {made.checkpoint.size} entries signed: {root}", err=True)
    if made.new_key:
        click.echo(f"signed with a new key, which the auditor must be given: {made.new_key}", err=True)
    if made.written:
        click.echo(f"for the witness: {made.written}", err=True)
    if made.unwritten:
        click.echo(f"not written for the witness: {made.unwritten}", err=True)


@audit.command()
@click.option("--pem", is_flag=True, help="As PEM, such as openssl reads.")
@pass_invocation
def key(invocation: Invocation, pem: bool) -> None:
    """Print the key that verifies checkpoints, to be kept outside."""
    from batch.audit.notes import VerifierKey
    from batch.model.errors import NotFound
    from batch.store.checkpoints import last
    from station.wiring import Desk

    home = invocation.home()
    with Desk.of(home, None).records() as records:
        found = last(records)
    if found is None:
        raise NotFound(
            "no checkpoint was made yet", where=str(home.path), next="run `station audit checkpoint`"
        )
    verifier = VerifierKey.parse(found.key)
    click.echo(verifier.pem() if pem else str(verifier), nl=not pem)


@audit.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--order", metavar="NUMBER", help="Only entries about this order and its tokens.")
@click.option("--from", "first", type=click.IntRange(min=1), help="Only entries from this number on.")
@click.option("--to", "last", type=click.IntRange(min=1), help="Only entries up to this number.")
@pass_invocation
def export(
    invocation: Invocation, path: Path, order: str | None, first: int | None, last: int | None
) -> None:
    """Write the log to the new folder PATH, or to the file PATH where it ends with .zip.

    What is written can be checked without this program; its README.md says how. A part of the log comes with
    a proof for each entry that a checkpoint covers.
    """
    from batch.audit.export import Selection
    from batch.audit.export import export as exported
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.records() as records,
        invocation.acting(desk, records, Act.KEEP_LOG, where="audit export") as actor,
    ):
        done = exported(records, path, Selection(order, first, last), actor.name)
    entries = counted(done.entries, "entry", "entries")
    checkpoints = counted(done.checkpoints, "checkpoint", "checkpoints")
    click.echo(f"{entries} and {checkpoints} are in {path}", err=True)
    if done.uncovered:
        click.echo(
            f"covered by no checkpoint yet: {done.uncovered} of them; `station audit checkpoint` signs them",
            err=True,
        )


@audit.command()
@click.option("--item", help="Only entries about the token of this number.")
@pass_invocation
def show(invocation: Invocation, item: str | None) -> None:
    """Print the entries, oldest first, one JSON document a line."""
    from batch.audit.chain import facts_of
    from batch.store.audit import entries
    from station.wiring import Desk

    with Desk.of(invocation.home(), None).records() as records:
        for entry in entries(records):
            if item is None or facts_of(entry).get("item") == item:
                click.echo(entry.body)
