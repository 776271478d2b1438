"""A serial line to a printer: every byte counted, and none sent while the printer holds it off.

Flow control is done here and not left to the system, so that who holds the line, and after how many bytes, is
known: XON/XOFF (ISO 646 DC1, DC3) by what the printer says, DSR and CTS by the lines it raises.
"""

from __future__ import annotations

import errno
import time
import urllib.parse
from contextlib import suppress
from typing import Annotated, Literal

import msgspec
import serial

from drivers.errors import PrinterFailed

_XON, _XOFF = 0x11, 0x13
_TICK = 0.01
_PIECE = 8
"""Bytes between two looks at the printer's signals: fewer than any printer has room for once it holds it."""

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
Flow = Literal["xon-xoff", "dsr", "cts"]


class LineOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a printer is connected; `flow` is all by which it may hold the line.

    `port` is a serial device; `rfc2217://` only of this machine, because codes cross it in clear.
    """

    port: str
    baud: Annotated[int, msgspec.Meta(ge=300, le=921_600)] = 9600
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1
    flow: tuple[Flow, ...] = ("xon-xoff",)

    def __post_init__(self) -> None:
        if "://" in self.port:
            url = urllib.parse.urlsplit(self.port)
            if url.scheme != "rfc2217" or url.hostname not in _LOOPBACK:
                raise ValueError(
                    "port: codes leave by a serial device or by rfc2217:// of this machine only (R9)"
                )
        if not self.flow:
            raise ValueError("flow: without flow control nobody would notice that characters are lost")


class SerialLine:
    """An open line; raises `PrinterFailed`, `sent` 0, where it cannot be opened.

    `sent` counts since `begin`; `broken` once the port itself has failed.
    """

    def __init__(self, options: LineOptions) -> None:
        self._options = options
        self._stopped = False
        self.broken = False
        self.sent = 0
        remote = "://" in options.port
        try:
            self._port = serial.serial_for_url(
                options.port,
                baudrate=options.baud,
                parity=options.parity[0].upper(),
                stopbits=options.stop_bits,
                timeout=0,
                write_timeout=None if remote else 1.0,
                # An adapter on USB has hundreds of bytes of its own, which only it can hold back.
                rtscts="cts" in options.flow and not remote,
                exclusive=None if remote else True,
            )
        except (serial.SerialException, OSError, ValueError) as error:
            raise PrinterFailed(
                f"{options.port}: {_reason(error)}",
                sent=0,
                next="check the cable, who else uses the port, and its name in station.toml",
            ) from None

    def begin(self) -> None:
        """Count from here on."""
        self.sent = 0

    def held(self) -> str | None:
        """In words how the printer holds the line at this moment, None where it does not."""
        self._listen()
        if "dsr" in self._options.flow and not self._port.dsr:
            return "it is off line, without power or without cable (DSR is low)"
        if "cts" in self._options.flow and not self._port.cts:
            return "it is busy or off line (CTS is low)"
        if self._stopped:
            return "it has stopped the line (XOFF): out of paper, off line or busy"
        return None

    def wait(self, until: float) -> None:
        """Wait until the printer takes more; raises `PrinterFailed` after the monotonic time `until`."""
        while (reason := self._asked()) is not None:
            if time.monotonic() >= until:
                raise PrinterFailed(reason, sent=self.sent)
            time.sleep(_TICK)

    def write(self, text: bytes, until: float) -> None:
        """Send at the line's own speed, so that no system or adapter holds much that the printer does not.

        Raises `PrinterFailed` with the bytes that left, where the printer holds the line too long.
        """
        pace = 10 / self._options.baud
        for start in range(0, len(text), _PIECE):
            self.wait(until)
            piece = text[start : start + _PIECE]
            for byte in piece:
                self._write(bytes([byte]), until)
            time.sleep(pace * len(piece))
        while self._waiting():
            if time.monotonic() >= until:
                raise PrinterFailed("the line is held", sent=self.sent - self._waiting())
            time.sleep(_TICK)

    def drop(self) -> None:
        """Forget what has not left yet, so that none of it leaves later; then let go of the port."""
        with suppress(serial.SerialException, OSError, ValueError):
            self._port.reset_output_buffer()
        self.close()

    def close(self) -> None:
        """Let go of the port."""
        with suppress(serial.SerialException, OSError):
            self._port.close()

    def _write(self, byte: bytes, until: float) -> None:
        while True:
            try:
                self._port.write(byte)
                self.sent += 1
                return
            except serial.SerialTimeoutException:
                if time.monotonic() >= until:
                    raise PrinterFailed("the line takes nothing more", sent=self.sent) from None
            except (serial.SerialException, OSError) as error:
                raise self._failed(_reason(error)) from None

    def _asked(self) -> str | None:
        try:
            return self.held()
        except (serial.SerialException, OSError) as error:
            reason = _reason(error)
            if getattr(error, "errno", None) in (errno.ENOTTY, errno.EINVAL):
                reason = "the port has no modem lines; take dsr and cts out of `flow`"
            raise self._failed(reason) from None

    def _failed(self, reason: str) -> PrinterFailed:
        self.broken = True
        return PrinterFailed(f"{self._options.port}: {reason}", sent=self.sent)

    def _listen(self) -> None:
        if "xon-xoff" in self._options.flow:
            for byte in self._port.read(4096):
                if byte in (_XON, _XOFF):
                    self._stopped = byte == _XOFF

    def _waiting(self) -> int:
        # Not every port can tell, one over a network never.
        try:
            return int(getattr(self._port, "out_waiting", 0))
        except (serial.SerialException, OSError):
            return 0


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
