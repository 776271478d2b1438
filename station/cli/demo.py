"""`station demo`: the whole job played at a simulated desk, or such a desk to work at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from station.cli.invocation import json_option
from station.cli.output import document, listing
from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from station.demo import Played
    from station.simulated_desk import Prepared, Printer


@click.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the demo's station and bench live; emptied first if they are a demo's. Default: among your "
    "state, issuance-station/demo, with --prepare issuance-station/simulated-desk, with --screen "
    "issuance-station/demo-screen.",
)
@click.option(
    "--prepare", "only_prepare", is_flag=True, help="Found the desk, leave its bench running, play nothing."
)
@click.option("--screen", "on_screen", is_flag=True, help="Play it at the operator's screen.")
@click.option(
    "--pictures",
    type=click.Path(path_type=Path, file_okay=False),
    help="With --screen, keep pictures of the screen (SVG) in this folder.",
)
@click.option("--anew", is_flag=True, help="Empty the folder of a desk that was prepared, too.")
@click.option(
    "--pace",
    type=click.Choice(["slow", "real", "fast"]),
    help="How long cards and hands take; fast when played, else real, or as it was.",
)
@click.option(
    "--printer",
    type=click.Choice(["pdf", "ipp"]),
    help="What letters are printed on: a printer within the printing process (pdf, unless another is named), "
    "or a real IPP printer.",
)
@json_option
def demo(
    directory: Path | None,
    only_prepare: bool,
    on_screen: bool,
    pictures: Path | None,
    anew: bool,
    pace: str | None,
    printer: Printer | None,
    as_json: bool,
) -> ExitCode:
    """Play the whole job on a simulated bench: 24 tokens, from their order to its signed report.

    Every command it runs is shown, to be tried by hand afterwards. With --prepare, what is needed before the
    order: a home, people with simulated cards and their PINs, custody, and a bench that stays up until
    `station bench down`. Run again, it finds the desk and starts its bench. With --screen, a new desk's order
    is played at the operator's screen by the keys a person would press, up to its letters; your keys pause
    it. Its bench ends with the screen; a desk that was prepared or played at is emptied with --anew only.
    """
    from station.demo import play
    from station.simulated_desk import CommandFailed, prepare, state_directory

    if as_json and not only_prepare:
        raise click.UsageError("--json goes with --prepare")
    if on_screen and only_prepare:
        raise click.UsageError("--screen and --prepare are two things")
    if pictures is not None and not on_screen:
        raise click.UsageError("--pictures goes with --screen")
    own = "simulated-desk" if only_prepare else "demo-screen" if on_screen else "demo"
    directory = (directory or state_directory(own)).absolute()

    def say(text: str) -> None:
        click.secho(text, bold=True, err=True)

    try:
        if only_prepare:
            _show(prepare(directory, say, pace=pace, anew=anew, printer=printer), as_json=as_json)
        elif on_screen:
            desk = prepare(directory, say, pace=pace, anew=anew, found_again=False, printer=printer)
            return _on_screen(desk, pictures)
        else:
            _table(play(directory, say, pace=pace or "fast", anew=anew, printer=printer or "pdf"))
    except CommandFailed as error:
        click.echo(f"station: the demo stopped: {error}", err=True)
        return ExitCode.PARTIAL
    return ExitCode.OK


def _show(prepared: Prepared, *, as_json: bool) -> None:
    from shlex import quote

    from station.simulated_desk import REGISTRY, SAMPLE

    if as_json:
        document(prepared.facts)
        return
    people = [
        {"name": one.name, "roles": ", ".join(one.roles), "pin": one.pin} for one in prepared.people
    ] + [{"name": name, "roles": "key token", "pin": pin} for name, pin in prepared.keys.items()]
    listing(people, {"name": "Name", "roles": "Roles", "pin": "PIN"}, as_json=False, empty="")
    click.echo(f"home       {prepared.home}")
    click.echo(f"bench      {prepared.bench}, up at the pace {prepared.pace!r} until `station bench down`")
    click.echo("try next")
    _path()
    exported = " ".join(f"{name}={quote(value)}" for name, value in prepared.environment.items())
    click.echo(f"  export {exported}")
    click.echo(f"  station registry import {quote(str(REGISTRY))} --as olga")
    click.echo(f"  station order import {quote(str(SAMPLE))} --as olga")


def _on_screen(desk: Prepared, pictures: Path | None) -> ExitCode:
    import os

    from station.demo_hands import DemoWorld
    from station.home import Home
    from station.tui.opening import open_screen
    from station.tui.practice.autopilot import Autopilot
    from station.tui.practice.first_day import practice_of
    from station.tui.practice.play import script
    from station.tui.preferences import Preferences, keep

    os.environ.update(desk.environment)
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
    practice, world = practice_of(desk.facts), DemoWorld(desk.directory)
    # What the play looks for on the screen is English; papers are proposed where its mails lie.
    keep(Home(desk.home), None, Preferences(language="en", folder=str(world.papers)))
    steps = script(practice, world.papers)
    autopilot = Autopilot(practice, steps, world, pace=desk.pace, pictures=pictures)
    return open_screen(desk.home, practice, autopilot)


def _path() -> None:
    import shutil
    import sys

    if shutil.which("station") is None:
        click.echo(f'  export PATH="{Path(sys.executable).parent}:$PATH"')


def _table(played: Played) -> None:
    import sys

    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"order {played.order}: {len(played.tokens)} tokens in {played.seconds:.0f} s")
    for heading in ("Lane", "Layout", "Produced", "Quarantined", "Seconds each"):
        table.add_column(heading, justify="right" if heading[0] in "PQS" else "left")
    lanes: dict[tuple[str, str], list[tuple[bool, float]]] = {}
    for token in played.tokens:
        took = (token.ended_at - token.began_at).total_seconds() if token.ended_at and token.began_at else 0.0
        lanes.setdefault((token.seat or "-", token.layout), []).append((token.state == "produced", took))
    for (seat, layout), made in sorted(lanes.items()):
        good = sum(produced for produced, _ in made)
        mean = sum(took for _, took in made) / len(made)
        table.add_row(seat, layout, str(good), str(len(made) - good), f"{mean:.2f}")
    Console(file=sys.stdout, highlight=False).print(table)
    card = next((token for token in played.tokens if token.seat and token.seat.startswith("piv")), None)
    click.echo(f"letters    {played.printed}/*.pdf, one per token; a real desk never keeps them")
    click.echo(f"papers     {played.papers}: parcels, mails, the signed report of the order")
    click.echo(f"home       {played.home}")
    click.echo(f"bench      {played.bench}, stopped; cards and tokens are kept there")
    click.echo("try next")
    _path()
    click.echo(f"  export STATION_HOME={played.home} STATION_BENCH={played.bench}")
    click.echo("  station token list                         what was made, by number")
    if card is not None:
        click.echo(
            f"  station token show {card.mailer_number}                  its steps, keys and certificates"
        )
        click.echo(f"  pdftotext -layout {played.printed}/{card.mailer_number}.pdf -   its letter")
    click.echo(f"  {played.again}")
    click.echo("                                             the bench again, with the cards made above")
    click.echo(
        "  station bench status                       which cards are kept; insert one, use any tool on it"
    )
