"""The CA port: a finished certificate template and a CSR in, a certificate out.

`batch` makes the template from a profile; a CA driver adds nothing to it and decides nothing.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from drivers.secret import Secret


class KeyUsage(enum.StrEnum):
    """Bits of RFC 5280 §4.2.1.3, by the names of that section."""

    DIGITAL_SIGNATURE = "digitalSignature"
    NON_REPUDIATION = "nonRepudiation"
    KEY_ENCIPHERMENT = "keyEncipherment"
    DATA_ENCIPHERMENT = "dataEncipherment"
    KEY_AGREEMENT = "keyAgreement"


class Reason(enum.StrEnum):
    """Revocation reasons of RFC 5280 §5.3.1."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"


@dataclass(frozen=True)
class CertificateTemplate:
    """All that shall stand in a certificate besides key, issuer and serial number.

    `subject`: (dotted OID, value) in the order of the DN, each its own RDN. `extended_usage` and
    `policies`: dotted OIDs. `emails` and `uris`: subject alternative names. `profile` is the name of the
    certificate profile it was made from, which a CA may know under a name of its own.
    """

    subject: tuple[tuple[str, str], ...]
    key_usage: frozenset[KeyUsage]
    not_before: datetime
    not_after: datetime
    extended_usage: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    profile: str = ""


@dataclass(frozen=True)
class CertificateRequest:
    """One request; `transaction` names it for good, so that a lost answer is found and never issued twice.

    `renews` is the certificate (DER) whose place it takes on the same token, None for a first one.
    """

    transaction: str
    csr: bytes
    template: CertificateTemplate
    renews: bytes | None = None


@dataclass(frozen=True)
class Provision:
    """What the desk gives every CA driver beside its options: a key token of its own and a directory.

    `module` (file) and `token` (label) are those of `[keys.ca]`, which `pin` opens. `directory` is the
    driver's alone, for what it must never forget.
    """

    module: str
    token: str
    pin: Secret
    directory: Path


class CertificateAuthority(Protocol):
    """What every CA driver can do; raises `CaRefused` or `CaUnavailable`.

    `CaUnclear` is for a request of which nobody here can tell whether it was answered.

    A driver is made of its options and a `Provision`.
    """

    def issue(self, request: CertificateRequest) -> bytes:
        """The certificate (DER) for a request; the same one again for the same transaction.

        Raises `CaPending` where the request is kept for good and will be answered in hours or days.
        Checks the CSR's self-signature, the proof of possession (REG-6.3.1).
        """
        ...

    def find(self, transaction: str) -> bytes | None:
        """The certificate (DER) issued for a transaction, None where there was none so far."""
        ...

    def issued_for(self, public_key: bytes) -> tuple[bytes, ...]:
        """All certificates (DER) ever issued for a key (SPKI, DER); the desk asked for one at most.

        Raises `Unsupported` where this CA cannot tell.
        """
        ...

    def revoke(self, certificate: bytes, reason: Reason, at: datetime) -> None:
        """Revoke a certificate (DER) for good; the first date and reason stay.

        Raises `CaPending` where that is on its way, until it is done.
        """
        ...

    def crl(self, at: datetime) -> bytes:
        """A new CRL (DER) with all that is revoked by now (RFC 5280 §5)."""
        ...

    def ocsp(self, request: bytes, at: datetime) -> bytes:
        """The response (DER) to an OCSP request (RFC 6960 §4); `Unsupported` where this CA gives none."""
        ...

    def chain(self) -> tuple[bytes, ...]:
        """The CA's own certificates (DER), issuer of leaves first."""
        ...

    def doubtful(self) -> tuple[str, ...]:
        """The transactions that are `CaUnclear`, the oldest first."""
        ...

    def settle(self, transaction: str, certificate: bytes | None) -> None:
        """Somebody asked at the CA what is unclear: it issued this certificate (DER), or none.

        Raises `CaRefused` where nothing is unclear, or the certificate is not the one asked for.
        """
        ...

    def close(self) -> None:
        """Let go of keys and connections."""
        ...
