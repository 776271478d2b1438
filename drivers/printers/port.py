"""The printer port: a page as bytes is streamed to a device and rests nowhere on the way (R10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from drivers.pages import PageFormat


@dataclass(frozen=True)
class Sent:
    """What left for a printer with one page; that it was printed nobody knows by that (R12)."""

    octets: int
    lines: int


def takes(printer: Printer) -> PageFormat:
    """The form a printer wants its pages in; PDF where it does not say (`takes`)."""
    return PageFormat(getattr(printer, "takes", PageFormat.PDF))


class Printer(Protocol):
    """One printer at the desk; see `takes` for what it may tell besides."""

    def ready(self) -> str | None:
        """None when a page may be sent, else in words what keeps the printer from printing."""
        ...

    def print_page(self, page: bytes, reference: str) -> Sent | None:
        """Stream one letter to the device; `reference` is its control number, never a code.

        Returns what left, None where that is not counted.
        Raises `PrinterFailed`; what was sent by then is unknown to have been printed (R12).
        """
        ...

    def close(self) -> None:
        """Let go of the device."""
        ...
