"""A printer that takes PDF straight from its device node or pipe, such as `/dev/usb/lp0`."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from drivers.errors import PrinterFailed
from drivers.options import typed


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    device: str


class DevicePrinter:
    """Streams pages to a character device or FIFO; refuses a plain file, where a letter would rest (R10)."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._device = Path(typed(options, _Options, "printer").device)

    def ready(self) -> str | None:
        try:
            mode = self._device.stat().st_mode
        except OSError as error:
            return f"{self._device}: {error.strerror}; check the cable and the name in station.toml"
        if not (stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)):
            return f"{self._device} is no device; a letter must not rest in a file"
        return None

    def print_page(self, page: bytes, reference: str) -> None:
        if reason := self.ready():
            raise PrinterFailed(reason, sent=0, where=reference)
        sent = 0
        try:
            # Opened without waiting: where nobody takes the page, nothing has left, and that is known.
            descriptor = os.open(self._device, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                os.set_blocking(descriptor, True)
                while sent < len(page):
                    sent += os.write(descriptor, page[sent:])
            finally:
                os.close(descriptor)
        except OSError as error:
            raise PrinterFailed(
                f"{self._device}: {error.strerror}",
                sent=sent,
                where=reference,
                next="look whether the form left the printer, then account for it",
            ) from error

    def close(self) -> None:
        pass
