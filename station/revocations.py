"""Telling the CA what is to be revoked, and giving out the revocation list that says so."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from batch.audit.log import log
from batch.model.errors import Refused
from batch.model.events import Event
from batch.production.revocation import carry_out
from batch.store.database import Records
from batch.store.revocations import waiting
from drivers.errors import DriverError
from drivers.process import Child, harden
from station.errors import ConfigurationError, StationError
from station.wiring import Desk

if TYPE_CHECKING:
    from cryptography.x509 import CertificateRevocationList

PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds after which a CA that is away is asked again by `station ca crl`."""

_ANSWER = 60.0


@dataclass(frozen=True)
class Told:
    """What came of it: certificates revoked, requests that wait for the CA and why they do, what the CA will
    not revoke, and the file the new list was written to, None where none is configured or nothing is new.
    """

    revoked: int = 0
    waiting: int = 0
    reason: str | None = None
    refused: tuple[str, ...] = ()
    published: Path | None = None


def tell_ca(desk: Desk, records: Records, operator: str) -> Told:
    """Have revoked what waits, and the new list published at once where one is configured (R23).

    A CA that is away, or whose PIN is not at hand, leaves it waiting on record; nothing is raised.
    """
    requests = len(waiting(records))
    if not requests:
        return Told()
    try:
        with desk.authority() as authority:
            done = carry_out(records, authority, operator)
            told = Told(done.revoked, done.waiting, done.reason, done.refused)
            if not done.revoked or desk.crl_file is None:
                return told
            try:
                publish(desk, records, authority, operator)
            except (StationError, DriverError) as error:
                return Told(done.revoked, done.waiting, str(error), done.refused)
    except StationError as error:
        return Told(0, requests, str(error))
    return Told(done.revoked, done.waiting, done.reason, done.refused, desk.crl_file)


def publish(desk: Desk, records: Records, authority: Child, operator: str) -> CertificateRevocationList:
    """A new revocation list, which is written (DER) where the configuration says; raises `DriverError`."""
    from cryptography.x509 import load_der_x509_crl

    der = authority.ask("crl", datetime.now(UTC), timeout=_ANSWER)
    issued = load_der_x509_crl(der)
    with records.transaction():
        log(records, Event("crl.issued", operator, detail={"revoked": len(issued)}))
    if desk.crl_file is not None:
        _write(desk.crl_file, der)
    return issued


def again(records: Records, authority: Child, operator: str, pauses: Sequence[float] = PAUSES) -> Told:
    """Have revoked what waits, a CA that is away being asked again after each of these pauses (seconds)."""
    done = carry_out(records, authority, operator, pauses)
    return Told(done.revoked, done.waiting, done.reason, done.refused)


def settle(
    records: Records, authority: Child, operator: str, request: str, certificate: Path | None
) -> str | None:
    """Say what became of a request that is unclear: its certificate (PEM or DER), or that there is none.

    Its serial number in hex digits; raises `CaRefused` where it does not fit, and `CaUnavailable`.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from batch.production.certificates import serial_number
    from drivers.foreign_certificates import UNREADABLE

    der = None
    if certificate is not None:
        given = certificate.read_bytes()
        try:
            pem = given.lstrip().startswith(b"-----BEGIN")
            load = x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate
            der = load(given).public_bytes(Encoding.DER)
        except UNREADABLE as error:
            what = f"it holds no certificate: {error}"
            raise Refused(what, where=str(certificate), next="give it as PEM or DER") from error
    serial = serial_number(der) if der is not None else None
    # So that the records wait for no network.
    authority.ask("chain", timeout=_ANSWER)
    with records.transaction():
        log(records, Event("ca.settled", operator, detail={"request": request, "serial": serial}))
        authority.ask("settle", request, der, timeout=_ANSWER)
    return serial


@contextmanager
def code_check(desk: Desk) -> Iterator[Callable[[str | None], bool]]:
    """Asks for a revocation code and gives it to a process of its own, which tells whose hash it fits.

    Raises `PinUnavailable`, and `Refused` for a slip of the pen, which costs no try.
    """
    harden()
    code = desk.pins.code("revocation-code", "revocation code")
    child = Child("revocation code", "batch.life.revocation.code_check:CodeCheck", (code,))
    try:
        if not child.ask("plausible", timeout=_ANSWER):
            raise Refused(
                "this is no revocation code: its check character does not fit",
                where="revocation code",
                next="read it from the letter again; nothing was tried",
            )
        yield lambda stored: bool(child.ask("matches", stored, timeout=_ANSWER))
    finally:
        child.close()


def _write(path: Path, content: bytes) -> None:
    """In the place of the file before, whole, for everybody to read."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(new, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.chmod(0o644)
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise ConfigurationError(
            f"the revocation list cannot be written: {error.strerror}",
            where=str(path),
            next="correct `crl_file` in [authority], then `station ca crl`",
        ) from None
