"""The files of one CMP transaction: its request, and what came back, by which whoever died goes on with it.

RFC 9810 §5.1.1: a transaction ID holds for all its messages.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from drivers.authorities.remote.cmp_messages import WAITING, Body, Message, read
from drivers.errors import CaUnavailable

REQUEST = "request.der"
_CSR, _LABEL, _FINAL = "csr.der", "label", "final.der"
_WAITING, _POLLED, _LOCK = "waiting.der", "polled.der", "lock"

_MESSAGES = 1000
"""Answers of one run that are kept; what is polled once a second has far fewer."""

LONG = 60
"""Seconds: a CA that wants to be polled later than that is asked again by the next production."""


class Transaction:
    """The directory of one transaction while nobody else works in it."""

    def __init__(self, folder: Path, lock: int) -> None:
        self.folder, self.lock = folder, lock
        self.sort()

    @property
    def begun(self) -> bool:
        """Whether there is a request that may have left."""
        return (self.folder / REQUEST).exists()

    @property
    def label(self) -> str:
        """Where at the server it is asked for."""
        return (self.folder / _LABEL).read_text()

    def begin(self, csr: bytes, label: str) -> None:
        """A new one, of which nothing left yet."""
        self.end()
        (self.folder / _CSR).write_bytes(csr)
        (self.folder / _LABEL).write_text(label)

    def csr(self) -> bytes:
        """The CSR (DER) it is about."""
        return (self.folder / _CSR).read_bytes()

    def end(self) -> None:
        """Forget it: it came to its end, or nothing of it ever left."""
        for path in self.folder.iterdir():
            if path.name != _LOCK:
                path.unlink()

    def sort(self) -> None:
        """Name what a run left by what it is; once more where that was cut short."""
        certified = False
        for path in sorted(self.folder.glob("r0*.der")):
            message = _read(path)
            if certified:
                # What follows a certificate is about its confirmation.
                path.unlink()
            elif message is None:
                path.rename(self.folder / f"unread-{path.name}")
            else:
                certified = message.certificate is not None
                path.rename(self.folder / _name(message))
        _sync(self.folder)

    def message(self, name: str = _FINAL) -> Message | None:
        """What came last, None where nothing did, or nothing that can be read."""
        return _read(self.folder / name)

    def forget_answer(self) -> None:
        """An answer that is not to be believed is as none."""
        (self.folder / _FINAL).unlink(missing_ok=True)

    @property
    def waits(self) -> bool:
        """Whether the CA said that it has the request and wants to be polled (§5.3.22)."""
        return (self.folder / _WAITING).exists()

    def check_after(self) -> float:
        """When the CA wants to be polled again, in seconds from its last answer."""
        polled = self.message(_POLLED)
        return float(polled.check_after or 0) if polled is not None else 0.0

    def sleeps(self) -> bool:
        """Whether a run waits for as long as nobody waits here."""
        found = (_read(path) for path in self.folder.glob("r0*.der"))
        told = sum(one is not None and (one.check_after or 0) >= LONG for one in found)
        # The last answer of the run before is played again, and says so, too.
        return told > (self.check_after() >= LONG)

    def answers(self) -> list[str]:
        """The answers to go on from, by name; openssl takes them for received."""
        names = [_FINAL] if (self.folder / _FINAL).exists() else [_WAITING, _POLLED]
        return [name for name in names if (self.folder / name).exists()]

    def enrolling(self, *, answers: bool = True) -> list[str]:
        """The options of every run that is about the CSR; without `answers` those that come are not kept."""
        names = ",".join(f"r{number:04}.der" for number in range(_MESSAGES))
        kept = ["-rspout", names] if answers else []
        return ["-cmd", "p10cr", "-csr", _CSR, *kept, "-certout", "certificate.pem"]


@contextmanager
def alone(folder: Path, where: str) -> Iterator[Transaction]:
    """A transaction's directory for one process; raises `CaUnavailable` while another works in it.

    openssl keeps the lock of a desk that died, for as long as it goes on with what it was about.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            what = "this request is under way to the CA, asked by another process of this desk"
            raise CaUnavailable(what, where=where, next="ask again in a minute") from None
        yield Transaction(folder, lock)
    finally:
        os.close(lock)


def _read(path: Path) -> Message | None:
    try:
        return read(path.read_bytes())
    except (OSError, ValueError):
        return None


def _name(message: Message) -> str:
    if message.body is Body.POLL_REP:
        return _POLLED
    return _WAITING if message.status == WAITING and message.certificate is None else _FINAL


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
