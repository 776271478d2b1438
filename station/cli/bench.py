"""`station bench`: a bench without hardware, for demonstrations, for QA and for the tests."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from station.cli.invocation import json_option
from station.cli.output import document, listing

if TYPE_CHECKING:
    from simulators.bench import Bench
    from simulators.bench.employer import Condition
    from simulators.bench.model import PrinterKind

Command = Callable[..., None]


def _bench_option(command: Command) -> Command:
    return click.option(
        "--dir",
        "directory",
        type=click.Path(path_type=Path, file_okay=False),
        help="The bench's directory; else STATION_BENCH, else issuance-station/bench in your state.",
    )(command)


def _open(directory: Path | None) -> Bench:
    from simulators.bench import Bench, default_directory

    return Bench(directory or default_directory())


@click.group()
def bench() -> None:
    """A simulated bench: virtual PIV cards on a PC/SC of its own, and SoftHSM tokens.

    It runs until `down`; cards and tokens are kept and can be inserted again, in another seat too. Any PC/SC
    or PKCS#11 tool works on it with the environment that `up` prints.
    """


@bench.command()
@click.option(
    "--piv", type=click.IntRange(0, 16), default=2, show_default=True, help="Readers for PIV cards."
)
@click.option(
    "--pkcs11", type=click.IntRange(0, 64), default=2, show_default=True, help="Seats for USB tokens."
)
@click.option("--key-seconds", type=click.FloatRange(0), default=0.0, help="What a PIV card takes for a key.")
@click.option("--apdu-ms", type=click.FloatRange(0), default=0.0, help="What a PIV card takes for each APDU.")
@click.option(
    "--hand-seconds", type=click.FloatRange(0), default=0.0, help="What it takes to put a blank in a seat."
)
@click.option(
    "--printer",
    type=click.Choice(["pdf", "ipp"]),
    default="pdf",
    show_default=True,
    help="A printer within the printing process, or a real IPP printer. Both keep their pages.",
)
@click.option("--plain", is_flag=True, help="Plain PIV cards, without the YubiKey extensions.")
@click.option(
    "--scenario",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Faults to happen at this bench (TOML), see docs/faults.md.",
)
@click.option(
    "--operators", default="", metavar="NAMES", help="Names, with commas, that get an operator's PIV card."
)
@click.option(
    "--usb-operators", default="", metavar="NAMES", help="Names, with commas, that get a USB token instead."
)
@click.option("--system-pcscd", is_flag=True, help="Use the two virtual readers of the system's pcscd.")
@_bench_option
def up(
    *,
    piv: int,
    pkcs11: int,
    key_seconds: float,
    apdu_ms: float,
    hand_seconds: float,
    printer: PrinterKind,
    plain: bool,
    scenario: Path | None,
    operators: str,
    usb_operators: str,
    system_pcscd: bool,
    directory: Path | None,
) -> None:
    """Start a bench and print the environment its clients need, as a shell takes it.

    `eval "$(station bench up)"` starts one and lets every PC/SC tool of this shell see its readers.
    """
    from simulators.bench import Bench, default_directory
    from simulators.piv.card import Delays

    started = Bench.up(
        directory or default_directory(),
        piv=piv,
        pkcs11=pkcs11,
        delays=Delays(apdu_ms / 1000, key_seconds, key_seconds, key_seconds, key_seconds),
        profile="plain" if plain else "yubikey",
        system_pcscd=system_pcscd,
        scenario=scenario,
        operators=_names(operators),
        usb_operators=_names(usb_operators),
        hands=hand_seconds,
        printer=printer,
    )
    _print_environment(started)
    click.echo(f"bench: {piv} PIV and {pkcs11} USB seats in {started.layout.directory}", err=True)
    named = f" --dir {shlex.quote(str(directory))}" if directory else ""
    first = [f"insert {started.seats[0]}"] if started.seats else []
    if people := _names(operators) or _names(usb_operators):
        first.append(f"operator present {people[0]}")
    for command in (*first, "status", "down"):
        click.echo(f"  next: station bench {command}{named}", err=True)
    if started.environment:
        click.echo("        opensc-tool -l, with the first line above in your shell", err=True)


@bench.command()
@json_option
@_bench_option
def status(as_json: bool, directory: Path | None) -> None:
    """Show the seats, what is in them, and the cards and tokens beside them."""
    opened = _open(directory)
    found = opened.status()
    rows: list[dict[str, Any]] = [
        {
            "seat": seat.name,
            "driver": seat.driver,
            "reader": seat.reader,
            "inserted": seat.inserted,
            "environment": opened.seat_environment(seat.name),
        }
        for seat in found.seats
    ]
    kept = [
        {"name": kept.name, "driver": kept.driver, "tray": kept.tray, "note": kept.note}
        for kept in found.kept
    ]
    if as_json:
        document({"directory": found.directory, "pid": found.pid, "seats": rows, "kept": kept})
        return
    headings = {"seat": "seat", "driver": "driver", "reader": "reader", "inserted": "inserted"}
    listing(rows, headings, as_json=False, empty="no seats")
    if kept:
        headings = {"name": "kept", "driver": "driver", "tray": "tray", "note": "note"}
        listing(kept, headings, as_json=False, empty="")


@bench.command()
@click.argument("seat")
@click.argument("card", required=False)
@click.option(
    "--envelope",
    metavar="NUMBER",
    help="The finished token of this number, in the place of what is in SEAT; it goes back once taken out.",
)
@_bench_option
def insert(seat: str, card: str | None, envelope: str | None, directory: Path | None) -> None:
    """Put CARD in SEAT, or a new blank, and print its name once the reader has seen it."""
    if card and envelope:
        raise click.UsageError("name a card, or --envelope")
    opened = _open(directory)
    click.echo(opened.open_envelope(seat, envelope) if envelope else opened.insert(seat, card))


@bench.command()
@click.argument("seat")
@_bench_option
def eject(seat: str, directory: Path | None) -> None:
    """Take out what is in SEAT, whatever it does, and print its name."""
    name = _open(directory).eject(seat)
    if name is None:
        click.echo(f"{seat} is empty", err=True)
    else:
        click.echo(name)


@bench.group()
def operator() -> None:
    """The operators' tokens of a bench, with certificates of a simulated employer."""


@operator.command()
@click.argument("name")
@click.option("--usb", is_flag=True, help="A USB token instead of a PIV card.")
@click.option(
    "--condition",
    type=click.Choice(["good", "expired", "stranger", "revoked"]),
    default="good",
    show_default=True,
    help="What its certificates are like; a stranger's are another CA's.",
)
@_bench_option
def add(name: str, usb: bool, condition: Condition, directory: Path | None) -> None:
    """Make the token of operator NAME and print the file with its PIN."""
    people = _open(directory).people
    people.add(name, usb=usb, condition=condition)
    click.echo(people.pin_file(name))


@operator.command()
@click.argument("name")
@click.option("--usb", is_flag=True, default=None, help="The USB token of somebody who has both.")
@_bench_option
def present(name: str, usb: bool | None, directory: Path | None) -> None:
    """Put the token of operator NAME in the operators' seat and take out another's; `none` puts none in."""
    _open(directory).people.present(None if name == "none" else name, usb=usb)


@bench.command()
@_bench_option
def down(directory: Path | None) -> None:
    """Stop the bench and all it started; its cards and tokens are kept."""
    found = _open(directory)
    where = found.layout.directory
    stopped = found.down()
    click.echo(f"the bench in {where} {'is stopped' if stopped else 'was not running'}", err=True)


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(",") if name.strip())


def _print_environment(started: Bench) -> None:
    for name, value in {**started.environment, **started.preloaded}.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    for seat in started.seats:
        for name, value in started.seat_environment(seat).items():
            if name not in started.environment:
                click.echo(f"# {seat}: export {name}={shlex.quote(value)}")
