"""Operators of the desk, their roles, and what they sign."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class Role(enum.StrEnum):
    """What somebody may do at this desk; the table of acts is `batch.people.separation.RULES`."""

    ORDER_OFFICER = "order-officer"
    APPROVER = "approver"
    PERSONALISER = "personaliser"
    PIN_OFFICER = "pin-officer"
    DISPATCHER = "dispatcher"
    REVOCATION_OFFICER = "revocation-officer"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Means(enum.StrEnum):
    """Where an operator's keys are: in a token of their own, or encrypted under their passphrase."""

    TOKEN = "token"  # noqa: S105
    PASSPHRASE = "passphrase"  # noqa: S105


@dataclass(frozen=True)
class Operator:
    """Somebody who works here.

    `key` signs and `agreement` (P-256) opens what is sealed to the operator, both SPKI (DER). `certificate`
    (DER) is that of the signing key, None for a passphrase. `since` and `until` bound when signatures count,
    `until` None for as long as the certificate is valid.
    """

    name: str
    roles: frozenset[Role]
    means: Means
    key: bytes
    agreement: bytes | None
    certificate: bytes | None
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class Signature:
    """An operator's signature over a statement's text."""

    operator: str
    value: bytes


@dataclass(frozen=True)
class Signed:
    """A statement's canonical text and who signed it, in the order in which they did."""

    text: bytes
    signatures: tuple[Signature, ...] = ()

    @property
    def signers(self) -> tuple[str, ...]:
        """The names of those who signed."""
        return tuple(signature.operator for signature in self.signatures)
