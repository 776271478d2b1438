"""Which tokens may be renewed, and what of their data may change with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from batch.model.errors import FaultyValue, Refused
from batch.model.orders import Item
from batch.model.renewals import Renewal, Way
from batch.model.states import ItemState, LifeState, RenewalState, SubscriberState
from batch.orders.columns import BY_NAME
from batch.people import registry
from batch.store import expiry, items, lives, orders, renewals, revocations
from batch.store.database import Records
from batch.tables import values
from layouts.token import TokenLayout

FIXED = ("group", "person_number", "organisation", "subscriber", "subscriber_number", "country", "kind")
"""Fields by which a subject is known; who has others is another subject, and ordered as one (R30)."""

_OVER = (LifeState.LOST, LifeState.DESTROYED)


def gone(records: Records, item: Item) -> str | None:
    """Why no key is made on a token any more, None where it may be."""
    state = lives.life(records, item.id).state
    if state in (*_OVER, LifeState.DAMAGED):
        return f"it is {state}"
    return "its certificates were to be revoked" if revocations.of_its_keys(records, item.id) else None


def renewable(
    records: Records, item: Item, layout: TokenLayout, way: Way, early: str | None, at: datetime
) -> None:
    """Raise `Refused` for a token that is not to be renewed in this way at this time, saying why."""
    where = f"token {item.mailer_number}"
    if item.state is not ItemState.PRODUCED or item.forgotten is not None:
        told = "its words are forgotten" if item.forgotten else f"it is {item.state}"
        raise Refused(f"{told}; only finished tokens are renewed", where=where, next="order a new one")
    life = lives.life(records, item.id)
    if life.state in _OVER or (life.state is LifeState.DAMAGED and way is Way.SAME):
        advice = "order a new one" if life.state in _OVER else "renew on a new token: --on new-token"
        raise Refused(f"it is {life.state}", where=where, next=advice)
    for renewal in renewals.of_item(records, item.id):
        if renewal.ended_at is None:
            raise Refused(
                f"its renewal {renewal.number} is {renewal.state}",
                where=where,
                next=f"see `station renew show {renewal.number}`",
            )
        if renewal.state is RenewalState.DONE and renewal.new_item is not None:
            number = items.item_of(records, renewal.new_item).mailer_number
            raise Refused(f"token {number} took its place", where=where, next="renew that one")
    if revocations.of_its_keys(records, item.id):
        raise Refused("its certificates were to be revoked", where=where, next="order a new token")
    organisation = orders.order_of(records, item.order_id).organisation
    subscriber = registry.subscriber(records, organisation)
    if subscriber is not None and subscriber.state is SubscriberState.CLOSED:
        raise Refused(f"subscriber {organisation} is closed", where=where, next="ask whose it is by now")
    for number, other, _ in items.subject_orders(records, item.subject_key):
        if other != organisation:
            what = f"its subject was given to another in order {number} (R30)"
            raise Refused(what, where=where, next="ask whose it is, and order under another name")
    _check_time(records, item, layout, way, early, at, where)


def _check_time(
    records: Records,
    item: Item,
    layout: TokenLayout,
    way: Way,
    early: str | None,
    at: datetime,
    where: str,
) -> None:
    ends = expiry.expiry(records, item.id)
    if ends is None:
        raise Refused("no certificate of it is on record", where=where, next="order a new token")
    if ends <= at and way is Way.SAME:
        raise Refused(
            f"its certificates ended on {ends:%Y-%m-%d}, and nothing shows by itself who holds it",
            where=where,
            next="renew on a new token: --on new-token",
        )
    begins = ends - timedelta(days=layout.life.renew_days)
    if at < begins and not early:
        raise Refused(
            f"it is valid until {ends:%Y-%m-%d}, and renewed from {begins:%Y-%m-%d} on",
            where=where,
            next="come back then; or say why it is renewed earlier: --early WHY",
        )


def words(records: Records, item: Item) -> dict[str, str]:
    """What a token was ordered with, and what renewals on it have changed of that since."""
    found = dict(item.fields)
    for renewal in renewals.of_item(records, item.id):
        if renewal.state is RenewalState.DONE and renewal.way is Way.SAME:
            found |= renewal.changes
    return found


def checked(number: str, changes: Mapping[str, str]) -> dict[str, str]:
    """Changed fields as an order has them; raises `FaultyValue` for what no order may have in them."""
    found = {}
    for name, value in changes.items():
        column = BY_NAME.get(name)
        try:
            cleaned = values.clean(value)
            found[name] = column.check(cleaned) if column is not None and cleaned else cleaned
        except values.BadValue as error:
            raise FaultyValue(error.wrong, where=f"{number}, {name}", next=error.right) from None
    return found


def check_fields(
    renewal: Renewal,
    known: Mapping[str, str],
    allowed: Collection[str],
    holds: Collection[str] | None,
    changes: Mapping[str, str],
) -> None:
    """Raise `Refused` for fields that tell who the subject is, or that the layout does not use."""
    fixed = sorted(set(changes) & set(FIXED))
    if fixed:
        raise Refused(
            f"{', '.join(fixed)} tells who the subject is (R30)",
            where=renewal.number,
            next="another subject is another order: cancel this renewal",
        )
    unknown = sorted({*(holds or ()), *changes} - set(allowed) - set(known))
    if unknown:
        raise Refused(
            f"its layout does not use {', '.join(unknown)}",
            where=renewal.number,
            next=f"it uses: {', '.join(sorted(known))}",
        )
