"""An impact printer for multi-part forms at a serial port: ESC/P with 9 or 24 pins, or IBM Proprinter.

A form is sent line by line. Nothing such a printer says tells that a form was printed: one that stops leaves
its form unknown, to be looked at (R12).
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from drivers.errors import PrinterFailed
from drivers.options import typed
from drivers.pages import PageFormat
from drivers.printers.port import Sent
from drivers.printers.serial_line import LineOptions, SerialLine

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_LOOK = "look what stands on the form, take it out, set top of form anew, then account for it"
_READY_WITHIN = 2.0
"""Seconds in which a printer that was just switched on may begin to take something."""


class _Options(LineOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`speaks` are the printer's commands. `form_seconds` is how long one form may take, `settle_seconds`
    how long the printer is watched after its last byte: one without paper notices while it prints.
    """

    speaks: Literal["escp-9", "escp-24", "proprinter"]
    form_seconds: Annotated[float, msgspec.Meta(gt=0, le=100)] = 60.0
    settle_seconds: Annotated[float, msgspec.Meta(ge=0, le=15)] = 3.0


class SerialImpactPrinter:
    """Prints forms as `layouts.impact_page` makes them; raises `Unsupported` for wrong options.

    The port is held from the first question to `close`, so that nobody else writes on a form in between.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = typed(options, _Options, 'printer "serial"')
        self.takes = PageFormat(self._options.speaks)
        self._line: SerialLine | None = None

    def ready(self) -> str | None:
        try:
            self._opened().wait(time.monotonic() + _READY_WITHIN)
        except PrinterFailed as error:
            # A printer that holds the line says once that it goes on, to who listens.
            if self._line is not None and self._line.broken:
                self._drop()
            return f"{error.what}; {error.next or 'put it right and on line'}"
        return None

    def print_page(self, page: bytes, reference: str) -> Sent:
        until = time.monotonic() + self._options.form_seconds
        lines, done, sent = _LINE.findall(page), 0, 0
        try:
            line = self._opened()
            line.begin()
            for text in lines:
                line.write(text, until)
                done += 1
            sent = line.sent
            self._settle(line, until)
        except PrinterFailed as error:
            self._drop()
            sent = error.sent or 0
            if sent == 0:
                raise PrinterFailed(error.what, sent=0, where=reference, next=error.next) from None
            what = f"stopped after {done} of {len(lines)} lines, {sent} of {len(page)} bytes: {error.what}"
            raise PrinterFailed(what, sent=sent, where=reference, next=_LOOK) from None
        return Sent(octets=sent, lines=len(lines))

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def _opened(self) -> SerialLine:
        if self._line is None:
            self._line = SerialLine(self._options)
        return self._line

    def _settle(self, line: SerialLine, until: float) -> None:
        """Watch the printer while it prints what it has taken; one that holds the line must let go of it."""
        watched = time.monotonic() + self._options.settle_seconds
        while True:
            line.wait(until)
            left = watched - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.05))

    def _drop(self) -> None:
        if self._line is not None:
            self._line.drop()
            self._line = None
