"""What is due: things a role must do by some day, as every part of a token's life tells them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from batch.model.people import Role


@dataclass(frozen=True)
class Duty:
    """One thing to do: which role, what in words, about which token, parcel, order or loan, by which day.

    `command` does it, or shows how. `overdue` by the day that was asked for.
    """

    role: Role
    what: str
    about: str
    by: date
    command: str

    def overdue(self, on: date) -> bool:
        """Whether its day is over."""
        return self.by < on
