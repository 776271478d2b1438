"""The scanner port: whole scans, as they come."""

from __future__ import annotations

from typing import Protocol


class Scanner(Protocol):
    """One scanner at the desk."""

    def fileno(self) -> int:
        """A descriptor that can be read when something was scanned."""
        ...

    def scans(self) -> list[str]:
        """What was scanned since the last call, without waiting; what is no ASCII is U+FFFD.

        Raises `DeviceFailed` where the scanner is gone.
        """
        ...

    def close(self) -> None:
        """Let go of the device."""
        ...
