"""The printer port: a page as bytes is streamed to a device and rests nowhere on the way (R10)."""

from __future__ import annotations

from typing import Protocol


class Printer(Protocol):
    """One printer at the desk."""

    def ready(self) -> str | None:
        """None when a page may be sent, else in words what keeps the printer from printing."""
        ...

    def print_page(self, page: bytes, reference: str) -> None:
        """Stream one letter (PDF) to the device; `reference` is its control number, never a code.

        Raises `PrinterFailed`; what was sent by then is unknown to have been printed (R12).
        """
        ...

    def close(self) -> None:
        """Let go of the device."""
        ...
