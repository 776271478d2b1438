"""What is found out about an order before it is decided on, and what its subscriber is told of it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


class Level(enum.StrEnum):
    """How a finding weighs: REFUSING keeps an order from being approved."""

    OK = "ok"
    WARNING = "warning"
    REFUSING = "refusing"


@dataclass(frozen=True)
class Finding:
    """One point of an assessment: `check` names it, `what` was found and what to do `next`.

    Names nobody: persons are told by their number. `inputs`: what it was found from, by which a later change
    is noticed.
    """

    check: str
    level: Level
    what: str
    next: str = ""
    inputs: str = ""


@dataclass(frozen=True)
class Assessment:
    """All that was found of an order, by whom and when; `digest` is over order and inputs, hexadecimal."""

    findings: tuple[Finding, ...]
    digest: str
    operator: str
    at: datetime

    @property
    def refusing(self) -> tuple[Finding, ...]:
        """What keeps the order from being approved."""
        return tuple(one for one in self.findings if one.level is Level.REFUSING)

    @property
    def warnings(self) -> int:
        """How many findings a person should look at."""
        return sum(one.level is Level.WARNING for one in self.findings)


class SignatureResult(enum.StrEnum):
    """What became of the signature of an order file. A wrong one is taken in by nobody, so it is not here."""

    VERIFIED = "verified"
    UNVERIFIABLE = "not verifiable"


@dataclass(frozen=True)
class OrderSignature:
    """The signature of an order file as it was found at its import.

    `person`: the registered number of who signed; `certificate`: SHA-256 (hexadecimal) of theirs, both None
    where not verifiable, and `reason` tells why. `signed_at` is what the signer says. `cms` is the message
    without the file, DER.
    """

    result: SignatureResult
    person: str | None
    certificate: str | None
    signed_at: datetime | None
    reason: str
    cms: bytes = field(repr=False)

    def facts(self) -> Mapping[str, object]:
        """The result as plain values, without the message."""
        return {
            "result": str(self.result),
            "person": self.person,
            "certificate": self.certificate,
            "signed_at": self.signed_at.isoformat(timespec="seconds") if self.signed_at else None,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class NoticeRecord:
    """A notice that was written for a subscriber; `sha256` (hexadecimal) is of a salt and its text."""

    kind: str
    language: str
    sha256: str
    operator: str
    at: datetime
