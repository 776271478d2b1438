"""A scanner at a pseudo-terminal: what a test writes there, a program reads as scans."""

from __future__ import annotations

import os
import tty
from types import TracebackType


class FakeScanner:
    """The scanner's end of a serial line; `port` is the desk's."""

    def __init__(self) -> None:
        self._own, self._desk = os.openpty()
        tty.setraw(self._desk)
        self.port = os.ttyname(self._desk)

    def scan(self, *texts: str, end: str = "\r\n") -> None:
        """Scan one bar code after the other."""
        self.send(*(f"{text}{end}".encode() for text in texts))

    def send(self, *pieces: bytes) -> None:
        """Bytes as they come over the line."""
        for piece in pieces:
            os.write(self._own, piece)

    def unplug(self) -> None:
        """It is gone."""
        for descriptor in (self._own, self._desk):
            if descriptor >= 0:
                os.close(descriptor)
        self._own = self._desk = -1

    @property
    def options(self) -> str:
        """The tables of station.toml."""
        return f'\n[scanner]\n[scanner.options]\nport = "{self.port}"\n'

    def __enter__(self) -> FakeScanner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.unplug()
