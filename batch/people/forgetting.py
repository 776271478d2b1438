"""What persons' data is kept for how long, and forgetting it when its time is over.

What R37 wants kept is kept until then; what nothing wants kept may be forgotten as soon as it is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta

from batch.audit.contents import commitment
from batch.audit.log import log
from batch.audit.registry import FORGOTTEN
from batch.model.errors import Refused
from batch.model.events import Event
from batch.model.orders import Order
from batch.model.registry import Function, Person
from batch.model.states import OPEN, OrderState, PersonState
from batch.people.registry import require_person, today
from batch.store import acknowledgements, assessments, forgetting, items, orders, registry
from batch.store.database import Records, moment
from drivers.foreign_certificates import load_certificate

ORDER_FORGOTTEN = "order.forgotten"


@dataclass(frozen=True)
class Retention:
    """For how many years after it is over something is kept.

    `managers`: persons for whom certificates were made, after the last of those ended. `people`: all others.
    `orders`: persons' words in orders, after the last certificate ended. `rejected`: where none was made.
    """

    managers: int = 7
    people: int = 1
    orders: int = 7
    rejected: int = 1


@dataclass(frozen=True)
class Due:
    """A person or an order by number, of which `kind`, `over` since a day, to be forgotten from another on.

    `held`: until then it must be kept (R37).
    """

    name: str
    kind: str
    over: date
    on: date
    held: bool


def due(records: Records, retention: Retention, on: date | None = None) -> list[Due]:
    """All that may be forgotten on a day or today, orders before persons."""
    day = on or today()
    # Of most orders the first certificate tells that they are kept; the last is found by reading all of them.
    kept = _years_before(day, retention.orders)
    old = [one for one in orders.orders(records) if not forgetting.certified_after(records, one, kept)]
    found = [_of_order(records, order, retention, day) for order in old]
    found += [_of_person(records, person, retention, day) for person in registry.persons(records)]
    return [one for one in found if one is not None and one.on <= day]


def forget(records: Records, name: str, retention: Retention, *, operator: str) -> Due:
    """Forget the person or the words of the order of a number for good.

    Raises `NotFound`, or `Refused` while it is in use or must be kept. What the log tells still holds.
    """
    with records.transaction():
        return _forget(records, name, retention, operator)


def _forget(records: Records, name: str, retention: Retention, operator: str) -> Due:
    if name.startswith("P"):
        person = require_person(records, name)
        found = _checked(name, _of_person(records, person, retention, today()))
        acknowledgements.forget_sender(records, person.email)
        registry.forget_person(records, person)
        detail = {"person": name, "subscriber": person.organisation}
        log(records, Event(FORGOTTEN, operator, detail=detail))
        return found
    order = orders.order(records, name)
    if forgetting.is_forgotten(records, order):
        raise Refused("was forgotten already", where=name)
    found = _checked(name, _of_order(records, order, retention, today()))
    for item in items.items(records, order):
        forgetting.forget_item(records, item, commitment(item))
    assessments.forget_signature(records, order.id)
    log(records, Event(ORDER_FORGOTTEN, operator, order=order.number))
    records.ledger.blank(order.number)
    return found


def _checked(name: str, found: Due | None) -> Due:
    if found is None:
        raise Refused("is not over: it is still in use", where=name, next="end or close it first")
    if found.held and found.on > today():
        raise Refused(f"must be kept until {found.on} (R37)", where=name, next="see `station registry due`")
    return found


def _of_order(records: Records, order: Order, retention: Retention, day: date) -> Due | None:
    """None while an order is not over on a day, or when it is forgotten."""
    if forgetting.is_forgotten(records, order):
        return None
    if order.state is OrderState.REJECTED and order.decided_at is not None:
        over = order.decided_at.date()
        return Due(order.number, "rejected order", over, _after(over, retention.rejected), held=False)
    under_way = any(True for _ in items.items(records, order, *OPEN))
    if under_way or forgetting.unsettled(records, order) or forgetting.renewal_under_way(records, order):
        return None
    ended = moment(forgetting.last_ended(records, order)) or order.decided_at or order.imported_at
    ends = list(_ends(records, order))
    over = max([ended.date(), *ends])
    if over > day:
        return None
    if not ends:
        return Due(order.number, "rejected order", over, _after(over, retention.rejected), held=False)
    return Due(order.number, "order", over, _after(over, retention.orders), held=True)


def _of_person(records: Records, person: Person, retention: Retention, day: date) -> Due | None:
    """None while a person is at work on a day, or forgotten."""
    over = _left(person)
    if person.forgotten is not None or over is None or over > day:
        return None
    certified = False
    for order_id in forgetting.orders_naming(records, person.organisation, person.email):
        order = orders.order_of(records, order_id)
        named = _of_order(records, order, retention, day)
        if named is None:
            return None
        certified |= named.held
        over = max(over, named.over)
    if certified or person.registered_on is not None:
        return Due(person.number, "manager", over, _after(over, retention.managers), held=True)
    return Due(person.number, "person", over, _after(over, retention.people), held=False)


def _left(person: Person) -> date | None:
    """Since when somebody has no function; a manager who was only ever named never had one."""
    if person.state is PersonState.ENDED:
        return person.ended_on
    if person.valid_until is not None:
        return person.valid_until + timedelta(days=1)
    only_named = person.state is PersonState.NAMED and person.functions == (Function.MANAGER,)
    return person.since if only_named else None


def _ends(records: Records, order: Order) -> Iterator[date]:
    """The last days of the certificates of an order, of those on its tokens only the very last."""
    last = forgetting.last_certificate_end(records, order)
    if last is not None:
        yield last.date()
    for certificate in forgetting.other_certificates(records, order):
        with suppress(ValueError):  # a CA may have sent anything
            yield load_certificate(certificate).not_valid_after_utc.date()


def _years_before(day: date, years: int) -> date:
    """A day after which whatever ended is kept on this day for so many years."""
    year = max(day.year - years, date.min.year)
    return date(year, 3, 1) if (day.month, day.day) == (2, 29) else day.replace(year=year)


def _after(day: date, years: int) -> date:
    year = min(day.year + years, date.max.year)
    return date(year, 3, 1) if (day.month, day.day) == (2, 29) else day.replace(year=year)
