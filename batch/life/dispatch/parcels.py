"""Parcels: which tokens go in one, that each is the right one and unused, and that they go."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime

from batch.audit.log import log
from batch.letters.policy import had_letter, letter_left
from batch.life.dispatch import quoting
from batch.life.field.due import LayoutOf
from batch.life.wording import checked
from batch.model.dispatch import Loan, Packed, Parcel
from batch.model.errors import NotFound, Refused
from batch.model.events import Event
from batch.model.orders import Item, Order
from batch.model.states import ItemState, LifeState, LoanState, ParcelState
from batch.people import registry
from batch.people.separation import Act, Before, apart
from batch.store import items, lives, loans, orders, parcels, restores, revocations
from batch.store.clock import now
from batch.store.database import Records

_HERE = (LifeState.AT_DESK, LifeState.RETURNED)


@dataclass(frozen=True)
class Addressee:
    """Whom a parcel goes to: a certificate manager, or the holder where there is none; and the address."""

    name: str
    email: str
    lines: tuple[str, ...]


def addressee(item: Item) -> Addressee:
    """Whom an item's token goes to, as its order says; empty once that is forgotten."""
    fields = item.fields
    person = " ".join(filter(None, (fields.get("given_name"), fields.get("surname"))))
    lines = [fields.get(f"address_{number}", "").strip() for number in range(1, 5)]
    name, email = fields.get("manager") or person, fields.get("manager_email") or fields.get("email", "")
    return Addressee(name, email, tuple(line for line in lines if line))


def addressee_of(records: Records, parcel: Parcel) -> Addressee | None:
    """Whom a parcel goes to, None while nothing is in it."""
    first = parcels.first_in(records, parcel)
    return addressee(items.item_of(records, first)) if first is not None else None


def certificate_name(item: Item) -> str:
    """What an item's certificate is called: the name of its group, or of its holder."""
    fields = item.fields
    return fields.get("group") or " ".join(filter(None, (fields.get("given_name"), fields.get("surname"))))


def before(records: Records, *of: Item) -> Before:
    """Who had to do with the letters of tokens, and so does not have the tokens as well (R1)."""
    found: dict[Act, list[str]] = {}
    for item in of:
        order = orders.order_of(records, item.order_id)
        for act, names in had_letter(records, item, order.number).items():
            found.setdefault(act, []).extend(names)
    return found


def before_parcel(records: Records, number: str) -> Before:
    """The same of all tokens of a parcel; nobody where there is no such parcel."""
    with suppress(NotFound):
        inside = parcels.packed(records, parcels.parcel(records, number))
        return before(records, *(items.item_of(records, one.item_id) for one in inside))
    return {}


def begin(records: Records, number: str, by: str) -> Parcel:
    """A new parcel for tokens of an order, empty; raises `NotFound`."""
    with records.transaction():
        restores.refuse_open(records)
        order = orders.order(records, number)
        parcel = parcels.add(records, order, by)
        log(records, Event("parcel.begun", by, order=order.number, detail={"parcel": parcel.number}))
    return parcel


def begin_each(
    records: Records, number: str, layout_of: LayoutOf, by: str, on: date
) -> list[tuple[Parcel, list[str]]]:
    """A parcel for every manager and address that tokens of an order go to, with all that may go.

    Raises `Refused` where none may; a desk that ends in between goes on with those that are left.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for token in dispatchable(records, number, layout_of, on):
        groups.setdefault(_compared(addressee(items.item(records, token))), []).append(token)
    if not groups:
        raise Refused(
            "no token of it may go that lies in no parcel",
            where=number,
            next=f"see `station token list --order {number}` and `station dispatch list`",
        )
    made = []
    for tokens in groups.values():
        parcel = begin(records, number, by)
        add(records, parcel.number, tokens, layout_of, by, on)
        made.append((parcel, tokens))
    return made


def add(records: Records, number: str, tokens: Sequence[str], layout_of: LayoutOf, by: str, on: date) -> None:
    """Put tokens into a parcel, all or none; raises `Refused` for one that may not go, or goes elsewhere."""
    with records.transaction():
        parcel = in_state(records, number, ParcelState.PACKING)
        order = orders.order_of(records, parcel.order_id)
        for token in tokens:
            item = items.item(records, token)
            where = f"token {item.mailer_number}"
            apart(Act.DISPATCH, by, where=where, before=before(records, item))
            if item.order_id != order.id:
                raise Refused(f"it is not of order {order.number}, as the parcel is", where=where)
            if (other := parcels.open_of_item(records, item.id)) is not None:
                raise Refused(
                    f"it lies in parcel {other.number}", where=where, next="take it out there first"
                )
            need_dispatchable(records, item, layout_of, on)
            _need_addressee(records, parcel, item)
            parcels.put_in(records, parcel, item.id, by)
            log(records, _event("parcel.token-added", by, order, item, parcel))


def dispatchable(records: Records, number: str, layout_of: LayoutOf, on: date) -> list[str]:
    """The numbers of an order's tokens that may go and lie in no parcel yet."""
    order = orders.order(records, number)
    return [
        item.mailer_number
        for item in items.items(records, order, ItemState.PRODUCED)
        if why_not(records, item, layout_of, on) is None and parcels.open_of_item(records, item.id) is None
    ]


def ready_for(records: Records, number: str, layout_of: LayoutOf, on: date) -> list[str]:
    """The numbers of tokens that may go with a parcel: to its addressee; while it is empty, to the first."""
    parcel = in_state(records, number, ParcelState.PACKING)
    order = orders.order_of(records, parcel.order_id)
    found = [items.item(records, one) for one in dispatchable(records, order.number, layout_of, on)]
    to = addressee_of(records, parcel) or (addressee(found[0]) if found else None)
    return [one.mailer_number for one in found if to and _compared(addressee(one)) == _compared(to)]


def remove(records: Records, number: str, tokens: Sequence[str], by: str) -> None:
    """Take tokens out of a parcel; raises `NotFound` for one that is not in it."""
    with records.transaction():
        parcel = in_state(records, number, ParcelState.PACKING)
        order = orders.order_of(records, parcel.order_id)
        for token in tokens:
            item = items.item(records, token)
            _packed_in(records, parcel, item)
            parcels.take_out(records, parcel, item.id)
            log(records, _event("parcel.token-removed", by, order, item, parcel))


def close(records: Records, number: str, layout_of: LayoutOf, by: str, on: date) -> Parcel:
    """Close a parcel: every token in it was read in it, and may still go.

    Each gets the number that acknowledges it. Raises `Refused`.
    """
    with records.transaction():
        parcel = in_state(records, number, ParcelState.PACKING)
        order, inside = orders.order_of(records, parcel.order_id), parcels.packed(records, parcel)
        if not inside:
            raise Refused("nothing is in it", where=f"parcel {number}", next="station dispatch add")
        if unread := [one for one in inside if one.read_at is None]:
            first = items.item_of(records, unread[0].item_id).mailer_number
            raise Refused(
                f"{len(unread)} of its {len(inside)} tokens were not read in it and found right, "
                f"{first} among them",
                where=f"parcel {number}",
                next=f"put each into a reader: station dispatch check {number} --seat NAME",
            )
        for one in inside:
            item = items.item_of(records, one.item_id)
            apart(Act.DISPATCH, by, where=f"token {item.mailer_number}", before=before(records, item))
            need_dispatchable(records, item, layout_of, on)
            _need_addressee(records, parcel, item)
            parcels.handle(records, item.id, by)
            parcels.set_quoted(records, parcel, item.id, quoting.draw(item.mailer_number))
        parcel = parcels.set_state(records, parcel, ParcelState.CLOSED, by)
        detail = {"parcel": parcel.number, "tokens": len(inside), "loans": len(_loans(records, parcel))}
        log(records, Event("parcel.closed", by, order=order.number, detail=detail))
    return parcel


def reopen(records: Records, number: str, by: str, reason: str) -> Parcel:
    """Open a closed parcel again: what was read in it counts no more, and its papers are void."""
    with records.transaction():
        parcel = parcels.parcel(records, number)
        order = orders.order_of(records, parcel.order_id)
        parcel = parcels.set_state(records, parcel, ParcelState.PACKING, by, reason=reason)
        for one in parcels.packed(records, parcel):
            parcels.set_read(records, parcel, one.item_id, None, None)
            parcels.set_quoted(records, parcel, one.item_id, None)
        detail = {"parcel": number, "reason": reason}
        log(records, Event("parcel.opened", by, order=order.number, detail=detail))
    return parcel


def cancel(records: Records, number: str, by: str, reason: str) -> Parcel:
    """Give up a parcel that was not sent; its tokens lie at the desk, what was lent with it is back."""
    with records.transaction():
        parcel = parcels.parcel(records, number)
        order = orders.order_of(records, parcel.order_id)
        parcel = parcels.set_state(records, parcel, ParcelState.CANCELLED, by, reason=reason)
        for loan in _loans(records, parcel):
            loans.set_state(records, loan, LoanState.RETURNED, by, "its parcel was never sent")
        detail = {"parcel": number, "reason": reason}
        log(records, Event("parcel.cancelled", by, order=order.number, detail=detail))
    return parcel


def send(
    records: Records,
    number: str,
    layout_of: LayoutOf,
    by: str,
    *,
    courier: str,
    reference: str,
    at: datetime | None = None,
) -> Parcel:
    """A closed parcel goes, with a courier's name and reference: its tokens are dispatched.

    Raises `Refused` for one that may not go any more, such as one that is to be revoked.
    """
    at, courier, reference = at or now(), checked(courier, "courier"), checked(reference, "reference")
    with records.transaction():
        restores.refuse_open(records)
        parcel = in_state(records, number, ParcelState.CLOSED)
        order = orders.order_of(records, parcel.order_id)
        events = []
        for one in parcels.packed(records, parcel):
            item = items.item_of(records, one.item_id)
            apart(Act.DISPATCH, by, where=f"token {item.mailer_number}", before=before(records, item))
            need_dispatchable(records, item, layout_of, at.date())
            parcels.handle(records, item.id, by)
            lives.set_state(records, item.id, LifeState.DISPATCHED, at)
            events.append(_event(str(Act.DISPATCH), by, order, item, parcel))
        parcel = parcels.set_state(
            records, parcel, ParcelState.SENT, by, at=at, courier=courier, reference=reference
        )
        detail = {"parcel": number, "courier": courier, "reference": reference, "tokens": len(events)}
        kept = {"parcel": parcels.whole(records, parcel)}
        log(records, Event("parcel.sent", by, order=order.number, detail=detail, kept=kept), *events)
    return parcel


def why_not(records: Records, item: Item, layout_of: LayoutOf, on: date) -> str | None:
    """Why a token may not be dispatched on a day, None where it may (R2, R5)."""
    if item.state is not ItemState.PRODUCED:
        return f"it is {item.state}"
    life = lives.life_or_none(records, item.id)
    if life is None or life.state not in _HERE:
        return f"it is {life.state if life else 'nowhere'}"
    if revocations.of_its_keys(records, item.id):
        return "its certificates are revoked, or are to be"
    if item.fields.get("manager_email"):
        order = orders.order_of(records, item.order_id)
        manager = registry.manager_of(records, order.organisation, item.fields["manager_email"])
        if manager is None or not manager.valid(on):
            return "its certificate manager is none any more"
    return letter_left(records, item, layout_of(item.layout), on).reason


def need_dispatchable(records: Records, item: Item, layout_of: LayoutOf, on: date) -> None:
    """Raise `Refused` with the reason where a token may not be dispatched on a day."""
    if (reason := why_not(records, item, layout_of, on)) is not None:
        raise Refused(
            reason, where=f"token {item.mailer_number}", next="leave it out: station dispatch remove"
        )


def _need_addressee(records: Records, parcel: Parcel, item: Item) -> None:
    to, whole = addressee(item), addressee_of(records, parcel)
    where = f"token {item.mailer_number}"
    if not to.name or not to.lines:
        raise Refused("whom it goes to is not on record", where=where)
    if whole is not None and _compared(whole) != _compared(to):
        raise Refused(
            f"it goes to another manager or address than the tokens in parcel {parcel.number}",
            where=where,
            next="make another parcel: station dispatch new",
        )


def _compared(one: Addressee) -> tuple[str, ...]:
    return tuple(" ".join(part.split()).casefold() for part in (one.name, one.email, *one.lines))


def in_state(records: Records, number: str, state: ParcelState) -> Parcel:
    """The parcel of a number; raises `Refused` where it is in another state, `NotFound`."""
    parcel = parcels.parcel(records, number)
    if parcel.state is not state:
        raise Refused(f"it is {parcel.state}, not {state}", where=f"parcel {number}")
    return parcel


def _packed_in(records: Records, parcel: Parcel, item: Item) -> Packed:
    inside = parcels.packed_in(records, parcel, item.id)
    if inside is None:
        raise NotFound(
            f"it is not in parcel {parcel.number}",
            where=f"token {item.mailer_number}",
            next=f"see `station dispatch show {parcel.number}`",
        )
    return inside


def _loans(records: Records, parcel: Parcel) -> list[Loan]:
    return loans.loans(records, LoanState.LENT, parcel_id=parcel.id)


def _event(name: str, by: str, order: Order, item: Item, parcel: Parcel) -> Event:
    detail = {"parcel": parcel.number}
    return Event(
        name, by, order=order.number, item=item.mailer_number, token=item.token_serial, detail=detail
    )
