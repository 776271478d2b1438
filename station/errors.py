"""What can go wrong at the desk itself, as one tree.

StationError
├── HomeError            the home is missing, or others can get into it
├── ConfigurationError   station.toml says something that cannot be
├── BackupFault          a backup cannot be made, or does not hold
├── PinUnavailable       a PIN could not be asked for, or its file is open to others
├── ConversationFault    what should lead to a screen leads to none
└── Unanswered           a person would not answer, or was gone
"""

from __future__ import annotations

from drivers.errors import ToldError


class StationError(ToldError):
    """Base of all errors of the desk itself; `where` is a home, a file or a key."""


class HomeError(StationError):
    """The home is missing, or somebody besides its owner can get into it."""


class ConfigurationError(StationError):
    """The configuration names something that is not there or contradicts itself."""


class BackupFault(StationError):
    """A backup cannot be made here, or one that was made does not hold."""


class PinUnavailable(StationError):
    """A PIN could not be asked for, or the file that holds it is open to others."""


class ConversationFault(StationError):
    """The descriptor that should lead to the screen leads to none."""


class Unanswered(StationError):
    """A person declined to answer, or is gone; `where` is the question."""
