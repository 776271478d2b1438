"""What the desk must never forget of an offline CA, as files: requests, bundles, answers, revocations."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from drivers.authorities.port import CertificateRequest
from drivers.authorities.records import Records
from drivers.errors import CaUnavailable

FOLDER = "offline"
"""Below the directory of the desk's CA, so that an embedded one may have been there before."""

_BUNDLES, _SIGNER = "bundles.jsonl", "signer.der"


@dataclass(frozen=True)
class Asked:
    """A request with the moment it was made and the key it is for (SPKI, DER)."""

    request: CertificateRequest
    asked_at: datetime
    public_key: bytes


class Sent(msgspec.Struct, frozen=True):
    """One bundle that left: its number, when, the SHA-256 of its manifest, the transactions in it."""

    number: int
    at: datetime
    manifest: str
    transactions: tuple[str, ...]


class Requests(Records):
    """The files of one offline CA under `directory`; raises `CaUnavailable` where the disk does not do."""

    def prepare(self) -> None:
        super().prepare()
        with self._disk():
            for name in ("asked", "waiting"):
                (self._directory / name).mkdir(mode=0o700, exist_ok=True)

    def ask(self, asked: Asked) -> None:
        """Keep a request that waits, on disk when this returns; one that is kept already stays."""
        content = msgspec.json.encode(asked)
        self._keep(self._file("asked", asked.request.transaction), content)
        # Whoever asked before may have died here, and what waits is what will leave.
        self._keep(self._file("waiting", asked.request.transaction), content)

    def wait_again(self, name: str) -> None:
        """Let a request wait that was put back under its file name."""
        content = self._content(self._directory / name)
        if content is not None:
            self._keep(self._directory / "waiting" / Path(name).name, content)

    def asked(self, transaction: str) -> Asked | None:
        """The request of a transaction, answered or not."""
        content = self._content(self._file("asked", transaction))
        return None if content is None else self._request(content, transaction)

    def waiting(self) -> tuple[Asked, ...]:
        """All requests that wait, the oldest first."""
        return tuple(sorted(self._waiting(), key=lambda one: (one.asked_at, one.request.transaction)))

    def end(self, transaction: str) -> None:
        """A request waits no more: it was answered, or withdrawn before it left."""
        with self._disk():
            self._file("waiting", transaction).unlink(missing_ok=True)

    def transaction_of(self, public_key: bytes) -> str | None:
        """The transaction a key (SPKI, DER) was asked for under, the last of several, None if under none."""
        with self._disk():
            paths = list((self._directory / "asked").glob("*.json"))
        every = (self._request(path.read_bytes(), path.name) for path in paths)
        mine = [one for one in every if one.public_key == public_key]
        return max(mine, key=lambda one: one.asked_at).request.transaction if mine else None

    def signer(self) -> bytes | None:
        """The certificate (DER) that bundles are signed with."""
        return self._content(self._directory / _SIGNER)

    def keep_signer(self, certificate: bytes) -> bytes:
        """Keep that certificate for good; the one that is kept, which may be another process's."""
        self._keep(self._directory / _SIGNER, certificate)
        return self.signer() or certificate

    def sent(self) -> tuple[Sent, ...]:
        """All bundles that left, in their order."""
        content = self._content(self._directory / _BUNDLES) or b""
        try:
            # A last line that is not whole is of a process that was killed; its bundle never left.
            return tuple(msgspec.json.decode(line, type=Sent) for line in content.split(b"\n")[:-1])
        except msgspec.DecodeError as error:
            what = f"the list of bundles is damaged: {error}"
            raise CaUnavailable(what, where=self.where, next=f"restore {_BUNDLES}") from error

    def send(self, one: Sent) -> None:
        """Put a bundle on record, on disk when this returns; call it under `alone`."""
        lines = [msgspec.json.encode(each) + b"\n" for each in (*self.sent(), one)]
        self.put(_BUNDLES, b"".join(lines))

    def _waiting(self) -> Iterator[Asked]:
        with self._disk():
            paths = list((self._directory / "waiting").glob("*.json"))
        for path in paths:
            content = self._content(path)
            # Whoever took in its answer may have died before this.
            if content is not None:
                asked = self._request(content, path.name)
                if self.issued(asked.request.transaction) is None:
                    yield asked

    def _request(self, content: bytes, name: str) -> Asked:
        try:
            return msgspec.json.decode(content, type=Asked)
        except msgspec.DecodeError as error:
            what = f"the request {name} is damaged: {error}"
            raise CaUnavailable(what, where=self.where, next="restore it from a backup") from error

    def _file(self, folder: str, transaction: str) -> Path:
        return self._directory / folder / f"{hashlib.sha256(transaction.encode()).hexdigest()}.json"
