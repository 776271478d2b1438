"""Renewing on the token itself: new keys beside the old, proven, and only then in their place.

Each step's intent is on record before the step and its outcome after it. A renewal that was cut off goes on
with the same command; until a new key has taken a place, the old one is in it and works.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from batch.audit.contents import fingerprints
from batch.life.renewal.cancelling import cancelled
from batch.life.renewal.lane import Answer, Value
from batch.life.renewal.renewable import gone
from batch.life.renewal.seat import AtSeat, Bench
from batch.model.errors import Refused
from batch.model.orders import Item
from batch.model.renewals import OldEnds, Renewal, Way
from batch.model.states import RenewalState, StepState
from batch.people.separation import Act, Before
from batch.production.assignment import KeyMade
from batch.production.certificates import WrongCertificate
from batch.production.issuer import Issuer
from batch.production.plan import Kind
from batch.production.revocation import transaction_of
from batch.store import items, journal, renewals, restores, revocations, statements
from batch.store.clock import now
from batch.store.database import Records
from drivers.authorities.port import CertificateRequest, Reason
from drivers.errors import CaPending, DriverError
from drivers.foreign_certificates import load_certificate
from drivers.tokens import Beside, Renewed, Tries


@dataclass(frozen=True)
class Done:
    """A renewal that is done: when each new certificate ends, as read from the token."""

    renewal: Renewal
    serial: str
    expires: dict[str, datetime]


def carried_out_before(records: Records, number: str) -> Before:
    """Who approved a renewal, and so does not carry it out."""
    renewal = renewals.renewal(records, number)
    approved = statements.of_subject(records, Act.APPROVE_RENEWAL, renewal.number)
    return {Act.APPROVE: [name for one in approved for name in one.signers]}


def carry_out(records: Records, number: str, bench: Bench) -> Done:
    """Renew every key of the token in a seat, or go on with what was begun.

    Raises `Refused` before the token is touched, `Unsupported` for one that cannot keep its old keys,
    `WrongToken`, and what a step met; the same command goes on.
    """
    restores.refuse_open(records)
    renewal = renewals.renewal(records, number)
    if renewal.way is not Way.SAME or renewal.state not in (RenewalState.APPROVED, RenewalState.MAKING):
        raise Refused(
            f"the renewal is {renewal.state}, on {renewal.way.replace('-', ' ')}",
            where=renewal.number,
            next=f"see `station renew show {renewal.number}`",
        )
    item = items.item_of(records, renewal.item_id)
    need_here(records, renewal, item)
    with ExitStack() as held:
        work = _Work(records, renewal, bench, held)
        work.begin()
        pending: CaPending | None = None
        for name in work.names:
            try:
                work.make(name)
            except CaPending as error:
                # A CA that takes days is to get all requests at once.
                pending = pending or error
        if pending is not None:
            raise pending
        for name in work.names:
            work.replace(name)
        return work.finish()


def need_here(records: Records, renewal: Renewal, item: Item) -> None:
    """Raise `Refused` where no key is made any more on the token of a renewal: it is lost, or revoked."""
    if (why := gone(records, item)) is not None:
        raise Refused(
            f"{why}; no key is made on it any more",
            where=f"token {item.mailer_number}",
            next=f"station renew cancel {renewal.number}",
        )


def revoke_too(records: Records, renewal: Renewal, name: str, certificate: bytes, by: str) -> None:
    """Where a token's certificates were to be revoked while new ones were made, those are as well.

    In the caller's transaction.
    """
    if revocations.of_its_keys(records, renewal.item_id):
        revoke(records, renewal, name, certificate, by)


def revoke(records: Records, renewal: Renewal, name: str, certificate: bytes, by: str) -> None:
    """Have a certificate revoked that a renewal replaces or made, in the caller's transaction."""
    request = f"{renewal.number}/{name}/{load_certificate(certificate).serial_number:x}"
    revocations.ask(records, request, renewal.item_id, certificate, reason=Reason.SUPERSEDED, by=by)


def undo(records: Records, number: str, bench: Bench, reason: str) -> Renewal:
    """Take new keys off a token again, none of which has a place yet, and cancel the renewal."""
    renewal = renewals.renewal(records, number)
    steps = renewals.steps(records, renewal)
    if renewal.state is not RenewalState.MAKING or any(one.startswith("take-place:") for one in steps):
        raise Refused(
            "a new key may have taken its place already"
            if renewal.state is RenewalState.MAKING
            else f"the renewal is {renewal.state}; nothing was made on the token",
            where=renewal.number,
            next=f"finish it: `station renew carry-out {renewal.number}`"
            if renewal.state is RenewalState.MAKING
            else f"station renew cancel {renewal.number}",
        )
    with ExitStack() as held:
        work = _Work(records, renewal, bench, held)
        work.begin()
        work.discard()
        with records.transaction():
            return cancelled(records, renewal, bench.operator.name, reason)


class _Work(AtSeat):
    """One renewal with the token that is held."""

    def make(self, name: str) -> None:
        """A new key beside the old one, its certificate, and the proof that they work."""
        self._step(f"generate:{name}", lambda doubt, left: self._generate(name, doubt, left))
        self._step(f"certify:{name}", lambda doubt, left: self._certify(name))
        self._step(f"prove:{name}", lambda doubt, left: self._prove(name, left))

    def replace(self, name: str) -> None:
        """The new key takes the old one's place, on the token and then on record."""
        self._step(f"take-place:{name}", lambda doubt, left: self._exchange(name, left))

    def finish(self) -> Done:
        """Both keys of each pair are read back and used; the renewal is done."""
        read: dict[str, bytes] = {}

        def look(doubt: bool, left: Tries) -> Answer:
            del doubt
            keys = journal.keys(self.records, self.item.id)
            former = {
                one.name: one
                for one in renewals.former_keys(self.records, self.item.id)
                if one.renewal_id == self.renewal.id
            }
            pairs = {
                name: (keys[name].slot, keys[name].certificate, former[name].slot, former[name].certificate)
                for name in self.names
            }
            answer = self.lane.ask("verify", pairs, left, timeout=self.seconds)
            assert isinstance(answer, Answer)
            if isinstance(answer.value, dict):
                read.update(answer.value)
            return answer

        self._step("verify", look)
        self.lane.ask("let_go", timeout=self.seconds)
        ends = {name: load_certificate(one).not_valid_after_utc for name, one in read.items()}
        with self.records.transaction():
            asked = self._end_old()
            self.renewal = renewals.set_state(self.records, self.renewal, RenewalState.DONE)
            told = {name: one.date().isoformat() for name, one in ends.items()}
            detail = {"expires": told, "old certificates to be revoked": asked}
            self.tell("renewal.done", detail)
        return Done(self.renewal, self.serial, ends)

    def discard(self) -> None:
        """Destroy the new keys, none of which has a place."""
        for key in renewals.keys(self.records, self.renewal).values():
            with self.records.transaction():
                left = self.budget.left()
                booked = self.budget.book(Kind.GENERATE, in_doubt=False)
                self.tell("renewal.key-discarding", {"key": key.name, "booked": booked})
            answer = self.lane.ask("discard", key.made_at, key.public_key, left, timeout=self.seconds)
            self.settled(f"discard:{key.name}", answer)

    # Steps

    def _step(self, name: str, act: Callable[[bool, Tries], Answer | None]) -> None:
        before = renewals.steps(self.records, self.renewal).get(name)
        if before is StepState.DONE and name != "verify":
            return
        self.bench.tell(name)
        with self.records.transaction():
            # A holder may revoke it while it lies in the reader.
            need_here(self.records, self.renewal, self.item)
            if before is StepState.DONE:
                renewals.settle(self.records, self.renewal, name, StepState.UNKNOWN)
            renewals.intend(self.records, self.renewal, name)
            left = self.budget.left()
            # The CA is asked without the token: what shows no code costs no try.
            shows = not name.startswith("certify:")
            booked = self.budget.book(Kind.VERIFY, in_doubt=False) if shows else {}
            self.tell("step.begun", {"step": name, **({"tries booked": booked} if booked else {})})
        try:
            answer = act(before is not None, left)
        except DriverError as error:
            self._unclear(name, str(error))
            raise
        if answer is not None and answer.error is not None:
            with self.records.transaction():
                self.spent(name, answer)
                self._fail(name, str(answer.error))
            raise answer.error
        with self.records.transaction():
            if answer is not None:
                self.spent(name, answer)
            self._outcome(name, answer.value if answer else None)
            renewals.settle(self.records, self.renewal, name, StepState.DONE)
            self.tell("step.done", {"step": name})

    def _unclear(self, name: str, reason: str) -> None:
        with self.records.transaction():
            self._fail(name, reason)

    def _fail(self, name: str, reason: str) -> None:
        renewals.settle(self.records, self.renewal, name, StepState.UNKNOWN, reason)
        self.tell("step.failed", {"step": name, "reason": reason})

    def _outcome(self, step: str, value: Value) -> None:
        kind, _, name = step.partition(":")
        if isinstance(value, KeyMade):
            evidence = json.dumps(
                {
                    "kind": value.evidence.kind,
                    "attributes": dict(value.evidence.attributes),
                    "chain": [certificate.hex() for certificate in value.evidence.chain],
                }
            )
            renewals.set_generated(self.records, self.renewal, name, value.public_key, evidence, value.csr)
        elif kind == "take-place":
            assert isinstance(value, str)
            key = self.key(name)
            assert key.certificate is not None, "it was certified before"
            revoke_too(self.records, self.renewal, name, key.certificate, self.bench.operator.name)
            renewals.take_place(self.records, self.renewal, key, value, key.kept_at)
            held = fingerprints(journal.keys(self.records, self.item.id))
            detail = {
                "key": name,
                "generation": key.generation,
                "slot": value,
                "kept": key.kept_at,
                "certificates": held,
            }
            kept = {"renewed": renewals.whole_key(self.records, self.renewal, name)}
            self.tell("renewal.key-replaced", detail, kept)

    def _generate(self, name: str, in_doubt: bool, left: Tries) -> Answer:
        key = self.key(name)
        answer = self.lane.ask(
            "generate", name, key.made_at, in_doubt, left, timeout=self.bench.seat.limits.key
        )
        assert isinstance(answer, Answer)
        return answer

    def _certify(self, name: str) -> None:
        key, authority = self.key(name), self.bench.authority
        assert key.csr is not None, "a key is certified after it was made"
        assert key.public_key is not None
        tasks = self.ask("tasks")
        assert isinstance(tasks, dict)
        template = tasks[name].template
        issuer = Issuer(authority.ask("chain", timeout=self.seconds))
        transaction = transaction_of(self.item.mailer_number, name, key.generation)
        renewed = journal.keys(self.records, self.item.id)[name].certificate
        request = CertificateRequest(transaction, key.csr, template, renewed)
        issued = bytes(authority.ask("issue", request, timeout=self.seconds))
        try:
            issuer.check(issued, key.public_key, template, now())
        except WrongCertificate:
            with self.records.transaction():
                ask, by = revocations.ask, self.bench.operator.name
                ask(self.records, transaction, self.item.id, issued, reason=Reason.SUPERSEDED, by=by)
                self.tell("certificate.misissued", {"key": name, "request": transaction})
            raise
        with self.records.transaction():
            renewals.set_certificate(self.records, self.renewal, name, issued)
            self.tell("step.certificate", {"key": name, "request": transaction})
            # What was asked of the CA for this request may have been answered before it was issued.
            revoke_too(self.records, self.renewal, name, issued, self.bench.operator.name)
        need_here(self.records, self.renewal, self.item)

    def _prove(self, name: str, left: Tries) -> Answer:
        key = self.key(name)
        answer = self.lane.ask("prove", name, key.made_at, key.certificate, left, timeout=self.seconds)
        assert isinstance(answer, Answer)
        return answer

    def _exchange(self, name: str, left: Tries) -> Answer:
        key, old = self.key(name), journal.keys(self.records, self.item.id)[name]
        assert old.public_key is not None
        assert old.certificate is not None
        assert key.public_key is not None
        assert key.certificate is not None
        answer = self.lane.ask(
            "exchange",
            name,
            key.slot,
            Beside(key.made_at, key.kept_at),
            Renewed(old.public_key, old.certificate),
            Renewed(key.public_key, key.certificate),
            left,
            timeout=self.seconds,
        )
        assert isinstance(answer, Answer)
        return answer

    # What goes before

    def _end_old(self) -> int:
        """The old certificates end as was asked for: revoked as superseded, or by themselves."""
        if self.renewal.old_ends is not OldEnds.REVOKE:
            return 0
        count = 0
        for former in renewals.former_keys(self.records, self.item.id):
            if former.renewal_id == self.renewal.id and former.certificate is not None:
                revoke(self.records, self.renewal, former.name, former.certificate, self.bench.operator.name)
                count += 1
        return count
