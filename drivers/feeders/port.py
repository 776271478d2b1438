"""The feeder port, as a lane's loop sees it: next, good, reject."""

from __future__ import annotations

import enum
from typing import Protocol


class Tray(enum.StrEnum):
    """Where a token goes that leaves its reader."""

    GOOD = "good"
    QUARANTINE = "quarantine"


class Feeder(Protocol):
    """Feeds one seat. Calls return at once; the reader itself tells when a token has come or gone."""

    def feed(self, seat: str) -> None:
        """Ask for the next token in the reader of `seat`; does nothing where one is in it."""
        ...

    def take(self, seat: str, tray: Tray, note: str) -> None:
        """Ask for the token to be taken out and put in `tray`; `note` goes on its envelope."""
        ...


class OperatorFeeder(Protocol):
    """Feeds the operators' seat, as a feeder of the group `station.feeders` may."""

    def present(self, operator: str) -> None:
        """Ask for the token of this operator in the operators' seat."""
        ...
