"""Scans for a command: from the scanner of station.toml, or typed, in the order they come."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import closing, contextmanager

from drivers.registry import find
from drivers.scanners.port import Scanner
from station.config import Configuration, ScannerPort
from station.errors import ConfigurationError

_LONGEST = 4096


def open_scanner(configured: ScannerPort) -> Scanner:
    """The scanner; raises `drivers.errors.DriverError`."""
    opened: Scanner = find("station.scanners", configured.driver)(configured.options)
    return opened


@contextmanager
def scans(configuration: Configuration, lines: int) -> Iterator[Iterator[str]]:
    """Each scan, and each line from a descriptor; they end with an empty line or the end of the input.

    What was scanned before is lost. Raises `ConfigurationError` where no scanner is configured, `DriverError`
    where it is gone.
    """
    if configuration.scanner is None:
        raise ConfigurationError(
            "no scanner is configured",
            next="add [scanner] to station.toml; one that types like a keyboard needs none, nor --scanner",
        )
    with closing(open_scanner(configuration.scanner)) as scanner:
        yield _both(scanner, lines)


def _both(scanner: Scanner, keyboard: int) -> Iterator[str]:
    typed = b""
    while True:
        ready, _, _ = select.select([scanner.fileno(), keyboard], [], [])
        if scanner.fileno() in ready:
            yield from scanner.scans()
        if keyboard in ready:
            more = os.read(keyboard, _LONGEST)
            *lines, typed = (typed + more).split(b"\n")
            for line in lines:
                text = line.decode("ascii", errors="replace").strip()
                if not text:
                    return
                yield text
            if not more:
                return
