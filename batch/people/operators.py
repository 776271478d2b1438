"""Keeping the register: founding a desk, and enrolling, changing and retiring operators, always by two."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from batch.audit.log import log
from batch.model.errors import Refused
from batch.model.events import Event
from batch.model.people import Operator
from batch.people import register as registers
from batch.people.acting import Actor, Given, founded, keep, register_of, sign
from batch.people.register import REGISTER_ACTS, Register, Trust
from batch.people.separation import Act, check, same
from batch.people.statements import Statement, read
from batch.store import logins, statements
from batch.store.clock import now
from batch.store.database import Records

Anchor = Callable[[Trust], None]
"""Puts what vouches for the register into the key tokens."""


def found(
    records: Records, actors: Sequence[Actor], *, name: str, anchors: Sequence[bytes], anchor: Anchor
) -> Register:
    """Found the desk's register: its first administrators sign it, each with their own key.

    `anchors` are certificates (DER) of the CAs of operators' tokens. Raises `Refused` where there is one.
    """
    refuse_founded(records)
    statement = registers.founding((actor.operator for actor in actors), anchors, name, now())
    given: Given | None = None
    for actor in reversed(actors):  # the last one's token is in the seat
        given = sign(actor, statement, subject="register", begun=given.signed if given else None)
    assert given is not None, "a founding has administrators"
    register = registers.replay([given.signed])
    anchor(Trust(register.founding, (register.head,)))
    with records.transaction():
        keep_whole(records, given)
        names = [actor.name for actor in actors]
        detail = {"statement": given.digest, "operators": names}
        log(records, Event(str(Act.FOUND), names[-1], detail=detail))
    return register


def refuse_founded(records: Records) -> None:
    """Raise `Refused` where the desk has a register."""
    if founded(records):
        raise Refused(
            "this desk has operators already", where="register", next="two administrators enrol others"
        )


def enrol(records: Records, actor: Actor, operator: Operator, *, anchor: Anchor) -> Given:
    """Enrol an operator, or give one other roles or keys; the second administrator completes it."""
    register = register_of(records)
    statement = registers.enrolment(register, operator, now())
    return _register(records, actor, register, statement, operator.name, anchor)


def retire(records: Records, actor: Actor, name: str, reason: str, *, anchor: Anchor) -> Given:
    """End an operator's time; the second administrator completes it."""
    register = register_of(records)
    statement = registers.retirement(register, name, reason, now())
    return _register(records, actor, register, statement, register.operator(name).name, anchor)


def complete(records: Records, actor: Actor, name: str, *, anchor: Anchor) -> Given:
    """Sign, as another administrator, what one began about an operator; `Refused` where nothing waits."""
    register = register_of(records)
    for act in REGISTER_ACTS[1:]:
        for signed in reversed(statements.of_subject(records, act, name, completed=False)):
            statement = read(signed)
            if statement.about.get("after") == register.head:
                return _register(records, actor, register, statement, name, anchor)
    raise Refused(
        "nothing about this operator waits for a second administrator",
        where=name,
        next="see `station operator list`",
    )


def keep_whole(records: Records, given: Given) -> None:
    """Put a statement with all its signatures on record, inside a transaction."""
    statements.add(records, given.digest, given.signed.text, act=given.statement.act, subject=given.subject)
    for signature in given.signed.signatures:
        statements.add_signature(records, given.digest, signature)
    statements.complete(records, given.digest)


def _register(
    records: Records, actor: Actor, register: Register, statement: Statement, name: str, anchor: Anchor
) -> Given:
    check(statement.act, actor.operator, where=name)
    begun = next(
        (
            signed
            for signed in statements.of_subject(records, statement.act, name, completed=False)
            if read(signed).about == statement.about
        ),
        None,
    )
    if begun is not None and any(same(actor.name, signer) for signer in begun.signers):
        raise Refused(
            f"{actor.name} signed it already", where=name, next="let another administrator complete it"
        )
    given = sign(actor, read(begun) if begun else statement, subject=name, begun=begun)
    after = registers.follow(register, given.signed) if given.complete else register
    if given.complete:
        # Both, because nobody knows whether the transaction that follows is committed.
        anchor(Trust(register.founding, (register.head, after.head)))
    with records.transaction():
        if register_of(records).head != register.head:
            raise Refused("the register was changed meanwhile", where=name, next="run this again")
        keep(records, given)
        if given.complete:
            # What is of no use any more can be stolen all the same.
            logins.drop_keys(records, _key_kept(after, name), name)
        event = str(given.statement.act) if given.complete else f"{given.statement.act}.asked"
        detail = {"statement": given.digest, "operator": name}
        # The key tokens know it, so a backup from before must not be all there is of it.
        kept = {"statement": statements.whole(records, given.digest)} if given.complete else None
        log(records, Event(event, actor.name, detail=detail, kept=kept))
    if given.complete:
        anchor(Trust(after.founding, (after.head,)))
    return given


def _key_kept(register: Register, name: str) -> bytes | None:
    """The key that an operator signs with from here on, None for one who left."""
    return next((one.key for one in register.active(now()) if same(one.name, name)), None)
