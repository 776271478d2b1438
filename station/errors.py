"""What can go wrong at the desk itself, as one tree.

StationError
├── HomeError            the home is missing, or others can get into it
├── ConfigurationError   station.toml says something that cannot be
└── PinUnavailable       a PIN could not be asked for, or its file is open to others
"""

from __future__ import annotations


class StationError(Exception):
    """Base: `what` happened, `where` (home, file, key), what to do `next`."""

    def __init__(self, what: str, *, where: str | None = None, next: str | None = None) -> None:
        super().__init__(what, where, next)
        self.what, self.where, self.next = what, where, next

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}; {self.next}" if self.next else text


class HomeError(StationError):
    """The home is missing, or somebody besides its owner can get into it."""


class ConfigurationError(StationError):
    """The configuration names something that is not there or contradicts itself."""


class PinUnavailable(StationError):
    """A PIN could not be asked for, or the file that holds it is open to others."""
