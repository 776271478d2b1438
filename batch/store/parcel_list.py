"""Parcels as lists show them, in pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batch.model.dispatch import Parcel
from batch.model.states import ParcelState
from batch.store import id_sets, orders, parcels
from batch.store.database import Records
from batch.store.id_sets import IdSet, Indexed, any_of
from batch.store.paging import FIRST, MOST, UPTO, Count, Page, Place


@dataclass(frozen=True)
class ParcelsWanted:
    """Which parcels: of an order (its id), in any of some states. None: any."""

    order_id: int | None = None
    states: tuple[ParcelState, ...] = ()


@dataclass(frozen=True)
class ListedParcel:
    """A parcel with its order's number and subscriber, how many tokens are in it, and were read."""

    parcel: Parcel
    order: str
    subscriber: str
    tokens: int
    read: int


def page(
    records: Records, wanted: ParcelsWanted, place: Place = FIRST, limit: int = MOST, *, newest: bool = True
) -> Page[ListedParcel]:
    """The page at a place of the parcels that are wanted, the newest first or the oldest."""
    sets = sets_of(wanted)
    return id_sets.page(records, sets, lambda ids: _load(records, ids), place, limit, newest=newest)


def count(records: Records, wanted: ParcelsWanted, upto: int = UPTO) -> Count:
    """How many parcels are wanted, counted up to a number."""
    return id_sets.count(records, sets_of(wanted), upto)


def sets_of(wanted: ParcelsWanted) -> list[IdSet]:
    """The sets of which the parcels that are wanted are in all."""
    found: list[IdSet] = []
    if wanted.order_id is not None:
        found.append(Indexed("id", "parcels", "order_id = ?", (wanted.order_id,)))
    if wanted.states:
        found.append(any_of([Indexed("id", "parcels", "state = ?", (one,)) for one in wanted.states]))
    return found or [Indexed("id", "parcels")]


def _load(records: Records, ids: Sequence[int]) -> list[ListedParcel]:
    found = parcels.parcels_of(records, ids)
    packed = {
        id_: (tokens, read)
        for id_, tokens, read in records.rows(
            "SELECT parcel_id, count(*), count(read_at) FROM parcel_tokens "
            f"WHERE parcel_id IN ({', '.join('?' * len(ids))}) GROUP BY parcel_id",
            ids,
        )
    }
    whose = sorted({parcel.order_id for parcel in found})
    by_id = {order.id: order for order in orders.orders_of(records, whose)}
    return [
        ListedParcel(
            parcel,
            by_id[parcel.order_id].number,
            by_id[parcel.order_id].subscriber,
            *packed.get(parcel.id, (0, 0)),
        )
        for parcel in found
    ]
