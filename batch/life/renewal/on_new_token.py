"""Renewing on a new token: an order that carries everything over and goes the way of every order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from batch.audit.chain import canonical
from batch.life.renewal import renewing
from batch.life.renewal.renewable import words
from batch.life.renewal.renewing import missing
from batch.model.errors import Refused
from batch.model.orders import Item, Order
from batch.model.renewals import OldEnds, Renewal
from batch.model.states import LifeState, OrderState, RenewalState
from batch.orders import decisions
from batch.orders.draft import DraftRow, Layouts, OrderDraft
from batch.people.acting import Actor
from batch.production.revocation import ask_for
from batch.store import expiry, items, lives, orders, renewals
from batch.store.database import Records
from drivers.authorities.port import Reason
from layouts.fields import Kind
from layouts.library import Library

_MAY_ORDER = (RenewalState.BEGUN, RenewalState.APPROVED)


def order(
    records: Records,
    numbers: Sequence[str],
    library: Library,
    layouts: Layouts,
    who: Actor,
    reference: str | None = None,
) -> Order:
    """Take in one order of new tokens for renewals of one subscriber; it is assessed and approved as any.

    Raises `Refused` while something of a renewal is missing, or where they are of several subscribers.
    """
    chosen = [renewals.renewal(records, number) for number in dict.fromkeys(numbers)]
    found = [(one, items.item_of(records, one.item_id)) for one in chosen]
    for one, item in found:
        _check(records, one, item, library)
    linked = _begun(records, found)
    if linked is None:
        linked = decisions.receive(records, _draft(records, found, layouts, reference), who)
    with records.transaction():
        new = {item.renews: item for item in items.items(records, linked) if item.renews is not None}
        for one, item in found:
            after = renewals.set_state(records, one, RenewalState.ORDERED)
            facts = {"new_item": new[item.id].id}
            after = renewals.put(records, after, facts)
            told = {"order": linked.number, "number": new[item.id].mailer_number}
            renewing.tell(records, "renewal.ordered", who.name, after, told)
    return linked


def finish(records: Records, number: str, who: str) -> tuple[Renewal, datetime | None]:
    """End a renewal whose new token is active: the old certificates end as was asked for.

    The new expiry is that of the certificates that read-back found on the new token. Raises `Refused` while
    the new token is not active.
    """
    with records.transaction():
        renewal = renewals.renewal(records, number)
        new = new_token(records, renewal)
        life = lives.life_or_none(records, new.id) if new else None
        if new is None or life is None or life.state is not LifeState.ACTIVE:
            told = "not ordered" if new is None else f"{life.state if life else new.state}"
            raise Refused(
                f"its new token is {told}; the old one stays until the new is active",
                where=renewal.number,
                next=f"see `station renew show {renewal.number}`",
            )
        return ended(records, renewal, new, who), expiry.expiry(records, new.id)


def ended(records: Records, renewal: Renewal, new: Item, by: str) -> Renewal:
    """A renewal is done with its new token, which is active; called in the caller's transaction."""
    asked = 0
    if renewal.old_ends is OldEnds.REVOKE:
        asked = ask_for(records, items.item_of(records, renewal.item_id), Reason.SUPERSEDED, by)
    renewal = renewals.put(records, renewal, {"new_item": new.id})
    renewal = renewals.set_state(records, renewal, RenewalState.DONE)
    ends = expiry.expiry(records, new.id)
    detail: dict[str, object] = {
        "number": new.mailer_number,
        "expires": ends.date().isoformat() if ends else None,
        "old certificates to be revoked": asked,
    }
    renewing.tell(records, "renewal.done", by, renewal, detail)
    return renewal


def new_token(records: Records, renewal: Renewal) -> Item | None:
    """The token ordered for a renewal, or that which replaced it; None where none is."""
    if renewal.new_item is None:
        return None
    new = items.item_of(records, renewal.new_item)
    while (other := items.replacement(records, new.id)) is not None:
        new = other
    return new


def waiting_for(records: Records, item: Item) -> Renewal | None:
    """The renewal that waits for a token to be active, None where none does."""
    for renewal in renewals.renewals(records, RenewalState.ORDERED):
        new = new_token(records, renewal)
        if new is not None and new.id == item.id:
            return renewal
    return None


def _check(records: Records, renewal: Renewal, item: Item, library: Library) -> None:
    if renewal.state not in _MAY_ORDER:
        raise Refused(
            f"the renewal is {renewal.state}",
            where=renewal.number,
            next=f"see `station renew show {renewal.number}`",
        )
    missing(records, renewal, library.token(item.layout))


def _begun(records: Records, found: Sequence[tuple[Renewal, Item]]) -> Order | None:
    """The order that a command which was cut off took in for these very tokens."""
    waiting: dict[int, set[int]] = {}
    for one, item in found:
        for order_id in renewals.orders_renewing(records, item.id):
            known = orders.order_of(records, order_id)
            if known.state is not OrderState.REJECTED and known.imported_at >= one.begun_at:
                waiting.setdefault(order_id, set()).add(item.id)
    for order_id, those in waiting.items():
        if those == {item.id for _, item in found}:
            return orders.order_of(records, order_id)
    return None


def _draft(
    records: Records, found: Sequence[tuple[Renewal, Item]], layouts: Layouts, reference: str | None
) -> OrderDraft:
    known = {orders.order_of(records, item.order_id).organisation for _, item in found}
    if len(known) != 1:
        raise Refused(
            "these renewals are of several subscribers",
            where=", ".join(one.number for one, _ in found),
            next="order for each on its own",
        )
    name = reference or found[0][0].number
    rows = []
    for line, (one, item) in enumerate(found, 1):
        layout = layouts.find(item.layout)
        fields = {**words(records, item), **one.changes, "order": name, "count": "1"}
        fields.pop("number", None)
        kind = layout.kind if layout else Kind(fields["kind"])
        rows.append(DraftRow(line, item.layout, kind, 1, fields, item.subject_key, item.id))
    first = orders.order_of(records, found[0][1].order_id)
    country, _, number = first.organisation.removeprefix("NTR").partition("-")
    told = canonical({"renewals": [[row.layout, dict(row.fields)] for row in rows]})
    return OrderDraft(
        source=", ".join(one.number for one, _ in found),
        reference=name,
        subscriber=first.subscriber,
        subscriber_number=number,
        country=country,
        sha256=hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest(),
        rows=tuple(rows),
    )
