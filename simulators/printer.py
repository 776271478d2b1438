"""A printer that keeps its pages, so that QA can look at them; nothing like it belongs on a real desk."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from drivers.errors import PrinterFailed


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    directory: str


class SimulatedPrinter:
    """Keeps each page in `directory` as `<reference>.pdf` (0600), further prints as `<reference>-2.pdf`."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._directory = Path(msgspec.convert(options, _Options).directory)

    def ready(self) -> str | None:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            return f"{self._directory}: {error.strerror}; choose another directory for the simulated printer"
        if not os.access(self._directory, os.W_OK | os.X_OK):
            return f"{self._directory} cannot be written to; mend its permissions"
        return None

    def print_page(self, page: bytes, reference: str) -> None:
        if reason := self.ready():
            raise PrinterFailed(reason, sent=0, where=reference)
        if not reference or reference != Path(reference).name:
            raise PrinterFailed("a control number that is no file name", sent=0, where=reference)
        sent = 0
        try:
            descriptor = self._new_file(reference)
            try:
                while sent < len(page):
                    sent += os.write(descriptor, page[sent:])
            finally:
                os.close(descriptor)
        except OSError as error:
            raise PrinterFailed(
                f"{self._directory}: {error.strerror}",
                sent=sent,
                where=reference,
                next="make room, then reprint",
            ) from error

    def close(self) -> None:
        pass

    def _new_file(self, reference: str) -> int:
        for count in itertools.count(1):
            name = f"{reference}.pdf" if count == 1 else f"{reference}-{count}.pdf"
            try:
                return os.open(self._directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
        raise AssertionError("counting has no end")
