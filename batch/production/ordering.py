"""Ordering a production: a personaliser signs which order is made, in which seats, and until when."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from batch.model.errors import NotTrusted, Refused
from batch.model.orders import Order
from batch.model.people import Signed
from batch.people.acting import Actor, give, keep_alone, register_of
from batch.people.evidence import approval_on_record, warrant_of
from batch.people.separation import Act, Before
from batch.people.warrants import check_production, producing
from batch.store import statements
from batch.store.clock import now
from batch.store.database import Records

SHIFT = timedelta(hours=12)
"""How long what was signed for a production holds where nothing else is said."""

LONGEST = timedelta(days=31)
"""The longest time a production may be ordered beforehand."""


def order_production(
    records: Records, order: Order, actor: Actor, seats: Collection[str], until: datetime | None = None
) -> Signed:
    """Sign that an approved order is made in these seats until then; raises `Refused`, `NotTrusted`."""
    end = now() + SHIFT if until is None else until
    if not now() < end <= now() + LONGEST:
        raise Refused(
            f"until {end.isoformat(timespec='minutes')} is over, or more than {LONGEST.days} days from now",
            where=order.number,
            next="name another time: --until",
        )
    approval = approval_on_record(records, order)
    about = producing(order.number, warrant_of(records, order).approved, seats)
    given = give(
        records,
        actor,
        Act.PRODUCE,
        about,
        subject=order.number,
        where=order.number,
        until=end,
        before={Act.APPROVE: approval.signers},
    )
    keep_alone(records, given, order=order.number)
    return given.signed


def approved_by(records: Records, order: Order) -> Before:
    """Who signed an order's approval, as the records tell it; nobody where there is none."""
    approved = statements.of_subject(records, Act.APPROVE, order.number)
    return {Act.APPROVE: [name for one in approved for name in one.signers]}


def scheduled(records: Records, order: Order, seats: Collection[str]) -> Signed:
    """The last production ordered beforehand that holds for all these seats; raises `Refused` for none."""
    register, approval = register_of(records), approval_on_record(records, order)
    for signed in reversed(ordered(records, order)):
        try:
            for seat in seats:
                check_production(register, approval, signed, seat=seat, at=now())
        except (Refused, NotTrusted):
            continue
        return signed
    raise Refused(
        f"nobody has signed that it is produced now in {', '.join(sorted(seats))}",
        where=order.number,
        next="let a personaliser sign: `station order schedule`",
    )


def ordered(records: Records, order: Order) -> list[Signed]:
    """All that was ever signed to have an order produced, oldest first."""
    return statements.of_subject(records, Act.PRODUCE, order.number)
