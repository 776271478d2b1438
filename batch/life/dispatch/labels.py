"""What stands on the labels of parcels and tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from batch.audit.log import log
from batch.life.dispatch.parcels import addressee_of, certificate_name
from batch.model.errors import Refused
from batch.model.events import Event
from batch.model.states import ItemState, ParcelState
from batch.people.separation import Act
from batch.store import items, orders, parcels
from batch.store.database import Records
from layouts.label import Label, LabelLayout, compose


def parcel_labels(records: Records, layout: LabelLayout, numbers: Iterable[str]) -> list[Label]:
    """Address labels of closed parcels, in that order; raises `Refused`, `NotFound`, `LayoutError`."""
    made = []
    for number in numbers:
        parcel = parcels.parcel(records, number)
        if parcel.state not in (ParcelState.CLOSED, ParcelState.SENT):
            what = f"it is {parcel.state}; a label is for a closed one, of which it is certain where it goes"
            raise Refused(what, where=f"parcel {number}", next=f"station dispatch close {number}")
        to = addressee_of(records, parcel)
        if to is None or not to.name:
            raise Refused("whom it goes to is forgotten", where=f"parcel {number}")
        order = orders.order_of(records, parcel.order_id)
        values: dict[str, str | tuple[str, ...]] = {
            "parcel": parcel.number,
            "order": order.number,
            "subscriber": order.subscriber,
            "manager": to.name,
            "address": to.lines,
        }
        made.append(compose(layout, values))
    return made


def token_labels(records: Records, layout: LabelLayout, numbers: Iterable[str]) -> list[Label]:
    """Labels of produced tokens by number, in that order; raises `Refused`, `NotFound`, `LayoutError`."""
    made = []
    for number in numbers:
        item = items.item(records, number)
        if item.state is not ItemState.PRODUCED:
            what = f"it is {item.state}; a half-made token that has a label looks finished"
            raise Refused(what, where=f"token {number}")
        order = orders.order_of(records, item.order_id)
        values = {
            "number": item.mailer_number,
            "order": order.number,
            "subscriber": order.subscriber,
            "certificate": certificate_name(item),
            "serial": item.token_serial or "-",
        }
        made.append(compose(layout, values))
    return made


def keep(records: Records, of: str, numbers: Sequence[str], by: str) -> None:
    """Put on record that somebody had labels of parcels or tokens printed, or drawn on sheets."""
    with records.transaction():
        log(records, Event(str(Act.LABEL), by, detail={"of": of, "numbers": [*numbers]}))
