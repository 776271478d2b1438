"""A scanner at a serial port: a scan goes where a number typed by hand would go, never where a code is."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

from textual.widgets import Input

from drivers.errors import DriverError, ToldError
from drivers.scanners.port import Scanner
from station.scanning import open_scanner
from station.tui.desk_screen import DeskScreen
from station.tui.dialogs.asking import AskLine
from station.tui.words import _

if TYPE_CHECKING:
    from station.tui.app import StationApp

_AGAIN = 2.0
"""Seconds after which a scanner that is not there is looked for again."""


class Scanning:
    """Follows the scanner of station.toml while the screen is open."""

    def __init__(self, app: StationApp) -> None:
        self._app = app
        self._told: str | None = None
        self.open = False
        """Whether there is a scanner that answers."""

    async def follow(self) -> None:
        """Take scans for good; one that is unplugged is taken up again."""
        try:
            configured = await self._app.reader.read(lambda desk, _records: desk.configuration.scanner)
        except ToldError:
            return  # told by the area that is opened
        while configured is not None:
            try:
                with closing(await asyncio.to_thread(open_scanner, configured)) as scanner:
                    self._told, self.open = None, True
                    await self._hear(scanner)
            except DriverError as error:
                self.open = False
                self._tell(str(error))
            await asyncio.sleep(_AGAIN)

    async def _hear(self, scanner: Scanner) -> None:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(scanner.fileno(), ready.set)
        try:
            while True:
                await ready.wait()
                ready.clear()
                for text in scanner.scans():
                    self._take(text)
        finally:
            loop.remove_reader(scanner.fileno())

    def _take(self, text: str) -> None:
        app = self._app
        field, screen = app.focused, app.screen
        if app.operator is None:
            self._refuse()
        elif isinstance(field, Input) or isinstance(screen, AskLine):
            app.type_in(f"{text}\r")
        elif isinstance(screen, DeskScreen):
            app.use.touch()
            screen.take_scan(text)
        else:
            self._refuse()

    def _refuse(self) -> None:
        self._app.bell()
        self._app.notify(_("No number is asked for here; the scan was not taken."), severity="warning")

    def _tell(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._app.notify(text, severity="warning", markup=False)
