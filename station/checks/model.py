"""What one check found."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class State(enum.StrEnum):
    """How it stands; the symbol is the same in words for those who cannot tell colours apart."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"

    @property
    def symbol(self) -> str:
        """One character."""
        return {"ok": "✓", "warn": "!", "fail": "✗"}[self.value]


@dataclass(frozen=True)
class Check:
    """One check: its `name`, how it stands, what was `found`, and how to `mend` it where it is not ok."""

    name: str
    state: State
    found: str
    mend: str | None = None


def ok(name: str, found: str) -> Check:
    """All is well."""
    return Check(name, State.OK, found)


def warn(name: str, found: str, mend: str) -> Check:
    """The desk works, but somebody should know."""
    return Check(name, State.WARN, found, mend)


def fail(name: str, found: str, mend: str) -> Check:
    """The desk cannot do its work."""
    return Check(name, State.FAIL, found, mend)
