"""Label printers that speak ZPL II, at a serial port or straight over TCP: what they say they lack is told.

Their host status (`~HS`) is asked before a label and after it, until it has left the printer.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
import serial

from drivers.errors import PrinterFailed
from drivers.options import typed

_STATUS = re.compile(rb"\x02([^\x03]*)\x03\s*\x02([^\x03]*)\x03\s*\x02[^\x03]*\x03")
_PIECE = 1024
"""Bytes between which flow control may stop the port and a count is kept."""

_PAUSE = 0.1
"""Seconds between two questions how far a label is."""

_LOOK = "put it right and look whether the label came out; print it again if it did not"

Seconds = Annotated[float, msgspec.Meta(gt=0, le=600)]


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`port`: a serial device, or `socket://HOST:PORT`; `baud`, `xonxoff` and `rtscts` are a device's."""

    port: str
    baud: Annotated[int, msgspec.Meta(ge=300, le=921_600)] = 9600
    xonxoff: bool = True
    rtscts: bool = False
    answer_seconds: Seconds = 3.0
    print_seconds: Seconds = 30.0


class ZplPrinter:
    """Carries out `drivers.printers.port.Printer` for labels: a page is one ZPL format."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = typed(options, _Options, "label printer")

    def ready(self) -> str | None:
        try:
            with self._opened() as port:
                return _lacks(self._status(port))
        except PrinterFailed as error:
            return f"{error.where}: {error.what}; {error.next}"

    def print_page(self, page: bytes, reference: str) -> None:
        with self._opened() as port:
            if reason := _lacks(self._status(port)):
                raise PrinterFailed(reason, sent=0, where=reference)
            sent = self._send(port, page, reference)
            until = time.monotonic() + self._options.print_seconds
            while True:
                try:
                    status = self._status(port)
                except PrinterFailed as error:
                    raise PrinterFailed(error.what, sent=sent, where=reference, next=_LOOK) from None
                if reason := _lacks(status):
                    raise PrinterFailed(reason, sent=sent, where=reference, next=_LOOK)
                if status.waiting == 0:
                    return
                if time.monotonic() > until:
                    what = f"the label did not come within {self._options.print_seconds:g} seconds"
                    raise PrinterFailed(what, sent=sent, where=reference, next=_LOOK)
                time.sleep(_PAUSE)

    def close(self) -> None:
        pass

    @contextmanager
    def _opened(self) -> Iterator[serial.Serial]:
        told = self._options
        try:
            port = serial.serial_for_url(
                told.port,
                baudrate=told.baud,
                timeout=told.answer_seconds,
                write_timeout=told.answer_seconds,
                xonxoff=told.xonxoff,
                rtscts=told.rtscts,
                exclusive="://" not in told.port,
            )
        except (serial.SerialException, OSError, ValueError) as error:
            raise PrinterFailed(
                _reason(error),
                sent=0,
                where=told.port,
                next="check cable, power and [labels] in station.toml",
            ) from None
        with port:
            yield port

    def _send(self, port: serial.Serial, page: bytes, reference: str) -> int:
        sent = 0
        try:
            while sent < len(page):
                sent += port.write(page[sent : sent + _PIECE]) or 0
            port.flush()
        except (serial.SerialException, OSError) as error:
            raise PrinterFailed(_reason(error), sent=sent, where=reference, next=_LOOK) from None
        return sent

    def _status(self, port: serial.Serial) -> _Status:
        """What the printer answers to `~HS`; raises `PrinterFailed` where it does not answer."""
        told = self._options
        until = time.monotonic() + told.answer_seconds
        answer = b""
        try:
            port.reset_input_buffer()
            port.write(b"~HS\r\n")
            while time.monotonic() < until:
                answer += port.read(port.in_waiting or 1)
                if found := _STATUS.search(answer):
                    return _Status.of(found[1], found[2])
        except (serial.SerialException, OSError, ValueError) as error:
            raise PrinterFailed(_reason(error), where=told.port, next="check cable and power") from None
        what = "it does not answer" if not answer else "it does not answer as a ZPL printer does"
        raise PrinterFailed(what, where=told.port, next="switch it on, and check that it speaks ZPL II")


class _Status(msgspec.Struct, frozen=True):
    """The host status (ZPL II Programming Guide, `~HS`): what it lacks, and how many labels wait."""

    paper_out: bool
    paused: bool
    head_open: bool
    ribbon_out: bool
    waiting: int

    @classmethod
    def of(cls, first: bytes, second: bytes) -> _Status:
        """Raises `ValueError` for what is no status."""
        one, two = first.decode("ascii").split(","), second.decode("ascii").split(",")
        if len(one) < 12 or len(two) < 11:
            raise ValueError("no host status")
        formats, labels = int(one[4]), int(two[8])
        return cls(one[1] == "1", one[2] == "1", two[2] == "1", two[3] == "1", formats + labels)


def _lacks(status: _Status) -> str | None:
    """In words what keeps the printer from printing; the cause before its effect, which is a pause."""
    if status.head_open:
        return "its head is open; close it"
    if status.paper_out:
        return "it is out of labels; load a roll"
    if status.ribbon_out:
        return "it is out of ribbon; load one"
    if status.paused:
        return "it is paused; press its pause key"
    return None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
