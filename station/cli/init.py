"""`station init`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from station.cli.invocation import Invocation, pass_invocation

if TYPE_CHECKING:
    from batch.store.database import Records
    from drivers.process import Child
    from station.config import Operators, PrinterSeat, Seat
    from station.home import Home
    from station.pins import PinSource
    from station.setup import Found


@click.command()
@click.option("--name", required=True, help="The issuer's name, as records and certificates shall show it.")
@click.option("--country", default="NL", show_default=True, help="Its country, as two letters.")
@click.option(
    "--bench",
    type=click.Path(path_type=Path, file_okay=False),
    help="Work at the simulated bench in this folder: its seats and its printer.",
)
@click.option(
    "--administrator",
    "administrators",
    multiple=True,
    metavar="NAME",
    help="One of the first two administrators, who found the desk's register of operators.",
)
@click.option(
    "--passphrases",
    is_flag=True,
    help="Operators may have keys under a passphrase instead of a token of their own.",
)
@pass_invocation
def init(
    invocation: Invocation,
    name: str,
    country: str,
    bench: Path | None,
    administrators: tuple[str, ...],
    passphrases: bool,
) -> None:
    """Make a station: its home, its key tokens with their PINs, its CA, empty records, two administrators.

    The PINs of two key tokens are asked for twice, or come from --pin-fd. Give each to another person:
    `bench` resumes half-made tokens, `ca` signs certificates. The third, which opens letters, is made by PIN
    officers later and has a PIN that nobody knows: `station custody make`.
    Administrators prove themselves with their tokens, or choose passphrases. Where operators' tokens are read
    in a seat that is still to be configured, `station operator found` does it later.
    """
    from batch.people.acting import UNATTENDED
    from drivers.process import harden
    from station.enrolling import check_name
    from station.key_tokens import EVERY, PINNED
    from station.pins import PinSource
    from station.setup import make

    for one in administrators:
        check_name(one)
    operators = _operators(bench, passphrases)
    if administrators and not operators:
        raise click.UsageError(
            "administrators need --passphrases, or a bench with an operators' seat; else leave them out, "
            "and run `station operator found` once [operators] is in station.toml"
        )
    harden()
    source = PinSource(dict.fromkeys(EVERY, "prompt"), invocation.pin_fd, asking=invocation.asking)
    pins = {key: source.chosen(key) for key in PINNED}
    home = make(
        invocation.home_path,
        name=name,
        country=country.upper(),
        operator=administrators[0] if administrators else UNATTENDED,
        pins=pins,
        bench=bench.absolute() if bench else None,
        seats=_bench_seats(bench) if bench else (),
        printer=_bench_printer(bench) if bench else None,
        operators=operators,
        found=_founding(source, administrators, passphrases) if administrators else None,
    )
    click.echo(f"The station is in {home.path}.", err=True)
    if not administrators:
        click.echo("next: `station operator found`, by two administrators", err=True)
    if not bench:
        click.echo(
            "next: `station lanes bind NAME --write` for each reader, a [printer] in station.toml, "
            "then `station doctor`",
            err=True,
        )


def _operators(bench: Path | None, passphrases: bool) -> Operators | None:
    """The operators' seat of a bench that has one, that for the cards unless all are USB; and passphrases."""
    from station.config import Operators

    found: dict[str, Any] = {"passphrases": True} if passphrases else {}
    if bench is not None:
        from simulators.bench import Bench

        found |= Bench(bench.absolute()).people.best_table() or {}
    return Operators(**found) if found else None


def _founding(source: PinSource, administrators: Sequence[str], passphrases: bool) -> Found:
    def found(home: Home, records: Records, bench_keys: Child) -> None:
        from batch.people.register import NOTE, Trust
        from station.config import load
        from station.enrolling import found_desk
        from station.wiring import Desk

        def anchor(trust: Trust) -> None:
            bench_keys.ask("keep_note", NOTE, trust.note(), timeout=60)

        desk = Desk(home, source, load(home.configuration))
        found_desk(
            desk,
            records,
            administrators,
            passphrases=passphrases,
            anchor=anchor,
            tell=lambda text: click.echo(text, err=True),
        )

    return found


def _bench_seats(bench: Path) -> tuple[Seat, ...]:
    from simulators.bench import Bench
    from station.config import Seat

    running = Bench(bench.absolute())
    entries = (running.seat_options(seat) for seat in running.seats)
    return tuple(Seat(**entry) for entry in entries)


def _bench_printer(bench: Path) -> PrinterSeat:
    from simulators.bench import Bench
    from station.config import PrinterSeat

    driver, options = Bench(bench.absolute()).printer
    return PrinterSeat(driver, options=options)
