"""What a lane is told about the one token it makes, and what it tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from batch.model.codes import Binding
from batch.production.plan import Step
from drivers.authorities.port import CertificateTemplate
from drivers.errors import DriverError
from drivers.tokens import (
    Act,
    Code,
    CodeRules,
    Evidence,
    Initialisation,
    KeySpec,
    Shown,
    SignatureScheme,
    TokenIdentity,
)


@dataclass(frozen=True)
class KeyTask:
    """One key and its certificate: what to make, how it signs, what the certificate shall say."""

    name: str
    spec: KeySpec
    scheme: SignatureScheme
    template: CertificateTemplate


@dataclass(frozen=True)
class CodeTask:
    """How the codes of a token are drawn: lengths in digits, groups and their size for revocation."""

    pin_length: int
    puk_length: int
    revocation_groups: int
    revocation_size: int


@dataclass(frozen=True)
class Assignment:
    """One item as a lane sees it."""

    binding: Binding
    initialisation: Initialisation
    codes: CodeTask
    keys: tuple[KeyTask, ...]
    attestation_required: bool
    diversified: bool = False
    """Whether the admin credential is derived from a diversification key, not drawn (R36)."""

    def key(self, name: str | None) -> KeyTask:
        """The task of a key by its name."""
        return next(task for task in self.keys if task.name == name)


@dataclass(frozen=True)
class StepTask:
    """One step to do; `done` are the names of those before it.

    `in_doubt` where it may have taken place already; `certificates` and `public_keys` (DER) are those on
    record, by key.
    """

    step: Step
    done: frozenset[str]
    in_doubt: bool
    certificates: Mapping[str, bytes]
    public_keys: Mapping[str, bytes]


@dataclass(frozen=True)
class LaneFacts:
    """What a lane's driver is like."""

    sequence: tuple[Act, ...]
    rules: CodeRules


@dataclass(frozen=True)
class KeyMade:
    """A key that was made on the token: SPKI and CSR as DER, and the evidence (R31)."""

    public_key: bytes
    evidence: Evidence
    csr: bytes


@dataclass(frozen=True)
class Verified:
    """What read-back found: the token's identity; all of it held, or an error was raised instead.

    `revocation_hash` is Argon2id in PHC form (R21); it comes last because it takes as long as a token.
    """

    identity: TokenIdentity
    keys: tuple[str, ...]
    revocation_hash: str


@dataclass(frozen=True)
class Stepped:
    """How a step in the lane ended, and what became of the codes it showed."""

    outcome: TokenIdentity | KeyMade | Verified | None
    shown: Mapping[Code, Shown]
    error: DriverError | None = None

    def result(self) -> TokenIdentity | KeyMade | Verified | None:
        """The outcome; raises the error the step met."""
        if self.error is not None:
            raise self.error
        return self.outcome
