"""Revoking a finished token's certificates without its revocation code: two officers sign for it (R22)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from batch.audit.contents import fingerprints
from batch.audit.log import log
from batch.model.errors import NotFound, Refused
from batch.model.orders import Item
from batch.model.states import ItemState
from batch.people.acting import Actor, Given, give, keep, keep_alone
from batch.people.separation import Act
from batch.people.statements import read
from batch.people.warrants import revoking
from batch.production.quarantine import event_of
from batch.production.revocation import ask_for
from batch.store import items, journal, orders, revocations, statements
from batch.store.database import Records
from drivers.authorities.port import Reason


def revoke(records: Records, number: str, actor: Actor, reason: Reason | None = None) -> Given:
    """Sign that a token's certificates are revoked; the second revocation officer completes it.

    Who completes it may leave out the reason. The CA is told by `revocation.carry_out`. Raises `Refused` for
    a token that is not finished, or whose certificates were to be revoked already.
    """
    item = items.item(records, number)
    number, where = item.mailer_number, f"token {item.mailer_number}"
    if item.state is not ItemState.PRODUCED:
        raise Refused(
            f"it is {item.state}; what is not finished is revoked as it is given up",
            where=where,
            next=f"see `station quarantine show {number}`",
        )
    if revocations.of_item(records, item.id):
        raise Refused(
            "its certificates were to be revoked already", where=where, next="see `station ca revocations`"
        )
    reason = reason or _begun_for(records, number)
    if reason is None:
        raise Refused(
            "no reason is given", where=where, next=f"say why: --reason, one of {', '.join(Reason)}"
        )
    order = orders.order_of(records, item.order_id).number
    about = revoking(order, number, str(reason), fingerprints(journal.keys(records, item.id)))
    given = give(records, actor, Act.REVOKE, about, subject=number, where=where)
    if given.complete:
        _ask(records, item, actor, given, reason)
    else:
        keep_alone(records, given, order=order, item=number)
    return given


def _ask(records: Records, item: Item, actor: Actor, given: Given, reason: Reason) -> None:
    with records.transaction():
        keep(records, given)
        requests = ask_for(records, item, reason, actor.name)
        detail = {
            "statement": given.digest,
            "officers": list(given.signed.signers),
            "reason": str(reason),
            "requests": requests,
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


def _begun_for(records: Records, number: str) -> Reason | None:
    """The reason for which another officer began to have a token's certificates revoked."""
    begun = statements.of_subject(records, Act.REVOKE, number, completed=False)
    return Reason(str(read(begun[-1]).about["reason"])) if begun else None
