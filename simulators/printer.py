"""A printer that keeps its pages, so that QA can look at them; nothing like it belongs on a real desk."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from drivers.errors import PrinterFailed
from drivers.options import typed
from simulators.bench.client import Bench
from simulators.bench.errors import BenchError
from simulators.faults.model import Fault

_NOT_READY = {
    "paper-out": "it is out of paper; load paper",
    "offline": "it is offline; switch it on line",
    "busy": "it is busy with another's page; wait for that",
}
"""What a printer tells before it takes anything, by the fault it has."""

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
        """Write the page as it comes: in two halves, with a rest where a fault says so."""
        sent = 0
        try:
            _rest(slow, "before")
            descriptor = self._new_file(reference, kind)
            try:
                for end in (len(page) // 2, len(page)):
                    while sent < end:
                        sent += os.write(descriptor, page[sent:end])
                    _rest(slow, "during" if sent < len(page) else "after")
            finally:
                os.close(descriptor)
        except OSError as error:
            raise PrinterFailed(
                f"{self._directory}: {error.strerror}",
                sent=sent,
                where=reference,
                next="make room, then reprint",
            ) from error

    def _new_file(self, reference: str, kind: str) -> int:
        for count in itertools.count(1):
            name = f"{reference}.{kind}" if count == 1 else f"{reference}-{count}.{kind}"
            try:
                return os.open(self._directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
        raise AssertionError("counting has no end")


def _rest(slow: Fault | None, when: str) -> None:
    if slow is not None and slow.when == when:
        time.sleep(slow.seconds or 0)
