"""A printer that keeps its pages, so that QA can look at them; nothing like it belongs on a real desk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from drivers.errors import PrinterFailed
from drivers.options import typed
from simulators.bench.client import Bench
from simulators.bench.errors import BenchError
from simulators.faults.model import Fault
from simulators.tray import Tray

_NOT_READY = {
    "paper-out": "it is out of paper; load paper",
    "cover-open": "a cover is open; close it",
    "offline": "it is offline; switch it on line",
    "busy": "it is busy with another's page; wait for that",
}
"""What a printer tells before it takes anything, by the fault it has."""

_NOT_PRINTED = {
    "cancel": "the job was cancelled at the printer",
    "abort": "the printer gave the job up",
    "cut": "the connection was lost",
}
"""What befalls a page that was handed over whole, and does not come out."""

_LOOK = "look whether the form left the printer, then account for it"


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    directory: str
    bench: str | None = None


class SimulatedPrinter:
    """Keeps each page in `directory` as `<reference>.pdf` (0600), further prints as `<reference>-2.pdf`.

    With `bench`, it goes wrong as the bench in that directory is told; a torn sheet is kept as
    `<reference>.torn`. Raises `Unsupported` for wrong options.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        read = typed(options, _Options, "simulated printer")
        self._directory = Path(read.directory)
        self._tray = Tray(self._directory)
        self._bench = None if read.bench is None else Bench(Path(read.bench))

    def ready(self) -> str | None:
        # What keeps the next page from being taken is told here, and does not befall that page as well.
        fault = self._fault(tuple(_NOT_READY))
        return self._tray_fault() if fault is None else _NOT_READY[fault.do]

    def print_page(self, page: bytes, reference: str) -> None:
        if reason := self._tray_fault():
            raise PrinterFailed(reason, sent=0, where=reference)
        if not reference or reference != Path(reference).name:
            raise PrinterFailed("a control number that is no file name", sent=0, where=reference)
        fault = self._fault()
        if fault is not None and fault.do in _NOT_READY:
            raise PrinterFailed(_NOT_READY[fault.do], sent=0, where=reference)
        if fault is not None and fault.do == "jam":
            taken = len(page) // 2
            self._keep(page[:taken], reference, "torn")
            raise PrinterFailed("the paper has jammed", sent=taken, where=reference, next=_LOOK)
        if fault is not None and fault.do in _NOT_PRINTED:
            raise PrinterFailed(_NOT_PRINTED[fault.do], sent=len(page), where=reference, next=_LOOK)
        self._keep(page, reference, "pdf", fault)

    def close(self) -> None:
        pass

    def _fault(self, only: tuple[str, ...] = ()) -> Fault | None:
        if self._bench is None:
            return None
        try:
            return self._bench.exchange("printer", "page", only)
        except BenchError:  # most often none is running
            return None

    def _tray_fault(self) -> str | None:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            return f"{self._directory}: {error.strerror}; choose another directory for the simulated printer"
        if not os.access(self._directory, os.W_OK | os.X_OK):
            return f"{self._directory} cannot be written to; mend its permissions"
        return None

    def _keep(self, page: bytes, reference: str, kind: str, slow: Fault | None = None) -> None:
        try:
            self._tray.keep(page, reference, kind, slow)
        except OSError as error:
            raise PrinterFailed(
                f"{self._directory}: {error.strerror}",
                sent=self._tray.taken,
                where=reference,
                next="make room, then reprint",
            ) from error
