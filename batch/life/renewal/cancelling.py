"""Ending a renewal that was not done: what was made for it is revoked, its voucher given back."""

from __future__ import annotations

from batch.life.renewal.renewable import gone
from batch.life.renewal.renewing import tell
from batch.model.errors import Refused
from batch.model.renewals import Renewal
from batch.model.states import ItemState, OrderState, RenewalState
from batch.people.acting import Actor
from batch.production.revocation import transaction_of
from batch.store import items, orders, renewals, revocations, vouchers
from batch.store.database import Records
from drivers.authorities.port import Reason


def cancel(records: Records, number: str, who: Actor, reason: str) -> Renewal:
    """End a renewal, and give back its voucher.

    Raises `Refused` where keys are being made on a token that is at hand, or an order for a new one is not
    rejected.
    """
    with records.transaction():
        renewal = renewals.renewal(records, number)
        item = items.item_of(records, renewal.item_id)
        if renewal.state is RenewalState.MAKING and gone(records, item) is None:
            raise Refused(
                "keys are being made on the token",
                where=renewal.number,
                next=f"finish it, or take them off first: `station renew undo {renewal.number} --seat SEAT`",
            )
        if renewal.state is RenewalState.ORDERED and not _given_up(records, renewal):
            raise Refused(
                "a new token is ordered for it",
                where=renewal.number,
                next="reject its order first: `station order reject`",
            )
        return cancelled(records, renewal, who.name, reason)


def cancelled(records: Records, renewal: Renewal, by: str, reason: str) -> Renewal:
    """A renewal is over, and what was issued for keys that took no place is to be revoked.

    Called in the caller's transaction.
    """
    number = items.item_of(records, renewal.item_id).mailer_number
    placed = {
        one.name for one in renewals.former_keys(records, renewal.item_id) if one.renewal_id == renewal.id
    }
    asked = 0
    for key in renewals.keys(records, renewal).values():
        if key.csr is not None and key.name not in placed:
            request, item_id = transaction_of(number, key.name, key.generation), renewal.item_id
            revocations.ask(records, request, item_id, key.certificate, reason=Reason.SUPERSEDED, by=by)
            asked += 1
    renewal = renewals.set_state(records, renewal, RenewalState.CANCELLED)
    renewal = renewals.put(records, renewal, {"reason": reason})
    if renewal.voucher is not None:
        vouchers.give_back(records, renewal.voucher)
    detail: dict[str, object] = {"reason": reason, "voucher given back": renewal.voucher, "revoked": asked}
    tell(records, "renewal.cancelled", by, renewal, detail)
    return renewal


def _given_up(records: Records, renewal: Renewal) -> bool:
    if renewal.new_item is None:
        return True
    new = items.item_of(records, renewal.new_item)
    rejected = orders.order_of(records, new.order_id).state is OrderState.REJECTED
    over = new.state in (ItemState.SPOILED, ItemState.CANCELLED)
    return rejected or (over and items.replacement(records, new.id) is None)
