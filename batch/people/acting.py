"""Acting under one's name: signing a statement, and gathering the signatures that an act takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from batch.audit.log import log
from batch.model.errors import NotTrusted, Refused
from batch.model.events import Event
from batch.model.people import Operator, Signature, Signed
from batch.people.register import REGISTER_ACTS, Register, replay
from batch.people.separation import RULES, Act, Before, check, same
from batch.people.statements import Statement, digest, message, read, signature_holds
from batch.store import statements
from batch.store.clock import now
from batch.store.database import Records

UNATTENDED = "unattended"
"""Who the log names for what the desk does by itself, such as at night."""

PATIENCE = timedelta(hours=24)
"""How long a statement that one person signed waits for the next."""


Reseal = Callable[[bytes, bytes, bytes, bytes], bytes]
"""Takes what is sealed to an operator, its context, the next key (SPKI, DER) and its context."""


@dataclass(frozen=True)
class Actor:
    """An operator who is at work: has proven who they are, and signs with their own key.

    `sign` takes the message and returns the signature over it; it may ask for a PIN and raise `DriverError`.
    `reseal` hands on what is sealed to the operator without showing it; None where they have no such key.
    `at_hand` tells whether their key answers as it is: no token changes places in the seat for it.
    """

    operator: Operator
    sign: Callable[[bytes], bytes]
    reseal: Reseal | None = None
    at_hand: Callable[[], bool] = lambda: True

    @property
    def name(self) -> str:
        """The operator's name, as records and log have it."""
        return self.operator.name


Who = Actor | str
"""Who acts: an operator, or a mere name at a desk where operators were never founded."""


def name_of(who: Who) -> str:
    """The name under which records and log have who acts."""
    return who if isinstance(who, str) else who.name


def signing(records: Records, who: Who, *, where: str) -> Actor | None:
    """Who signs for an act; None at a desk without operators. Raises `Refused` for a mere name elsewhere."""
    if isinstance(who, Actor):
        return who
    if statements.chain(records, Act.FOUND):
        raise Refused("this takes an operator's signature", where=where, next="log in: `station login`")
    return None


@dataclass(frozen=True)
class Given:
    """A statement with the actor's signature on it, not on record yet."""

    signed: Signed
    statement: Statement
    subject: str
    known: bool
    """Whether others signed it before, so that it is on record without this signature."""

    @property
    def digest(self) -> str:
        """The statement's name."""
        return digest(self.signed.text)

    @property
    def complete(self) -> bool:
        """Whether as many signed as the act takes."""
        return len(self.signed.signatures) >= RULES[self.statement.act].persons

    @property
    def wanted(self) -> int:
        """How many more persons must sign."""
        return max(0, RULES[self.statement.act].persons - len(self.signed.signatures))


def register_of(records: Records) -> Register:
    """The register of operators from the records, every signature verified; raises `NotTrusted`."""
    return replay(statements.chain(records, *REGISTER_ACTS))


def founded(records: Records) -> bool:
    """Whether the records have a register of operators."""
    return bool(statements.chain(records, Act.FOUND))


def permitted(records: Records, actor: Actor, act: Act, *, where: str, before: Before | None = None) -> None:
    """Raise `Refused` unless the actor works here at this moment and may do the act."""
    _permitted(register_of(records), actor.operator, act, where, before)


def why_not(
    records: Records, name: str, act: Act, *, where: str, before: Before | None = None
) -> Refused | None:
    """Why an operator may not do an act at this moment; None where they may."""
    register = register_of(records)
    try:
        _permitted(register, register.operator(name, now()), act, where, before)
    except Refused as refused:
        return refused
    return None


def give(
    records: Records,
    actor: Actor,
    act: Act,
    about: Mapping[str, Any],
    *,
    subject: str,
    where: str,
    until: datetime | None = None,
    before: Before | None = None,
) -> Given:
    """Sign an act as `actor`: a statement begun by another about the very same, or else a new one.

    Nothing is on record before `keep`. Raises `Refused` where role or separation forbids it, `DriverError`
    where the actor's token does not sign.
    """
    register = register_of(records)
    _permitted(register, actor.operator, act, where, before)
    begun = _begun(records, act, about, subject)
    if begun is None:
        statement = Statement(act, register.founding, about, now(), until)
        return sign(actor, statement, subject=subject)
    if any(same(actor.name, name) for name in begun.signers):
        raise Refused(
            f"{actor.name} signed it already; it takes {RULES[act].persons} persons",
            where=where,
            next="let another person give the same command",
        )
    register.check_each(begun, read(begun), before=before)
    return sign(actor, read(begun), subject=subject, begun=begun)


def in_turn(actors: Sequence[Actor]) -> list[Actor]:
    """Actors in the order in which they sign: whose token is in the seat first, so that few change places."""
    return sorted(actors, key=lambda one: not one.at_hand())


def sign_together(
    records: Records,
    actors: Sequence[Actor],
    act: Act,
    about: Mapping[str, Any],
    *,
    subject: str,
    where: str,
    each: Callable[[Actor], None] = lambda actor: None,
) -> Given:
    """Sign an act by several who are at the desk at once; `each` is done right after each signature.

    Nothing is on record before `batch.people.operators.keep_whole`. Raises `Refused`, `DriverError`.
    """
    register = register_of(records)
    for actor in actors:
        _permitted(register, actor.operator, act, where, None)
    wanted = RULES[act].persons
    if len({actor.name.casefold() for actor in actors}) != len(actors) or len(actors) < wanted:
        raise Refused(
            f"it takes {wanted} different persons, and {len(actors)} are here",
            where=where,
            next="give the command together: --as NAME --with NAME",
        )
    statement = Statement(act, register.founding, about, now())
    given: Given | None = None
    for actor in in_turn(actors):
        given = sign(actor, statement, subject=subject, begun=given.signed if given else None)
        each(actor)
    assert given is not None, "an act takes somebody"
    return given


def sign(actor: Actor, statement: Statement, *, subject: str, begun: Signed | None = None) -> Given:
    """A statement signed by an actor, besides those who signed it before; raises `NotTrusted`."""
    text = begun.text if begun else statement.text()
    value = actor.sign(message(text))
    if not signature_holds(actor.operator.key, text, value):
        raise NotTrusted(
            "the token signed with another key than the operator's",
            where=actor.name,
            next="put the operator's own token into the operators' seat",
        )
    earlier = begun.signatures if begun else ()
    signed = Signed(text, (*earlier, Signature(actor.name, value)))
    return Given(signed, statement, subject, known=begun is not None)


def keep(records: Records, given: Given) -> None:
    """Put a signature on record, inside the transaction of the act; the caller's event tells the digest."""
    if not given.known:
        statements.add(
            records, given.digest, given.signed.text, act=given.statement.act, subject=given.subject
        )
    statements.add_signature(records, given.digest, given.signed.signatures[-1])
    if given.complete:
        statements.complete(records, given.digest)


def keep_alone(records: Records, given: Given, *, order: str | None = None, item: str | None = None) -> None:
    """Put a signature on record in a transaction of its own, with its event.

    The event is the act's name once all have signed, and `ACT.asked` before.
    """
    act = given.statement.act
    name = str(act) if given.complete else f"{act}.asked"
    detail = {"statement": given.digest, "about": given.subject}
    with records.transaction():
        keep(records, given)
        log(records, Event(name, given.signed.signers[-1], order=order, item=item, detail=detail))


def _permitted(register: Register, operator: Operator, act: Act, where: str, before: Before | None) -> None:
    register.check_working(operator, now())
    check(act, operator, where=where, before=before)


def _begun(records: Records, act: Act, about: Mapping[str, Any], subject: str) -> Signed | None:
    for signed in reversed(statements.of_subject(records, act, subject, completed=False)):
        statement = read(signed)
        if statement.about == dict(about) and now() - statement.at < PATIENCE:
            return signed
    return None
