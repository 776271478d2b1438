"""What is due about tokens that wait to go or are on their way, and about what is lent or lies in stock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta

from batch.life.dispatch import acknowledging, blanks, loans, reminders
from batch.life.dispatch.parcels import why_not
from batch.life.duties import Duty
from batch.life.field.due import LayoutOf
from batch.model.people import Role
from batch.model.states import ParcelState
from batch.store import items, lives, orders, parcels
from batch.store.database import Records
from layouts.errors import LayoutError
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
    waiting: dict[int, list[date]] = {}
    for item_id, order_id in parcels.unpacked(records):
        item = items.item_of(records, item_id)
        with suppress(LayoutError):
            # Elsewhere its holder comes for it: that is due in the field.
            if layout_of(item.layout).release is not Release.AFTER_ACKNOWLEDGEMENT:
                continue
        if why_not(records, item, layout_of, on) is None:
            waiting.setdefault(order_id, []).append(lives.life(records, item_id).since.date())
    for order_id, since in waiting.items():
        number = orders.order_of(records, order_id).number
        what = f"dispatch {len(since)} finished token{'' if len(since) == 1 else 's'}"
        yield Duty(
            Role.DISPATCHER,
            what,
            f"order {number}",
            min(since) + PACKED_WITHIN,
            f"station dispatch new {number}",
        )
