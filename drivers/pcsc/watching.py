"""Several readers of one PC/SC service, watched by their state alone: no card is connected to."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smartcard import scard

from drivers.errors import DriverError, NoToken
from drivers.pcsc.context import PNP, Context
from drivers.pcsc.readers import find, is_present, missing

_TURN = 1.0
"""Seconds between two looks for a PC/SC service that is away, and at most for readers it did not tell of."""


@dataclass(frozen=True)
class Wanted:
    """A reader as a seat names it; one that is itself a `usb_token` comes and goes with it."""

    where: str
    name: str
    serial: str | None = None
    usb_token: bool = False


class ReaderWatch:
    """What is in each of the readers, whoever else uses them."""

    def __init__(self, wanted: Sequence[Wanted]) -> None:
        self._wanted = tuple(wanted)
        self._pcsc: Context | None = None
        self._names: list[str] | None = None
        self._found: dict[Wanted, str | DriverError | None] = {}
        self._states: dict[str, int] = {}

    def look(self) -> tuple[bool | DriverError, ...]:
        """Whether a card is in each reader, or why that cannot be told."""
        try:
            try:
                self._read()
            except NoToken:  # a reader left between two questions
                self._names = None
                self._read()
        except DriverError as error:
            self.close()
            return (error,) * len(self._wanted)
        return tuple(self._sight(one) for one in self._wanted)

    def wait(self, seconds: float) -> None:
        """Block until something may be another than at the last look, at most so long."""
        seconds = min(seconds, _TURN)
        if self._pcsc is None:
            threading.Event().wait(seconds)
            return
        watched = [*self._states.items(), (PNP, len(self._names or ()) << 16)]
        try:
            self._pcsc.wait(watched, int(seconds * 1000) + 1)
        except NoToken:
            self._names = None
        except DriverError:
            self.close()

    def close(self) -> None:
        """Give the PC/SC context back."""
        if self._pcsc is not None:
            self._pcsc.close()
        self._pcsc, self._names = None, None

    def _read(self) -> None:
        if self._pcsc is None:
            self._pcsc = Context()
        names = self._pcsc.readers()
        if names != self._names:
            # Telling serial numbers apart takes a connection to the reader, so it is done once.
            self._found = {one: self._find(self._pcsc, one, names) for one in self._wanted}
            self._names = names
        there = {found for found in self._found.values() if isinstance(found, str)}
        asked = [(name, scard.SCARD_STATE_UNAWARE) for name in sorted(there)]
        self._states = {name: state for name, state, _ in self._pcsc.wait(asked, 0)} if asked else {}

    def _find(self, pcsc: Context, one: Wanted, names: Sequence[str]) -> str | DriverError | None:
        found = find(pcsc, one.name, one.serial)
        if found is None and one.name in names and pcsc.serial(one.name) is None:
            found = one.name  # a lane holds it, so that it tells nobody its serial number
        if found is None and not one.usb_token:
            return missing(pcsc, one.name, one.serial, one.where)
        return found

    def _sight(self, one: Wanted) -> bool | DriverError:
        found = self._found[one]
        if isinstance(found, str):
            return is_present(self._states.get(found, 0))
        return found if found is not None else False


def wanted(where: str, options: Mapping[str, object]) -> Wanted:
    """The reader that the options of a seat name."""
    serial = options.get("serial")
    name = None if serial is None else str(serial)
    return Wanted(where, str(options["reader"]), name, options.get("usb_token") is True)
