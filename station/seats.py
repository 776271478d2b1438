"""The seats of a station beside the readers that are really there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drivers.errors import DriverError
from station import probes
from station.config import Configuration, Operators, Seat
from station.configuring import extend, seat_entry
from station.errors import ConfigurationError
from station.home import Home
from station.probes import Reader


@dataclass(frozen=True)
class SeatView:
    """One line of `station lanes`: a seat, or with `name` None a reader no seat names.

    `state`: `token`, `empty`, `in-use` where it was not looked at because somebody works there, or `unusable`
    with the reason in `problem`.
    """

    name: str | None
    driver: str | None
    reader: str | None
    serial: str | None
    state: str
    problem: str | None = None


def view(configuration: Configuration) -> tuple[SeatView, ...]:
    """Every seat as it is now, then the readers that are nobody's; asks all devices at the same time."""
    environments: dict[str, Mapping[str, str]] = {"": {}}
    for seat in configuration.seats:
        if probes.is_pcsc(seat):
            environments.setdefault(_socket(seat.environment), seat.environment)
    seats = {seat.name: probes.seat_probe(seat) for seat in configuration.seats}
    services = {name: probes.readers_probe(environment) for name, environment in environments.items()}
    with probes.several({**seats, **{("service", name): child for name, child in services.items()}}):
        views = [_seat(seat, probes.ask(seats[seat.name], "occupied")) for seat in configuration.seats]
        for socket, child in services.items():
            found = probes.ask(child, "all")
            if not isinstance(found, DriverError):
                views += [_spare(reader) for reader in found if not _is_named(reader, socket, configuration)]
    return tuple(views)


def seen(seat: Seat, state: str, problem: str | None = None) -> SeatView:
    """A configured seat in a state."""
    options = seat.options
    reader = options.get("reader") or options.get("slot") or options.get("module")
    return SeatView(seat.name, seat.driver, reader, options.get("serial"), state, problem)


def bound(name: str, driver: str, reader: Reader, environment: Mapping[str, str]) -> Seat:
    """The seat `name` for a reader that was found."""
    options = {"reader": reader.name, **({"serial": reader.serial} if reader.serial else {})}
    return Seat(name=name, driver=driver, options=options, environment=dict(environment))


def append(home: Home, configuration: Configuration, seat: Seat) -> None:
    """Put a new seat at the end of station.toml, all or nothing.

    Raises `ConfigurationError` for a taken name, `layouts.errors.FileFault` for a reader that is one.
    """
    refuse_taken(home, configuration, seat.name)
    extend(home.configuration, seat_entry(seat))


def refuse_taken(home: Home, configuration: Configuration, name: str) -> None:
    """Raises `ConfigurationError` where there is a seat of that name."""
    if name in {other.name for other in configuration.seats}:
        raise ConfigurationError(
            f"there is a seat {name!r} already",
            where=str(home.configuration),
            next="choose another name, or change that entry by hand",
        )


def _socket(environment: Mapping[str, str]) -> str:
    return environment.get("PCSCLITE_CSOCK_NAME", "")


def _seat(seat: Seat, answer: bool | DriverError) -> SeatView:
    if isinstance(answer, DriverError):
        return seen(seat, "unusable", f"{answer.what}; {answer.next}" if answer.next else answer.what)
    return seen(seat, "token" if answer else "empty")


def _spare(reader: Reader) -> SeatView:
    return SeatView(None, None, reader.name, reader.serial, "token" if reader.present else "empty")


def _is_named(reader: Reader, socket: str, configuration: Configuration) -> bool:
    named: list[Seat | Operators] = [*configuration.seats]
    if configuration.operators is not None:
        named.append(configuration.operators)
    for seat in named:
        if not probes.is_pcsc(seat) or _socket(seat.environment) != socket:
            continue
        serial = seat.options.get("serial")
        # As drivers.pcsc.readers.find: by serial where the seat has one, else by the exact name.
        if reader.serial == serial if serial else reader.name == seat.options["reader"]:
            return True
    return False
