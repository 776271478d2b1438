"""A scanner at a serial port, or at USB as one (CDC-ACM), that ends each scan with CR or LF."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import serial

from drivers.errors import DeviceFailed
from drivers.options import typed

_LONGEST = 256
"""Bytes of one scan; what is longer is noise, or a code that is none of the station's."""

_AT_ONCE = 4096

_SYMBOLOGY = re.compile(r"\][A-Za-z][0-9A-Za-z]")
"""What some scanners send before each scan to tell what kind of bar code it was (ISO/IEC 15424)."""

_PARITIES = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    baud: int = 9600
    bits: Literal[7, 8] = 8
    parity: Literal["none", "even", "odd"] = "none"


class SerialScanner:
    """Reads a scanner that nobody else has open; raises `DeviceFailed`, `Unsupported` for wrong options.

    The `code` of a port that another process has is `EAGAIN`.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        read = typed(options, _Options, "scanner")
        self._where = f"scanner {read.port}"
        self._heard = b""
        try:
            self._serial = serial.Serial(
                read.port,
                read.baud,
                bytesize=read.bits,
                parity=_PARITIES[read.parity],
                timeout=0,
                exclusive=True,
            )
        except (serial.SerialException, ValueError, OSError) as error:
            raise self._failed(error) from error

    def fileno(self) -> int:
        return int(self._serial.fileno())

    def scans(self) -> list[str]:
        try:
            self._heard += self._serial.read(_AT_ONCE)
        except (serial.SerialException, OSError) as error:
            raise self._failed(error) from error
        *lines, rest = re.split(rb"[\r\n]+", self._heard)
        self._heard = rest[-_LONGEST:]
        texts = (line[-_LONGEST:].decode("ascii", errors="replace").strip() for line in lines)
        return [scan for text in texts if (scan := _SYMBOLOGY.sub("", text, count=1))]

    def close(self) -> None:
        self._serial.close()

    def _failed(self, error: Exception) -> DeviceFailed:
        number = getattr(error, "errno", None)
        if number == errno.EAGAIN:
            what, hint = "another program has it", "leave that one, such as the screen"
        elif number == errno.ENOENT:
            what, hint = "it is not there", "plug it in, or correct [scanner] in station.toml"
        else:
            what, hint = (
                f"it does not answer: {error}",
                "look at its cable; correct [scanner] in station.toml",
            )
        code = errno.errorcode.get(number) if isinstance(number, int) else None
        return DeviceFailed(what, code=code, where=self._where, next=hint)
