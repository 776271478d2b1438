"""What is due about tokens that wait to go or are on their way, and about what is lent or lies in stock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from batch.life.dispatch import acknowledging, blanks, loans, reminders
from batch.life.duties import Duty
from batch.life.field.due import LayoutOf
from batch.model.people import Role
from batch.model.states import ParcelState
from batch.store import orders, parcels, registry
from batch.store.database import Records
from batch.store.parcels import Unpacked
from layouts.life import Release

PACKED_WITHIN = timedelta(days=7)
"""How long a finished token that may go lies at the desk."""


def duties(records: Records, layout_of: LayoutOf, on: date) -> Iterator[Duty]:
    """All of it, for dispatchers, order officers and revocation officers."""
    yield from _tokens(records, layout_of, on)
    for parcel in parcels.parcels(records, None, ParcelState.PACKING, ParcelState.CLOSED):
        closed = parcel.state is ParcelState.CLOSED
        what = "send the parcel" if closed else "pack, read and close the parcel"
        command = f"station dispatch {'send' if closed else 'show'} {parcel.number}"
        begun = (parcel.closed_at or parcel.made_at).date()
        yield Duty(Role.DISPATCHER, what, f"parcel {parcel.number}", begun, command)
    yield from acknowledging.duties(records, on)
    yield from reminders.duties(records, layout_of, on)
    yield from loans.duties(records, on)
    for wrong in blanks.miscounts(records):
        yield Duty(
            Role.PERSONALISER,
            f"find out why blanks are missing: {wrong}",
            "blanks",
            on,
            "station stock blanks list",
        )


def _tokens(records: Records, layout_of: LayoutOf, on: date) -> Iterator[Duty]:
    """Tokens that may go and lie in no parcel, by order."""
    waiting: dict[int, list[Unpacked]] = {}
    for some in parcels.count_unpacked(records):
        # Elsewhere its holder comes for it: that is due in the field.
        if layout_of(some.layout).release is Release.AFTER_ACKNOWLEDGEMENT:
            manager = registry.person(records, some.manager) if some.manager is not None else None
            if some.manager is None or (manager is not None and manager.manager and manager.valid(on)):
                waiting.setdefault(some.order_id, []).append(some)
    for order_id, those in waiting.items():
        number = orders.order_of(records, order_id).number
        count = sum(some.count for some in those)
        yield Duty(
            Role.DISPATCHER,
            f"dispatch {count} finished token{'' if count == 1 else 's'}",
            f"order {number}",
            min(some.since for some in those).date() + PACKED_WITHIN,
            f"station dispatch new {number}",
        )
