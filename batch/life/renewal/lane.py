"""A lane that renews the keys of one finished token: the old ones stay until the new are proven.

PIN and admin credential are in this process and nowhere else; it makes no key that was not approved.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from batch.custody.sealing import unwrap
from batch.life.renewal.mandate import RenewalInspector, RenewalMandate, Wanted
from batch.model.codes import Binding
from batch.model.errors import BatchError
from batch.production.assignment import KeyMade, KeyTask, LaneFacts
from batch.production.certificates import build_csr
from batch.production.holding import take_place, take_seat
from batch.production.readback import proves, verify_key
from drivers.errors import DeviceFailed, DriverError, EvidenceMissing, ReadBackFailed, TokenLost
from drivers.registry import find
from drivers.secret import Secret
from drivers.tokens import (
    Beside,
    Code,
    Credentials,
    GeneratedKey,
    Renewed,
    Shown,
    SignatureScheme,
    TokenDriver,
    TokenSession,
    TokenState,
    Tries,
)
from layouts.token import Attestation

_NONE = Secret(b"")

Value = KeyMade | Beside | str | dict[str, bytes] | None


@dataclass(frozen=True)
class Answer:
    """What an act on the token gave, and what became of the codes it showed."""

    value: Value
    shown: Mapping[Code, Shown]
    error: DriverError | None = None


class RenewalLane:
    """One seat's worker for one renewal, served by `drivers.process`."""

    def __init__(
        self, seat: str, driver: str, options: Mapping[str, Any], lock: Path, mandate: RenewalMandate
    ) -> None:
        with _told():
            self._inspector = RenewalInspector(mandate)
        self._seat, self._attest = seat, mandate.layout.attestation is Attestation.REQUIRE
        self._lock = take_seat(seat, lock)
        self._driver: TokenDriver = find("station.tokens", driver)(seat, options)
        self._place = take_place(seat, self._driver.place, lock.parent)
        self._session: TokenSession | None = None
        self._tasks: dict[str, KeyTask] = {}
        self._codes = Credentials(_NONE, _NONE, _NONE)
        self._key: ec.EllipticCurvePrivateKey | None = None

    def describe(self) -> LaneFacts:
        """What this seat's tokens are like."""
        return LaneFacts(tuple(self._driver.sequence), self._driver.rules)

    def look(self, seconds: float) -> TokenState | None:
        """The token in the reader, held from here on; no code is tried. None where none came."""
        deadline = time.monotonic() + seconds
        if not self._driver.await_token(lambda: time.monotonic() >= deadline):
            return None
        self._session = self._driver.connect()
        self._session.allow(Tries(0, 0, 0))
        return self._session.inspect()

    def keeps_old_key(self) -> str | None:
        """Why the token that is held cannot keep an old key, None where it can."""
        return self._held().keeps_old_key()

    def take(self, wanted: Wanted, not_before: datetime) -> None:
        """Verify that this was approved for the token that is held; raises `DriverError` where it was not."""
        serial = self._held().identify().serial
        with _told():
            self._tasks = self._inspector.tasks(wanted, serial, not_before)

    def tasks(self) -> dict[str, KeyTask]:
        """The keys that were approved to be made, by name."""
        return dict(self._tasks)

    def lane_key(self) -> bytes:
        """The public half (SPKI, DER) of a key that lives in this process only."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        return self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def give_admin(self, binding: Binding, for_lane: bytes) -> None:
        """Take the token's admin credential, wrapped to `lane_key`."""
        if self._key is None:
            raise DeviceFailed("no key was asked for to wrap it to", where=self._seat)
        with _told():
            admin = unwrap(for_lane, self._key, binding, "admin")
        self._codes = replace(self._codes, admin=admin)

    def show_codes(self, pin: Secret, admin: bool, left: Tries) -> Answer:
        """Show the holder's PIN once, and the admin credential where it takes one; kept where accepted."""

        def show() -> None:
            session = self._taken()
            session.prove(Code.PIN, pin)
            self._codes = replace(self._codes, pin=pin)
            if admin:
                session.prove(Code.ADMIN, self._codes.admin)

        return self._spending(left, show)

    def places(self, name: str, slot: str, taken: Collection[str], left: Tries) -> Answer:
        """Where the key in a slot is renewed."""
        self._task(name)
        return self._spending(left, lambda: self._taken().beside(slot, taken, self._codes))

    def generate(self, name: str, made_at: str, in_doubt: bool, left: Tries) -> Answer:
        """Make the new key, or take the one that a lost answer left; its evidence and CSR (R31, R28)."""

        def make() -> KeyMade:
            session, task = self._taken(), self._task(name)
            made = self._there(made_at) if in_doubt else None
            made = made or session.generate_beside(task.spec, made_at, self._codes)
            if self._attest and not proves(made.evidence):
                raise EvidenceMissing(
                    f"the token does not prove that key {name} was made on it", where=self._seat
                )
            spec = replace(task.spec, slot=made_at)

            def sign(scheme: SignatureScheme, message: bytes) -> bytes:
                return session.sign(spec, scheme, message, self._codes)

            csr = build_csr(made.public_key, task.template, task.scheme, sign)
            return KeyMade(made.public_key, made.evidence, csr)

        return self._spending(left, make)

    def prove(self, name: str, made_at: str, certificate: bytes, left: Tries) -> Answer:
        """Write the new certificate beside its key, read it back and have the key sign."""

        def load() -> None:
            session, task = self._taken(), self._task(name)
            session.write_certificate(made_at, task.spec.label, certificate, self._codes)
            verify_key(
                session, replace(task, spec=replace(task.spec, slot=made_at)), certificate, self._codes
            )

        return self._spending(left, load)

    def exchange(
        self, name: str, slot: str, places: Beside, old: Renewed, new: Renewed, left: Tries
    ) -> Answer:
        """Let the new key take the old one's place; the new key's slot."""
        with _told():
            self._inspector.check_old(name, old.certificate)

        def take() -> str:
            spec = replace(self._task(name).spec, slot=slot)
            return self._taken().take_place(spec, places, old, new, self._codes)

        return self._spending(left, take)

    def verify(self, keys: Mapping[str, tuple[str, bytes, str, bytes]], left: Tries) -> Answer:
        """New and old keys sign and their certificates are theirs: by name slot and certificate of each.

        The new certificates (DER) as the token has them.
        """

        def look() -> dict[str, bytes]:
            session, read = self._taken(), dict[str, bytes]()
            for name, (slot, certificate, kept_at, former) in keys.items():
                task = self._task(name)
                for at, one in ((slot, certificate), (kept_at, former)):
                    verify_key(session, replace(task, spec=replace(task.spec, slot=at)), one, self._codes)
                found = session.read_certificate(slot)
                if found is None:
                    raise ReadBackFailed(f"certificate {name} is gone", where=self._seat)
                read[name] = found
            return read

        return self._spending(left, look)

    def discard(self, made_at: str, public_key: bytes | None, left: Tries) -> Answer:
        """Destroy a new key that took no place."""
        return self._spending(left, lambda: self._taken().discard(made_at, public_key, self._codes))

    def let_go(self) -> None:
        """Forget the codes, and release the token so that it can be taken out."""
        self._codes, self._tasks, self._key = Credentials(_NONE, _NONE, _NONE), {}, None
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def close(self) -> None:
        """Release token and reader."""
        self.let_go()
        self._driver.close()

    def _there(self, made_at: str) -> GeneratedKey | None:
        session = self._taken()
        public_key = session.public_key(made_at)
        if public_key is None:
            return None
        try:
            return GeneratedKey(made_at, public_key, session.evidence(made_at, self._codes))
        except EvidenceMissing:
            return None

    def _task(self, name: str) -> KeyTask:
        if name not in self._tasks:
            raise DeviceFailed(f"key {name} was not approved to be renewed", where=self._seat)
        return self._tasks[name]

    def _held(self) -> TokenSession:
        if self._session is None:
            raise TokenLost("no token is held", where=self._seat, next="put the token back")
        return self._session

    def _taken(self) -> TokenSession:
        session = self._held()
        if not self._tasks:
            raise DeviceFailed("nothing was approved for this token", where=self._seat)
        return session

    def _spending(self, left: Tries, act: Callable[[], Value]) -> Answer:
        session = self._held()
        session.allow(left)
        try:
            value = act()
        except DriverError as error:
            error.__cause__ = error.__context__ = None
            return Answer(None, session.shown(), error.with_traceback(None))
        return Answer(value, session.shown())


@contextmanager
def _told() -> Iterator[None]:
    """What a rule forbids, as the kind of error that leaves a lane's process with its words."""
    try:
        yield
    except BatchError as error:
        raise DriverError(error.what, where=error.where, next=error.next) from None
