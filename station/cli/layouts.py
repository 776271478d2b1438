"""`station layouts`: what tokens, certificates and letters look like."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import counted, document, listing, plain
from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from layouts.forms import MailerLayout
    from layouts.library import Library, Row
    from station.checks.profiles import Held

_COLUMNS = {"kind": "Kind", "name": "Name", "title": "Title", "details": "Details"}


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def layouts(ctx: click.Context, as_json: bool) -> None:
    """List the layouts of tokens, certificates and letters: the shipped ones and this home's own."""
    if ctx.invoked_subcommand is None:
        invocation = ctx.find_object(Invocation)
        assert invocation is not None
        rows = [dataclasses.asdict(row) for row in _library(invocation).describe()]
        listing(rows, _COLUMNS, as_json=as_json, empty="No layouts.")


@layouts.command()
@click.argument("name")
@json_option
@pass_invocation
def show(invocation: Invocation, name: str, as_json: bool) -> None:
    """Show the layout NAME, the columns an order needs for it, and its file.

    A token layout may be named with one of its algorithms, as an order does: NAME:ALGORITHM.
    """
    rows = _rows(_library(invocation), name)
    if as_json:
        document([dataclasses.asdict(row) for row in rows])
        return
    for row in rows:
        click.echo(f"{row.kind} {row.name}: {plain(row.title)}")
        click.echo(f"  {plain(row.details)}")
        click.echo(f"  columns an order needs: {', '.join(row.columns) or 'none'}")
        click.echo(f"  columns it may have: {', '.join(row.optional_columns) or 'none'}")
        click.echo(f"  file: {row.file}\n")
        click.echo(Path(row.file).read_text("utf-8"))


@layouts.command()
@click.argument("name")
@click.option("--language", default="nl", show_default=True, help="The language of the letter: nl, en or it.")
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    type=click.File("wb"),
    help="The PDF to write, - for stdout.",
)
@click.option(
    "--print", "printed", is_flag=True, help="Print it on the station's printer, as an alignment print."
)
@pass_invocation
def sample(invocation: Invocation, name: str, language: str, output: BinaryIO | None, printed: bool) -> None:
    """Draw the letter of the mailer or token layout NAME, with dummy codes and marked as a specimen.

    With --print it goes to the station's printer instead: see by it where each text falls on the form.
    """
    from layouts import mailer

    if printed == (output is not None):
        raise click.UsageError("give either --output FILE or --print")
    if output is None:
        from station.alignment import align
        from station.wiring import Desk

        align(Desk.of(invocation.home(), None), _mailer(_library(invocation), name), language)
        click.echo(
            "printed with dummy codes; a numbered form is accounted for by: station letter forms spoil",
            err=True,
        )
        return
    # Writing opens the file, so the page comes first.
    page = mailer.sample(_mailer(_library(invocation), name), language)
    output.write(page)


@layouts.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@json_option
@pass_invocation
def check(invocation: Invocation, names: tuple[str, ...], as_json: bool) -> ExitCode:
    """Hold all certificate profiles, or the profiles and token layouts NAME, against their standard.

    The linter pkilint, which must be installed, reads a specimen for each algorithm, made as the embedded CA
    of this home would issue it; where the CA is another, as one that tells all the standards ask for. Exit
    code 10 where a standard is breached. A profile without [standard] is held to RFC 5280.
    """
    from station.checks.profiles import EXAMPLE, hold, issuer_of
    from station.config import load

    library = _library(invocation)
    issuer = None
    if invocation.home_path.exists():
        issuer = issuer_of(load(invocation.home().configuration).authority)
    checked = _profiles(library, names)
    rows = []
    for held in hold(library, checked, issuer or EXAMPLE):
        rows.append({**dataclasses.asdict(held), "breached": held.breached})
        if not as_json:
            _tell(held)
    if as_json:
        document(rows)
    breached = len({row["profile"] for row in rows if row["breached"]})
    issued = (
        "as the CA of this home issues them" if issuer else "as a CA issues them that tells all it should"
    )
    click.echo(
        f"{counted(len(checked), 'profile', 'profiles')} {issued}: {breached} against the standard", err=True
    )
    return ExitCode.CHECK_FAILED if breached else ExitCode.OK


def _tell(held: Held) -> None:
    verdict = "against its standard" if held.breached else "ok"
    click.echo(f"{held.profile} ({', '.join(held.algorithms)}), {plain(held.standard)}: {verdict}")
    for finding in held.findings:
        said = plain(": ".join(filter(None, (finding.place, finding.message))))
        click.echo(f"  {finding.severity}  {finding.code}  {said}".rstrip())
    for code in held.accepted:
        click.echo(f"  accepted  {code}")


def _profiles(library: Library, names: tuple[str, ...]) -> list[str]:
    """The profiles of those names and of token layouts of those names, all where none is named."""
    known = [row.name for row in library.describe() if row.kind == "profile"]
    if not names:
        return known
    wanted: dict[str, None] = {}
    for name in names:
        wanted |= dict.fromkeys(
            [name] if name in known else (slot.profile.name for slot in library.token(name).slots)
        )
    return [*wanted]


def _library(invocation: Invocation) -> Library:
    """The shipped layouts, and those of the home where there is one."""
    from layouts.library import Library
    from station.config import load

    if not invocation.home_path.exists():
        return Library()
    home = invocation.home()
    return Library(*load(home.configuration).layout_folders(home.path))


def _rows(library: Library, name: str) -> list[Row]:
    rows = [row for row in library.describe() if row.name == name]
    if rows:
        return rows
    token = library.token(name)
    return [row for row in library.describe() if (row.kind, row.name) == ("token", token.name)]


def _mailer(library: Library, name: str) -> MailerLayout:
    if any((row.kind, row.name) == ("mailer", name) for row in library.describe()):
        return library.mailer(name)
    return library.token(name).mailer
