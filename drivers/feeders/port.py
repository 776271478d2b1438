"""The feeder port, as a lane's loop sees it: next, good, reject."""

from __future__ import annotations

import enum
from typing import Protocol


class Tray(enum.StrEnum):
    """Where a token goes that leaves its reader. WAITING: it comes back when the CA has answered."""

    GOOD = "good"
    WAITING = "waiting"
    QUARANTINE = "quarantine"


class Feeder(Protocol):
    """Feeds one seat. Calls return at once; the reader itself tells when a token has come or gone."""

    @property
    def by_hand(self) -> bool:
        """Whether a person moves the tokens, who reads on the screen what to do and may be asked again."""
        ...

    def ready(self) -> str | None:
        """None when it could feed, else in words what keeps it from feeding; nothing is moved."""
        ...

    def feed(self, seat: str) -> None:
        """Ask for the next token in the reader of `seat`, which is empty; asked again until one has come.

        Raises `FeederFailed`, and `FeederEmpty` where no blank is left.
        """
        ...

    def take(self, seat: str, tray: Tray, note: str) -> None:
        """Ask for the token to be taken out and put in `tray`; `note` goes on its envelope."""
        ...

    def moving(self, seat: str) -> bool:
        """Whether a machine is still at what it was asked for, until the reader has `settled` it as well.

        Raises `FeederFailed` where it failed, took too long, or the reader never told of it, and
        `FeederEmpty`; once for each.
        """
        ...

    def settled(self, seat: str) -> None:
        """The reader tells that a token has come, or gone."""
        ...


class OperatorFeeder(Protocol):
    """Feeds the operators' seat, as a feeder of the group `station.feeders` may."""

    def present(self, operator: str) -> None:
        """Ask for the token of this operator in the operators' seat."""
        ...
