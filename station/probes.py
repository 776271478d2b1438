"""What the desk wants to know of devices, asked in child processes that load their libraries.

The classes here run in the child; the desk gets plain values back and never loads a maker's module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers.errors import DriverError, PrinterFailed
from drivers.pages import PageFormat
from drivers.process import Child
from station.config import Authority, KeyToken, LabelSeat, Operators, PrinterSeat, ScannerPort, Seat

if TYPE_CHECKING:
    from drivers.authorities.remote.standing import Standing

PATIENCE = 15.0
"""Seconds a device may take to answer before its process is ended."""


@dataclass(frozen=True)
class Reader:
    """A reader as found: `serial` None where it tells none."""

    name: str
    serial: str | None
    present: bool


class Readers:
    """The PC/SC service of this environment."""

    def all(self) -> tuple[Reader, ...]:
        """All readers there are; raises `DeviceFailed` where no service answers."""
        from drivers.pcsc.readers import readers

        return tuple(Reader(one.name, one.serial, one.present) for one in readers())

    def next_insertion(self) -> Reader:
        """The reader a card is put in next; ended by ending this process."""
        from drivers.pcsc.readers import bind_reader

        found = bind_reader(lambda: False)
        assert found is not None, "nobody cancels here"
        return Reader(found.name, found.serial, found.present)


class SeatProbe:
    """One seat's driver, which is asked for a token without taking it."""

    def __init__(self, name: str, driver: str, feeder: str, options: Mapping[str, Any]) -> None:
        from drivers.registry import find

        find("station.feeders", feeder)
        self._driver = find("station.tokens", driver)(name, options)

    def occupied(self) -> bool:
        """Whether a token is in the seat; raises `DriverError` where reader or module is not there."""
        answers = iter((False,))
        # Ports wait until cancelled: the first look may be taken, a second may not.
        return bool(self._driver.await_token(lambda: next(answers, True)))

    def close(self) -> None:
        """Release the reader."""
        self._driver.close()


class FeederProbe:
    """What feeds a seat, which is asked whether it could, and moves nothing."""

    def __init__(self, feeder: str, options: Mapping[str, Any]) -> None:
        from drivers.registry import find

        self._feeder = find("station.feeders", feeder)(options)

    def ready(self) -> str | None:
        """None when it could feed, else in words what keeps it."""
        reason: str | None = self._feeder.ready()
        return reason

    def close(self) -> None:
        """Nothing is held."""


class ScannerProbe:
    """The scanner, whose port is opened."""

    def __init__(self, driver: str, options: Mapping[str, Any]) -> None:
        self._driver, self._options = driver, options

    def opens(self) -> bool:
        """True; raises `DriverError` where it is not there, or another program has it."""
        from drivers.registry import find

        find("station.scanners", self._driver)(self._options).close()
        return True


class KeyProbe:
    """A PKCS#11 module and the tokens behind it, without logging in."""

    def __init__(self, where: str, module: str) -> None:
        from drivers.pkcs11.module import Module

        self._module = Module(module, where)

    def labels(self) -> tuple[str, ...]:
        """The labels of the tokens there are; raises `DriverError`."""
        return tuple(token.label for token in self._module.tokens())

    def close(self) -> None:
        """End the module."""
        self._module.close()


class PrinterProbe:
    """The printer, which is asked whether it could print, and may get a specimen."""

    def __init__(self, group: str, driver: str, options: Mapping[str, Any]) -> None:
        from drivers.registry import find

        self._printer = find(group, driver)(options)

    def ready(self) -> str | None:
        """None when a page may be sent, else in words what keeps it."""
        reason: str | None = self._printer.ready()
        return reason

    def takes(self) -> PageFormat:
        """The form it wants its pages in."""
        from drivers.printers.port import takes

        return takes(self._printer)

    def print_specimen(self, page: bytes) -> None:
        """Print a page with dummy codes (R11); raises `PrinterFailed`."""
        if reason := self._printer.ready():
            raise PrinterFailed(f"the printer is not ready: {reason}", sent=0)
        self._printer.print_page(page, "specimen")

    def close(self) -> None:
        """Let go of the device."""
        self._printer.close()


class AuthorityProbe:
    """A CA elsewhere, which is looked at without opening the desk's key token."""

    def __init__(self, driver: str, options: Mapping[str, Any], directory: Path) -> None:
        from drivers.registry import find

        self._look = getattr(find("station.authorities", driver), "look", None)
        self._arguments = (options, directory)

    def standing(self) -> Standing | str | None:
        """How it stands, or that in words; None where its driver tells nothing, such as the desk's own."""
        found: Standing | str | None = self._look(*self._arguments) if self._look is not None else None
        return found


def readers_probe(environment: Mapping[str, str]) -> Child:
    """A child with `Readers`."""
    return Child("PC/SC service", "station.probes:Readers", environment=environment)


def seat_probe(seat: Seat) -> Child:
    """A child with the `SeatProbe` of a seat."""
    arguments = (seat.name, seat.driver, seat.feeder, seat.options)
    return Child(seat.name, "station.probes:SeatProbe", arguments, environment=seat.environment)


def feeder_probe(seat: Seat, options: Mapping[str, Any]) -> Child:
    """A child with the `FeederProbe` of a seat."""
    return Child(f"feeder {seat.name}", "station.probes:FeederProbe", (seat.feeder, dict(options)))


def scanner_probe(scanner: ScannerPort) -> Child:
    """A child with the `ScannerProbe` of the scanner."""
    return Child("scanner", "station.probes:ScannerProbe", (scanner.driver, scanner.options))


def key_probe(name: str, token: KeyToken) -> Child:
    """A child with the `KeyProbe` of a key token."""
    where = f"{name} token"
    return Child(where, "station.probes:KeyProbe", (where, token.module), environment=token.environment)


def printer_probe(printer: PrinterSeat) -> Child:
    """A child with the `PrinterProbe` of the printer of letters."""
    return _printer_probe("printer", "station.printers", printer)


def label_printer_probe(labels: LabelSeat) -> Child:
    """The same of the printer of labels."""
    return _printer_probe("label printer", "station.label_printers", labels)


def _printer_probe(name: str, group: str, printer: PrinterSeat | LabelSeat) -> Child:
    arguments = (group, printer.driver, printer.options)
    return Child(name, "station.probes:PrinterProbe", arguments, environment=printer.environment)


def authority_probe(authority: Authority, directory: Path) -> Child:
    """A child with the `AuthorityProbe` of the CA, whose records are in `directory`."""
    arguments = (authority.driver, dict(authority.options), directory)
    return Child("ca", "station.probes:AuthorityProbe", arguments)


def is_pcsc(seat: Seat | Operators) -> bool:
    """Whether a seat names a PC/SC reader."""
    return "reader" in seat.options


def ask(child: Child, method: str) -> Any:
    """What the child answers, or the `DriverError` it met, as a value."""
    try:
        return child.ask(method, timeout=PATIENCE)
    except DriverError as error:
        return error


@contextmanager
def several(children: Mapping[Any, Child]) -> Iterator[None]:
    """Ends all `children` afterwards."""
    try:
        yield
    finally:
        for child in children.values():
            child.close(timeout=2.0)
