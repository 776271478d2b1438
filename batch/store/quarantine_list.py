"""Stays in quarantine as lists show them, in pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batch.model.orders import Item
from batch.model.quarantine import Stay
from batch.store import id_sets, quarantine
from batch.store.database import Records
from batch.store.id_sets import IdSet, Indexed, Listed
from batch.store.lists import load
from batch.store.paging import FIRST, MOST, UPTO, Count, Page, Place


@dataclass(frozen=True)
class StaysWanted:
    """Which stays: those that last still, or all; of an order (its id) or any."""

    lasting: bool = True
    order_id: int | None = None


@dataclass(frozen=True)
class ListedStay:
    """A stay with its item and the number of its order."""

    stay: Stay
    item: Item
    order: str


def page(
    records: Records, wanted: StaysWanted, place: Place = FIRST, limit: int = MOST, *, newest: bool = True
) -> Page[ListedStay]:
    """The page at a place of the stays that are wanted, the newest first or the oldest."""
    sets = sets_of(records, wanted)
    return id_sets.page(records, sets, lambda ids: _load(records, ids), place, limit, newest=newest)


def count(records: Records, wanted: StaysWanted, upto: int = UPTO) -> Count:
    """How many stays are wanted, counted up to a number."""
    return id_sets.count(records, sets_of(records, wanted), upto)


def sets_of(records: Records, wanted: StaysWanted) -> list[IdSet]:
    """The sets of which the stays that are wanted are in all."""
    found: list[IdSet] = []
    if wanted.order_id is not None:
        rows = records.rows(
            "SELECT q.id FROM items i CROSS JOIN quarantine q ON q.item_id = i.id WHERE i.order_id = ?",
            (wanted.order_id,),
        )
        found.append(Listed(tuple(sorted(row[0] for row in rows))))
    if wanted.lasting:
        found.append(Indexed("id", "quarantine", "left_at IS NULL"))
    return found or [Indexed("id", "quarantine")]


def _load(records: Records, ids: Sequence[int]) -> list[ListedStay]:
    stays = quarantine.stays_of(records, ids)
    tokens = {one.item.id: one for one in load(records, list({stay.item_id for stay in stays}))}
    return [ListedStay(stay, tokens[stay.item_id].item, tokens[stay.item_id].order) for stay in stays]
