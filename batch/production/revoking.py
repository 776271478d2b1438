"""Revoking a finished token's certificates without its revocation code: two officers sign for it (R22)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from batch.audit.contents import fingerprints
from batch.audit.log import log
from batch.model.errors import FaultyValue, NotFound, Refused
from batch.model.orders import Item
from batch.model.states import ItemState, LetterState
from batch.people.acting import Actor, Given, give, keep, keep_alone
from batch.people.separation import Act
from batch.people.statements import read
from batch.people.warrants import revoking
from batch.production.quarantine import event_of
from batch.production.revocation import ask_for
from batch.store import items, journal, letters, orders, revocations, statements
from batch.store.database import Records
from drivers.authorities.port import Reason

_LONGEST = 200
_GROUNDS = ("request", "ground")
"""Where a statement tells upon what it was signed."""


@dataclass(frozen=True)
class Ground:
    """Upon what it is done (R22): the SHA-256 of a signed request, or a sentence where there is none."""

    kind: str
    value: str

    @classmethod
    def request(cls, content: bytes) -> Ground:
        """A signed request, which is kept elsewhere."""
        return cls("request", hashlib.sha256(content).hexdigest())

    @classmethod
    def told(cls, words: str) -> Ground:
        """What the officers know by themselves, such as that the key was published; raises `FaultyValue`."""
        if not 0 < len(words.strip()) <= _LONGEST or not words.isprintable():
            raise FaultyValue(
                f"is no line of {_LONGEST} characters at most", where="ground", next="say it in a sentence"
            )
        return cls("ground", words.strip())


def revoke(
    records: Records, number: str, actor: Actor, reason: Reason | None = None, ground: Ground | None = None
) -> Given:
    """Sign that a token's certificates are revoked; the second revocation officer completes it.

    Who completes it may leave out reason and ground. The CA is told by `revocation.carry_out`. Raises
    `Refused` for a token that is not finished, or whose certificates were to be revoked already.
    """
    item = items.item(records, number)
    number, where = item.mailer_number, f"token {item.mailer_number}"
    if item.state is not ItemState.PRODUCED:
        raise Refused(
            f"it is {item.state}; what is not finished is revoked as it is given up",
            where=where,
            next=f"see `station quarantine show {number}`",
        )
    if revocations.of_its_keys(records, item.id):
        raise Refused(
            "its certificates were to be revoked already", where=where, next="see `station ca revocations`"
        )
    begun = _begun(records, number)
    reason = reason or _reason_of(begun)
    if reason is None:
        raise Refused(
            "no reason is given", where=where, next=f"say why: --reason, one of {', '.join(Reason)}"
        )
    ground = ground or _ground_of(begun)
    if ground is None:
        raise Refused(
            "without its code it takes a signed request (R22)",
            where=where,
            next="name its file: --request FILE; or say upon what ground without one: --ground TEXT",
        )
    order = orders.order_of(records, item.order_id).number
    about = revoking(order, number, str(reason), fingerprints(journal.keys(records, item.id)))
    about = {**about, ground.kind: ground.value}
    given = give(records, actor, Act.REVOKE, about, subject=number, where=where)
    if given.complete:
        _ask(records, item, actor, given, reason)
    else:
        keep_alone(records, given, order=order, item=number)
    return given


def _ask(records: Records, item: Item, actor: Actor, given: Given, reason: Reason) -> None:
    about = given.statement.about
    with records.transaction():
        keep(records, given)
        if letters.state_of(records, item.mailer_number) is LetterState.SEALED:
            letters.withdraw(records, item.mailer_number, item.id, actor.name)
        requests = ask_for(records, item, reason, actor.name)
        detail = {
            "statement": given.digest,
            "officers": list(given.signed.signers),
            "reason": str(reason),
            "requests": requests,
            **{kind: about[kind] for kind in _GROUNDS if kind in about},
        }
        told = event_of(records, str(Act.REVOKE), actor.name, item, detail)
        log(records, replace(told, kept={"statement": statements.whole(records, given.digest)}))


def take_back(records: Records, kept: Mapping[str, Any], operator: str) -> None:
    """Have revoked again what officers signed for after a backup (`kept`), in the caller's transaction."""
    if kept["act"] != Act.REVOKE:
        return
    signed = statements.signed(records, str(kept["digest"]))
    assert signed is not None, "it was taken back"
    about = read(signed).about
    with suppress(NotFound):  # a token begun after the backup is set aside, and revoked as it is given up
        item = items.item(records, str(about["item"]))
        ask_for(records, item, Reason(str(about["reason"])), operator)


def _begun(records: Records, number: str) -> Mapping[str, Any]:
    """What another officer signed who began to have a token's certificates revoked, empty without one."""
    begun = statements.of_subject(records, Act.REVOKE, number, completed=False)
    return read(begun[-1]).about if begun else {}


def _reason_of(about: Mapping[str, Any]) -> Reason | None:
    return Reason(str(about["reason"])) if about else None


def _ground_of(about: Mapping[str, Any]) -> Ground | None:
    return next((Ground(kind, str(about[kind])) for kind in _GROUNDS if kind in about), None)
