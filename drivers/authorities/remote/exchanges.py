"""What was asked of a CA elsewhere and how far that came, as files beside the certificates it gave.

A request is on disk before it leaves, so that a desk that died, or lost the answer, knows that it may have
been answered. Such a request is unclear until a certificate for it is found, or somebody says there is none.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from drivers.authorities.port import CertificateRequest
from drivers.authorities.records import Records
from drivers.errors import CaPending, CaRefused, CaUnavailable, CaUnclear
from drivers.foreign_certificates import load_certificate, load_csr, spki

_FOLDER = "exchanges"
_TIME = "%Y-%m-%d %H:%M:%S"
_SOON = timedelta(seconds=60)
"""So long a lane waits with a token in its reader."""


class Exchange(msgspec.Struct, frozen=True):
    """One request: the SHA-256 of its CSR, its key (SPKI, DER), when it was first and last sent.

    `open`: it left, and what came of it is not on disk. `unclear`: so it was before. `waiting`: the CA has
    it and wants to be asked again. `not_before`: when the CA wants that.
    """

    transaction: str
    csr: str
    public_key: bytes
    first_at: datetime
    last_at: datetime
    open: bool = False
    unclear: bool = False
    waiting: bool = False
    not_before: datetime | None = None

    @property
    def doubtful(self) -> bool:
        """Whether the CA may have issued a certificate that nobody here has."""
        return self.open or self.unclear


def doubtful(directory: Path) -> tuple[Exchange, ...]:
    """Those in a CA's `directory` that it may have answered, and no certificate is here; oldest first."""
    records, found = Records(directory), map(_read, (directory / _FOLDER).glob("*.json"))
    there = [one for one in found if one and one.doubtful and records.issued(one.transaction) is None]
    return tuple(sorted(there, key=lambda one: one.first_at))


class Exchanges:
    """The exchanges of one CA under its `directory`; raises `CaUnavailable` where the disk does not do."""

    def __init__(
        self, directory: Path, where: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.records = Records(directory)
        self._folder, self._where, self._clock = directory / _FOLDER, where, clock
        self.records.prepare()
        self._folder.mkdir(mode=0o700, exist_ok=True)

    def answer(self, request: CertificateRequest) -> bytes | None:
        """The certificate (DER) that a request was answered with; raises `CaRefused` for another CSR."""
        self._same(request)
        return self.records.issued(request.transaction)

    def of(self, transaction: str) -> Exchange | None:
        """The exchange of a transaction, None where nothing of it ever left."""
        return _read(self._file(transaction))

    def due(self, transaction: str) -> None:
        """Raises `CaUnavailable` where the CA wants to be asked later, `CaPending` where that is not soon."""
        self.due_soon(transaction)
        self._wait(transaction, timedelta(), CaUnavailable)

    def due_soon(self, transaction: str) -> None:
        """Raises `CaPending` where the CA wants to be asked so much later that nobody waits for it."""
        self._wait(transaction, _SOON, CaPending)

    def with_key(self, public_key: bytes) -> tuple[str, ...]:
        """The transactions that were ever asked for with a key (SPKI, DER)."""
        try:
            return msgspec.json.decode(self._of_key(public_key).read_bytes(), type=tuple[str, ...])
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.MsgspecError) as error:
            what = f"what was asked of the CA cannot be read: {error}"
            raise CaUnavailable(what, where=str(self._folder), next="restore it from a copy") from error

    def leaving(self, request: CertificateRequest) -> None:
        """The request leaves now: on disk when this returns."""
        before, at = self.of(request.transaction), self._clock()
        key = spki(load_csr(request.csr))
        if request.transaction not in (others := self.with_key(key)):
            name = self._of_key(key).relative_to(self._folder.parent)
            self.records.put(os.fspath(name), msgspec.json.encode((*others, request.transaction)))
        self._put(
            Exchange(
                request.transaction,
                hashlib.sha256(request.csr).hexdigest(),
                key,
                before.first_at if before is not None else at,
                at,
                open=True,
                unclear=before is not None and before.doubtful,
            )
        )

    def came_back(self, transaction: str, *, waiting: bool = False, seconds: float | None = None) -> None:
        """The CA surely did not issue this time; it may want to be asked again after some seconds."""
        before = self._there(transaction)
        not_before = None if seconds is None else self._clock() + timedelta(seconds=seconds)
        self._put(msgspec.structs.replace(before, open=False, waiting=waiting, not_before=not_before))

    def lost(self, transaction: str) -> None:
        """The CA may have issued, and nobody knows."""
        self._put(msgspec.structs.replace(self._there(transaction), open=False, unclear=True))

    def keep(self, transaction: str, public_key: bytes, certificate: bytes) -> bytes:
        """Keep the answer (DER) for good; the one that was first stays."""
        serial = load_certificate(certificate).serial_number
        if self.records.keep_issued(transaction, certificate):
            self.records.index(public_key, serial, transaction)
            return certificate
        kept = self.records.issued(transaction)
        assert kept is not None
        return kept

    def settle(self, transaction: str, certificate: bytes | None) -> None:
        """Somebody looked at the CA: it issued this certificate (DER), or None.

        Raises `CaRefused` where nothing is unclear, or the certificate is for another key.
        """
        exchange = self.of(transaction)
        if exchange is None or not exchange.doubtful or self.records.issued(transaction) is not None:
            raise CaRefused(f"nothing is unclear about {transaction}", where=self._where)
        if certificate is None:
            self._put(msgspec.structs.replace(exchange, open=False, unclear=False, not_before=None))
            return
        try:
            found = load_certificate(certificate)
        except ValueError as error:
            raise CaRefused(f"it is no certificate: {error}", where=transaction) from error
        if spki(found) != exchange.public_key:
            what = "the certificate is for another key than the one that was asked for"
            raise CaRefused(what, where=transaction, next="look for the certificate of this key at the CA")
        self.keep(transaction, exchange.public_key, certificate)

    def unclear(self, transaction: str, why: str) -> CaUnclear:
        """The error for a request that is not sent again."""
        return CaUnclear(
            f"the CA may have issued a certificate for {transaction}: {why}",
            where=self._where,
            next=f"ask who runs the CA, then `station ca settle {transaction}`: the certificate, or --none",
        )

    def _wait(self, transaction: str, longest: timedelta, kind: type[CaUnavailable]) -> None:
        before = self.of(transaction)
        if before is None or before.not_before is None or self._clock() + longest >= before.not_before:
            return
        told = f"the CA wants to be asked for {transaction} again after {before.not_before:{_TIME}} UTC"
        raise kind(told, where=self._where, next="its token waits; go on with the same command then")

    def _same(self, request: CertificateRequest) -> None:
        before = self.of(request.transaction)
        if before is not None and before.csr != hashlib.sha256(request.csr).hexdigest():
            what = f"transaction {request.transaction} was asked for with another CSR"
            raise CaRefused(what, where=self._where, next="use the certificate issued for that, or revoke it")

    def _there(self, transaction: str) -> Exchange:
        exchange = self.of(transaction)
        assert exchange is not None, "it left before"
        return exchange

    def _put(self, exchange: Exchange) -> None:
        name = self._file(exchange.transaction).relative_to(self._folder.parent)
        self.records.put(os.fspath(name), msgspec.json.encode(exchange))

    def _of_key(self, public_key: bytes) -> Path:
        return self._folder / f"{hashlib.sha256(public_key).hexdigest()}.key"

    def _file(self, transaction: str) -> Path:
        return self._folder / f"{hashlib.sha256(transaction.encode()).hexdigest()}.json"


def _read(path: Path) -> Exchange | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Exchange)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        what = f"what was asked of the CA cannot be read: {error}"
        raise CaUnavailable(what, where=str(path), next="restore it from a copy") from error
