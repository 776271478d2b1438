"""`station demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from station.demo import Played


@click.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the demo's station and bench live; emptied first if they are a demo's. Default: among your "
    "state, issuance-station/demo.",
)
def demo(directory: Path | None) -> ExitCode:
    """Play the whole job on a simulated bench: 24 tokens, from their order to its signed report.

    Every command it runs is shown, to be tried by hand afterwards.
    """
    from station.demo import DemoFailed, default_directory, play

    def say(text: str) -> None:
        click.secho(text, bold=True, err=True)

    try:
        played = play((directory or default_directory()).absolute(), say)
    except DemoFailed as error:
        click.echo(f"station: the demo stopped: {error}", err=True)
        return ExitCode.PARTIAL
    _table(played)
    return ExitCode.OK


def _table(played: Played) -> None:
    import shutil
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
    programs = Path(sys.executable).parent
    if shutil.which("station") is None:
        click.echo(f'  export PATH="{programs}:$PATH"')
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
