"""`station init`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from station.cli.invocation import Invocation, pass_invocation

if TYPE_CHECKING:
    from station.config import Operators, Seat


@click.command()
@click.option("--name", required=True, help="The issuer's name, as records and certificates shall show it.")
@click.option("--country", default="NL", show_default=True, help="Its country, as two letters.")
@click.option(
    "--bench",
    type=click.Path(path_type=Path, file_okay=False),
    help="Work at the simulated bench in this folder: its seats, and a printer that keeps its pages.",
)
@pass_invocation
def init(invocation: Invocation, name: str, country: str, bench: Path | None) -> None:
    """Make a station: its home, its key tokens with their PINs, its CA and empty records.

    The PINs of the three key tokens are asked for twice, or come from --pin-fd. Give each to another person:
    whoever has `custody` can print letters, `bench` resumes half-made tokens, `ca` signs certificates.
    """
    from drivers.process import harden
    from station.key_tokens import EVERY, KEYS
    from station.pins import PinSource, new_pin
    from station.setup import make

    harden()
    source = PinSource(dict.fromkeys(EVERY, "prompt"), invocation.pin_fd, ask=new_pin)
    pins = {key: source.pin(key) for key in KEYS}
    home = make(
        invocation.home_path,
        name=name,
        country=country.upper(),
        operator=invocation.operator,
        pins=pins,
        bench=bench.absolute() if bench else None,
        seats=_bench_seats(bench) if bench else (),
        operators=_bench_operators(bench) if bench else None,
    )
    click.echo(f"The station is in {home.path}.", err=True)
    if not bench:
        click.echo(
            "next: `station lanes bind NAME --write` for each reader, a [printer] in station.toml, "
            "then `station doctor`",
            err=True,
        )


def _bench_seats(bench: Path) -> tuple[Seat, ...]:
    from simulators.bench import Bench
    from station.config import Seat

    running = Bench(bench.absolute())
    entries = (running.seat_options(seat) for seat in running.seats)
    return tuple(Seat(**entry) for entry in entries)


def _bench_operators(bench: Path) -> Operators | None:
    """The operators' seat of a bench that has tokens of operators: that for the cards, unless all are USB."""
    from simulators.bench import Bench
    from station.config import Operators

    table = Bench(bench.absolute()).people.best_table()
    return None if table is None else Operators(**table)
