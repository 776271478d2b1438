"""The lane: one token at a time, in a process of its own.

Codes are drawn, sealed and used here and nowhere else; what leaves this process is sealed, public or a
plain fact. The desk tells which step is next and keeps the journal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from batch.custody.codes import digits, random_bytes, revocation_code
from batch.custody.sealing import hash_revocation_code, open_codes, seal, unwrap
from batch.model.codes import Binding, DerivedAdmin, SealedCodes
from batch.model.errors import BatchError
from batch.model.orders import Item
from batch.people.warrants import Proof
from batch.production.assignment import (
    Assignment,
    CodeTask,
    KeyMade,
    KeyTask,
    LaneFacts,
    Stepped,
    StepTask,
    Verified,
)
from batch.production.certificates import build_csr
from batch.production.holding import take_place, take_seat
from batch.production.mandate import Inspector, Mandate
from batch.production.plan import Kind, Repeat, Step
from batch.production.readback import proves, verify_key
from drivers.errors import (
    DeviceFailed,
    DriverError,
    EvidenceMissing,
    ReadBackFailed,
    RetryBudget,
    TokenLost,
    WrongToken,
)
from drivers.registry import find
from drivers.secret import Secret
from drivers.tokens import (
    Code,
    Credentials,
    GeneratedKey,
    InForce,
    SignatureScheme,
    TokenDriver,
    TokenIdentity,
    TokenSession,
    TokenState,
    Tries,
)

_CODE_OF = {Kind.SET_ADMIN: Code.ADMIN, Kind.SET_PUK: Code.PUK, Kind.SET_PIN: Code.PIN}
_ACT_OF = {Code.ADMIN: Kind.SET_ADMIN, Code.PUK: Kind.SET_PUK, Code.PIN: Kind.SET_PIN}

Outcome = TokenIdentity | KeyMade | Verified | None


@dataclass(frozen=True)
class _Revocation:
    """A revocation code and its hash, slow by intent (R21): made for the next token while this one leaves."""

    task: CodeTask
    code: Secret
    hash: Future[str]


class Lane:
    """One seat's worker, served by `drivers.process`."""

    def __init__(
        self,
        seat: str,
        driver: str,
        options: Mapping[str, Any],
        lock: Path,
        mandate: Mandate | None = None,
    ) -> None:
        """A production gives a `mandate`, by which every item is verified; reading a token takes none."""
        self._seat = seat
        self._inspector = Inspector(mandate, seat) if mandate is not None else None
        self._lock = take_seat(seat, lock)
        self._driver: TokenDriver = find("station.tokens", driver)(seat, options)
        self._place = take_place(seat, self._driver.place, lock.parent)
        self._session: TokenSession | None = None
        self._assignment: Assignment | None = None
        self._taken: tuple[Assignment, bytes] | None = None
        self._codes: dict[Code, Secret] = {}
        self._hasher = ThreadPoolExecutor(1)
        self._hash: Future[str] | None = None
        self._ahead: _Revocation | None = None
        self._key: ec.EllipticCurvePrivateKey | None = None

    def describe(self) -> LaneFacts:
        """The order of acts and the bounds of codes of this seat's tokens."""
        return LaneFacts(tuple(self._driver.sequence), self._driver.rules)

    def look(self, seconds: float, probe: bool = False) -> TokenState | None:
        """What is in the reader, waiting at most so long for a token; None where none came.

        The token is held from here on, until `let_go`. A factory code is tried only to `probe` for blankness.
        """
        self.let_go()
        if not self._driver.await_token(_until(seconds)):
            return None
        self._session = self._driver.connect()
        self._session.allow(Tries() if probe else Tries(0, 0, 0))
        state = self._session.inspect()
        self._session.allow(Tries())
        return state

    def take(self, item: Item, proof: Proof, assignment: Assignment, custody: bytes) -> None:
        """Verify that an item was approved as it is, for this seat and time, and its codes to be sealed to
        `custody` (SPKI, DER); nothing else is made. Raises `DriverError` telling what does not hold.
        """
        if self._inspector is None:
            raise DeviceFailed("this lane has no order to make tokens by", where=self._seat)
        self._inspector.check(item, proof, assignment, self.describe(), custody)
        self._taken = assignment, custody

    def seal(
        self, assignment: Assignment, custody: bytes, resume: bytes, derived: DerivedAdmin | None = None
    ) -> SealedCodes:
        """Draw the codes of an item and seal them to both keys (SPKI, DER), before anything is written.

        `derived` is the admin credential of a token that is diversified.
        """
        if self._inspector is not None and self._taken != (assignment, custody):
            raise DeviceFailed("an item that was not taken up is not begun", where=self._seat)
        if assignment.diversified is not (derived is not None):
            raise DeviceFailed("its layout and where its admin credential is from differ", where=self._seat)
        codes = self._draw(assignment)
        if derived is not None:
            codes[Code.ADMIN] = self._admin(assignment.binding, derived.for_lane)
        self._assignment, self._codes = assignment, codes
        key_name = derived.key_name if derived else None
        ordered = self._inspector.ordered if self._inspector else None
        return seal(codes, assignment.binding, custody, resume, key_name, ordered)

    def lane_key(self) -> bytes:
        """The public half (SPKI, DER) of a key that lives in this process only, for `restore`."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        return self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def restore(
        self,
        assignment: Assignment,
        sealed: SealedCodes,
        for_lane: bytes,
        derived: DerivedAdmin | None = None,
    ) -> None:
        """Take up an unfinished item again: its codes, opened with the data key wrapped to `lane_key`."""
        if self._inspector is not None and (self._taken is None or self._taken[0] != assignment):
            raise DeviceFailed("an item that was not taken up is not gone on with", where=self._seat)
        data_key = self._unwrapped(for_lane, assignment.binding, "lane")
        try:
            codes = open_codes(sealed, data_key, assignment.binding)
        except BatchError as error:
            raise DriverError(error.what, where=error.where, next=error.next) from None
        if derived is not None:
            codes[Code.ADMIN] = self._admin(assignment.binding, derived.for_lane)
        self._assignment, self._codes = assignment, codes
        self._hash = self._hasher.submit(hash_revocation_code, codes[Code.REVOCATION])

    def step(self, task: StepTask, left: Tries) -> Stepped:
        """Do one step; where it is in doubt, a ONCE step is looked up on the token first.

        `left` are the tries to reckon with; what became of them is told whether the step went well or not.
        """
        session, _ = self._held()
        return spending(session, left, lambda: self._do(task))

    def _do(self, task: StepTask) -> Outcome:
        session, assignment = self._held()
        step, done = task.step, task.done
        match step.kind:
            case Kind.INITIALISE:
                factory = self._driver.factory or self._new()
                return session.initialise(assignment.initialisation, factory, self._new())
            case Kind.GENERATE:
                look = task.in_doubt and step.repeat is Repeat.ONCE
                return self._make_key(assignment.key(step.key), done, look)
            case Kind.LOAD:
                key = assignment.key(step.key)
                self._load(key, task.certificates[key.name], task.public_keys[key.name], done)
            case Kind.SET_ADMIN | Kind.SET_PUK | Kind.SET_PIN:
                self._set_code(_CODE_OF[step.kind], done, task.in_doubt)
            case Kind.VERIFY:
                return self._verify(task.certificates, done)
            case Kind.SEAL | Kind.CERTIFY | Kind.RELEASE:
                raise DeviceFailed(f"step {step.name} is not a lane's", where=self._seat)
        return None

    def prove_admin(self, binding: Binding, for_lane: bytes, left: Tries) -> Stepped:
        """Show the admin credential of an item, wrapped to `lane_key`, once to the token that is held."""
        if self._session is None:
            raise TokenLost("no token is held", where=self._seat, next="put the token back")
        session, admin = self._session, self._admin(binding, for_lane)
        return spending(session, left, lambda: session.prove(Code.ADMIN, admin))

    def no_reset(self) -> str | None:
        """Why the token that is held cannot be made blank again, None where it can."""
        return None if self._session is None else self._session.no_reset()

    def reset(self, serial: str, left: Tries) -> TokenState:
        """Make the token of that serial blank again and look at it anew; its codes help where they are here.

        `left` are the tries to reckon with. Raises `WrongToken` before anything is done to another.
        """
        session = self._session
        found = session.identify().serial if session is not None else None
        if session is None or found != serial:
            raise WrongToken(
                f"token {found or 'without serial'} is in the reader, not {serial}",
                where=self._seat,
                next="put the right one in and run this again",
            )
        session.allow(left)
        session.reset(self._new() if self._codes else None)
        session.close()
        self._session = self._driver.connect()
        return self._session.inspect()

    def let_go(self) -> None:
        """Forget the item and its codes, and release the token so that it can be taken out."""
        if self._assignment is not None and self._ahead is None:
            self._ahead = self._draw_revocation(self._assignment.codes)
        self._assignment, self._key, self._hash, self._taken = None, None, None, None
        self._codes = {}
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def await_removal(self, seconds: float) -> bool:
        """Whether the reader is empty, waiting at most so long for it."""
        return self._driver.await_removal(_until(seconds))

    def close(self) -> None:
        """Release token and reader."""
        self.let_go()
        self._driver.close()

    def _admin(self, binding: Binding, for_lane: bytes) -> Secret:
        admin = self._unwrapped(for_lane, binding, "admin")
        if len(admin) != self._driver.rules.admin:
            raise DeviceFailed("an admin credential of this length is not the token's", where=self._seat)
        return admin

    def _unwrapped(self, wrapped: bytes, binding: Binding, purpose: str) -> Secret:
        if self._key is None:
            raise DeviceFailed("no key was asked for to restore codes with", where=self._seat)
        try:
            return unwrap(wrapped, self._key, binding, purpose)
        except BatchError as error:
            raise DriverError(error.what, where=error.where, next=error.next) from None

    def _draw(self, assignment: Assignment) -> dict[Code, Secret]:
        task, rules = assignment.codes, self._driver.rules
        ahead, self._ahead = self._ahead, None
        revocation = ahead if ahead is not None and ahead.task == task else self._draw_revocation(task)
        self._hash = revocation.hash
        puk = digits(task.puk_length)
        return {
            Code.PIN: digits(task.pin_length),
            Code.PUK: puk,
            Code.ADMIN: puk if rules.admin_is_puk else random_bytes(rules.admin),
            Code.REVOCATION: revocation.code,
        }

    def _draw_revocation(self, task: CodeTask) -> _Revocation:
        code = revocation_code(task.revocation_groups, task.revocation_size)
        return _Revocation(task, code, self._hasher.submit(hash_revocation_code, code))

    def _held(self) -> tuple[TokenSession, Assignment]:
        if self._session is None or self._assignment is None:
            raise TokenLost("no token is held", where=self._seat, next="put the token back")
        return self._session, self._assignment

    def _new(self) -> Credentials:
        return Credentials(self._codes[Code.PIN], self._codes[Code.PUK], self._codes[Code.ADMIN])

    def _in_force(self, done: frozenset[str]) -> Credentials:
        """The codes the token accepts now: the factory's until the step that changes each is done."""
        new, factory = self._new(), self._driver.factory
        if factory is None:
            return new
        changed = self._changed(done)
        return Credentials(
            pin=new.pin if Code.PIN in changed else factory.pin,
            puk=new.puk if Code.PUK in changed else factory.puk,
            admin=new.admin if Code.ADMIN in changed else factory.admin,
        )

    def _changed(self, done: frozenset[str]) -> frozenset[Code]:
        """The codes that steps done so far have set."""
        changed = frozenset(code for code, kind in _ACT_OF.items() if Step(kind).name in done)
        initialised = Step(Kind.INITIALISE).name in done
        return changed | self._driver.rules.by_initialise if initialised else changed

    def _make_key(self, task: KeyTask, done: frozenset[str], in_doubt: bool) -> KeyMade:
        session, assignment = self._held()
        credentials = self._in_force(done)
        made = self._key_there(task, credentials) if in_doubt else None
        if made is None:
            made = session.generate(task.spec, credentials)
        public_key, evidence = made.public_key, made.evidence
        if assignment.attestation_required and not proves(evidence):
            raise EvidenceMissing(
                f"the token does not prove that key {task.name} was made on it",
                where=assignment.binding.mailer_number,
                next="use a token with attestation, or a layout that accepts its evidence",
            )

        def sign(scheme: SignatureScheme, message: bytes) -> bytes:
            return session.sign(task.spec, scheme, message, credentials)

        return KeyMade(public_key, evidence, build_csr(public_key, task.template, task.scheme, sign))

    def _key_there(self, task: KeyTask, credentials: Credentials) -> GeneratedKey | None:
        """The key a lost answer may have left; None where there is none, or only its public half."""
        session, _ = self._held()
        present = session.public_key(task.spec.slot)
        if present is None:
            return None
        try:
            return GeneratedKey(task.spec.slot, present, session.evidence(task.spec.slot, credentials))
        except EvidenceMissing:
            return None

    def _load(self, task: KeyTask, certificate: bytes, public_key: bytes, done: frozenset[str]) -> None:
        session, _ = self._held()
        on_token = session.public_key(task.spec.slot)
        if on_token is not None and on_token != public_key:
            raise ReadBackFailed(f"key {task.name} on the token is not the one the certificate is for")
        session.write_certificate(task.spec.slot, task.spec.label, certificate, self._in_force(done))
        if session.read_certificate(task.spec.slot) != certificate:
            raise ReadBackFailed(f"certificate {task.name} reads back differently")

    def _set_code(self, code: Code, done: frozenset[str], in_doubt: bool) -> None:
        session, _ = self._held()
        old, new = self._in_force(done), self._codes[code]
        if in_doubt and self._driver.factory is not None:
            before = {Code.PIN: old.pin, Code.PUK: old.puk, Code.ADMIN: old.admin}[code]
            match session.in_force(code, new, before):
                case InForce.NEW:
                    return
                case InForce.NEITHER:
                    raise ReadBackFailed(f"the token accepts neither the old nor the new {code}")
                case InForce.UNKNOWN:
                    raise RetryBudget(
                        f"whether the {code} was changed cannot be found out without its last tries"
                    )
                case InForce.OLD:
                    pass
        session.set_code(code, old, new)

    def _verify(self, certificates: Mapping[str, bytes], done: frozenset[str]) -> Verified:
        """Read-back: every key signs, every certificate is its own and on record, no factory code works."""
        session, assignment = self._held()
        assert self._hash is not None, "an item is taken up with its codes"
        credentials = self._in_force(done)
        for task in assignment.keys:
            verify_key(session, task, certificates[task.name], credentials)
        # A seat may say that a code stays as it is; then nothing sets it.
        changed, works = self._changed(done), session.factory_codes(credentials)
        alive = [str(code) for code, still in works.items() if still and code in changed]
        if alive:
            raise ReadBackFailed(f"the factory's {', '.join(alive)} still works")
        keys = tuple(task.name for task in assignment.keys)
        return Verified(session.identify(), keys, self._hash.result())


def spending(session: TokenSession, left: Tries, act: Callable[[], Outcome]) -> Stepped:
    """Do what may show codes, and tell what became of them, whether it went well or not."""
    session.allow(left)
    try:
        outcome = act()
    except DriverError as error:
        error.__cause__ = error.__context__ = None
        return Stepped(None, session.shown(), error.with_traceback(None))
    return Stepped(outcome, session.shown())


def _until(seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    return lambda: time.monotonic() >= deadline
