"""The port of a CA that is reached by files: a bundle of requests out, certificates and revocation lists in.

Its driver carries out `drivers.authorities.port.CertificateAuthority` as well, and gives `CaPending` to what
the CA has not answered.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from drivers.authorities.port import CertificateTemplate

LARGEST = 32_000_000
"""Bytes of all files that are taken in at once, as they are and unpacked."""


@dataclass(frozen=True)
class Outstanding:
    """A request that the CA has not answered: since when, and the numbers of the bundles it went out in."""

    transaction: str
    asked_at: datetime
    bundles: tuple[int, ...]


@dataclass(frozen=True)
class Bundle:
    """Files for the CA as one archive (zip).

    `requests` are the transactions in it, `withdrawn` those it went out with before that nobody wants any
    more; `revocations` counts the certificates to be revoked. `signer` is the certificate (DER) whose key
    signed the manifest.
    """

    number: int
    content: bytes
    requests: tuple[str, ...]
    withdrawn: tuple[str, ...]
    revocations: int
    signer: bytes


class Standing(enum.StrEnum):
    """What something in the CA's files is to this desk.

    MATCHED: for the key of a request that waits. KNOWN: taken in before, or twice in these files. SECOND:
    another one for a key that was answered. UNKNOWN: for no key of this desk. OWN: the CA's certificate.
    FOREIGN: not signed by the CA. CRL: a newer revocation list of the CA; OLD_CRL: one that is not newer.
    """

    MATCHED = "matched"
    KNOWN = "known"
    SECOND = "second"
    UNKNOWN = "unknown"
    OWN = "ca-certificate"
    FOREIGN = "foreign"
    UNREADABLE = "unreadable"
    CRL = "crl"
    OLD_CRL = "old-crl"


@dataclass(frozen=True)
class Found:
    """One thing in the CA's files: `where` it stands, and why where it is unreadable.

    `content` is a certificate or revocation list (DER). `transaction` and `template` are those of the request
    its key belongs to, `public_key` is SPKI (DER).
    """

    where: str
    standing: Standing
    detail: str = ""
    content: bytes = b""
    transaction: str | None = None
    template: CertificateTemplate | None = None
    public_key: bytes | None = None


class ByFiles(Protocol):
    """What the driver of a CA that is reached by files does besides; raises `CaRefused`, `CaUnavailable`."""

    def outstanding(self) -> tuple[Outstanding, ...]:
        """The requests that wait for certificates, the oldest first."""
        ...

    def withdraw(self, transactions: tuple[str, ...]) -> None:
        """Nobody wants these certificates any more: what was in no bundle yet never will be."""
        ...

    def pack(self, at: datetime, withdrawn: tuple[str, ...], again: bool) -> Bundle | None:
        """A bundle of what was in none yet, or with `again` of all that waits; None where that is nothing."""
        ...

    def examine(self, files: tuple[tuple[str, bytes], ...]) -> tuple[Found, ...]:
        """What files (name, content) from the CA hold, in PKCS#7, PEM, DER or zip; nothing is kept."""
        ...

    def keep(self, transaction: str, certificate: bytes, answers: bool) -> None:
        """Keep a certificate (DER) for good: as the answer to a request, or as one more for its key."""
        ...

    def is_newer(self, crl: bytes) -> bool:
        """Whether a revocation list (DER) is the CA's, and newer than the one that is kept."""
        ...

    def keep_crl(self, crl: bytes) -> None:
        """Keep a revocation list (DER) in the place of the one before."""
        ...
