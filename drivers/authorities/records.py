"""What the embedded CA must never forget, as files: certificates by transaction, revocations, the last CRL.

Several processes may use one directory: a lane's CA issues while another revokes.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drivers.authorities.port import Reason
from drivers.errors import CaUnavailable

_SERIALS, _LEARNING = "by-serial", "by-serial.new"


@dataclass(frozen=True)
class Revocation:
    """One line of the ledger: serial number, when and why."""

    serial: int
    at: datetime
    reason: Reason


class Records:
    """The files of one CA under `directory`; raises `CaUnavailable` where the disk does not do as told."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._revoked: dict[int, Revocation] = {}
        self._read = 0

    @property
    def where(self) -> str:
        return str(self._directory)

    def prepare(self) -> None:
        """Make the directories, for their owner only."""
        with self._disk():
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for first in range(256):
                (self._directory / "issued" / f"{first:02x}").mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync(self._directory / "issued")
            _sync(self._directory)

    def certificate(self) -> bytes | None:
        """The CA's own certificate (DER)."""
        return self._content(self._directory / "ca.der")

    def keep_certificate(self, certificate: bytes) -> bool:
        """Keep the CA's own certificate for good; False where there is one."""
        return self._keep(self._directory / "ca.der", certificate)

    def issued(self, transaction: str) -> bytes | None:
        """The certificate (DER) of a transaction."""
        return self._content(self._place(transaction))

    def keep_issued(self, transaction: str, certificate: bytes) -> bool:
        """Keep a transaction's certificate for good, on disk when this returns; False where there is one."""
        return self._keep(self._place(transaction), certificate)

    def index(self, public_key: bytes, serial: int, transaction: str) -> None:
        """Let the certificate of a transaction be found by its key (SPKI, DER) and serial number as well."""
        self.link(public_key, serial, self._place(transaction))

    def link(self, public_key: bytes, serial: int, certificate: Path) -> None:
        """Let the certificate in a file be found by its key (SPKI, DER) and serial number."""
        if self.counts_serials:
            self.link_serial(serial, certificate)
        with self._disk():
            for path in self._by_key(public_key):
                try:
                    os.link(certificate, path)
                except FileExistsError:
                    if not path.samefile(certificate):
                        continue
                return

    @property
    def counts_serials(self) -> bool:
        """Whether serial numbers can be looked up: a CA that is older learns them once."""
        return (self._directory / _SERIALS).is_dir()

    def learn_serials(self, serial_of: Callable[[bytes], int]) -> None:
        """Let every certificate be found by its serial number."""
        with self._disk():
            for path in self._directory.glob("issued/*/*.der"):
                self.link_serial(serial_of(path.read_bytes()), path, _LEARNING)
            (self._directory / _LEARNING).mkdir(mode=0o700, exist_ok=True)
            # Whole or not at all; where another process was faster, its is as good.
            with suppress(OSError):
                (self._directory / _LEARNING).rename(self._directory / _SERIALS)

    def link_serial(self, serial: int, certificate: Path, folder: str = _SERIALS) -> None:
        """Let the certificate in a file be found by its serial number alone."""
        with self._disk():
            path = self._directory / folder / f"{serial:x}"[-2:] / f"{serial:x}.der"
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileExistsError):
                os.link(certificate, path)

    def gave(self, serial: int) -> bool:
        """Whether a certificate of that serial number was issued."""
        return (self._directory / _SERIALS / f"{serial:x}"[-2:] / f"{serial:x}.der").exists()

    def issued_for(self, public_key: bytes) -> tuple[bytes, ...]:
        """The certificates (DER) of a key (SPKI, DER), in the order they were issued."""
        found: list[bytes] = []
        with self._disk():
            for path in self._by_key(public_key):
                content = self._content(path)
                if content is None:
                    break
                found.append(content)
        return tuple(found)

    def last_crl(self) -> bytes | None:
        """The CRL (DER) given out last."""
        return self._content(self._directory / "crl.der")

    def keep_crl(self, crl: bytes) -> None:
        """Put a CRL in the place of the last, on disk when this returns; call it under `alone`."""
        with self._disk():
            temporary = self._written(self._directory / "crl.der", crl)
            temporary.rename(self._directory / "crl.der")
            _sync(self._directory)

    def put(self, name: str, content: bytes) -> None:
        """Put a file in the place of another, on disk when this returns; for putting back what was lost."""
        with self._disk():
            path = self._directory / name
            self._written(path, content).rename(path)
            _sync(path.parent)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other processes from revoking and making CRLs meanwhile."""
        with self._disk():
            descriptor = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def revocations(self) -> dict[int, Revocation]:
        """All revocations by serial number, in the order they came; call it under `alone`."""
        ledger = self._directory / "revoked.jsonl"
        with self._disk(), suppress(FileNotFoundError), ledger.open("rb") as file:
            file.seek(self._read)
            for line in file:
                # The last line of a process that was killed while it wrote; nobody was told it was kept.
                if not line.endswith(b"\n"):
                    break
                entry = self._entry(line)
                self._revoked.setdefault(entry.serial, entry)
                self._read += len(line)
        return self._revoked

    def revoke(self, entry: Revocation) -> None:
        """Append to the ledger, on disk when this returns; call it under `alone`, after `revocations`."""
        fields = {"serial": f"{entry.serial:x}", "at": entry.at.isoformat(), "reason": entry.reason.value}
        line = json.dumps(fields).encode() + b"\n"
        ledger = self._directory / "revoked.jsonl"
        with self._disk():
            new = not ledger.exists()
            descriptor = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.truncate(self._read)
                file.seek(self._read)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            if new:
                _sync(self._directory)
        self._revoked[entry.serial] = entry
        self._read += len(line)

    def _entry(self, line: bytes) -> Revocation:
        try:
            fields = json.loads(line)
            at = datetime.fromisoformat(fields["at"])
            return Revocation(int(fields["serial"], 16), at, Reason(fields["reason"]))
        except (ValueError, KeyError, TypeError) as error:
            what = f"the ledger of revocations is damaged at byte {self._read}"
            raise CaUnavailable(what, where=self.where, next="restore revoked.jsonl") from error

    def _place(self, transaction: str) -> Path:
        digest = hashlib.sha256(transaction.encode()).hexdigest()
        return self._directory / "issued" / digest[:2] / f"{digest}.der"

    def _by_key(self, public_key: bytes) -> Iterator[Path]:
        digest = hashlib.sha256(public_key).hexdigest()
        folder = self._directory / "by-key" / digest[:2]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return (folder / f"{digest}-{number}.der" for number in itertools.count(1))

    def _content(self, path: Path) -> bytes | None:
        with self._disk():
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def _keep(self, path: Path, content: bytes) -> bool:
        with self._disk():
            temporary = self._written(path, content)
            try:
                # A link, because it fails where a rename would replace.
                os.link(temporary, path)
            except FileExistsError:
                return False
            finally:
                temporary.unlink()
            _sync(path.parent)
        return True

    def _written(self, path: Path, content: bytes) -> Path:
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return temporary

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"{error.strerror or error}: {error.filename or ''}".rstrip(": ")
            raise CaUnavailable(
                what, where=self.where, next="mend the disk; nothing was given out"
            ) from error


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
