"""What of an order is in which state, counted, with the first numbers of each: for closing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from batch.model.orders import Order
from batch.model.states import (
    AcknowledgementState,
    FormState,
    ItemState,
    LetterState,
    LifeState,
    ParcelState,
)
from batch.store.database import Records

_SHOWN = 3

_HOLDS = (
    "EXISTS (SELECT 1 FROM keys k WHERE k.item_id = i.id AND k.certificate IS NOT NULL "
    "AND (k.not_after IS NULL OR k.not_after >= ?) AND NOT EXISTS "
    "(SELECT 1 FROM revocations r WHERE r.item_id = k.item_id AND r.certificate = k.certificate))"
)
"""Whether a certificate of an item `i` holds on a day: it has not ended, and nobody asked to revoke it."""


@dataclass(frozen=True)
class Some:
    """How many there are, and the numbers of the first."""

    count: int
    first: tuple[str, ...]

    def __bool__(self) -> bool:
        return self.count > 0


def holds(records: Records, item_id: int, on: date) -> bool:
    """Whether a certificate of a token holds on a day; none of one whose words are forgotten."""
    row = records.row(f"SELECT 1 FROM items i WHERE i.id = ? AND {_HOLDS}", (item_id, on.isoformat()))
    return row is not None


def items_in(records: Records, order: Order, state: ItemState) -> Some:
    """Tokens of an order in a state of making."""
    return _some(records, "mailer_number FROM items WHERE order_id = ? AND state = ?", (order.id, state))


def lives_in(records: Records, order: Order, state: LifeState, *, holding_on: date | None = None) -> Some:
    """Finished tokens of an order in a state; with a day, those with a certificate that holds then."""
    held, parameters = ("", []) if holding_on is None else (f"AND {_HOLDS}", [holding_on.isoformat()])
    return _some(
        records,
        "i.mailer_number FROM items i JOIN lives l ON l.item_id = i.id "
        f"WHERE i.order_id = ? AND i.state = ? AND l.state = ? {held}",
        (order.id, ItemState.PRODUCED, state, *parameters),
    )


def letters_in(records: Records, order: Order, state: LetterState, *, holding_on: date | None = None) -> Some:
    """Letters of an order in a state; with a day, those of tokens with a certificate that holds then."""
    held, parameters = ("", []) if holding_on is None else (f"AND {_HOLDS}", [holding_on.isoformat()])
    return _some(
        records,
        "i.mailer_number FROM items i JOIN letters t ON t.item_id = i.id "
        f"WHERE i.order_id = ? AND t.state = ? {held}",
        (order.id, state, *parameters),
    )


def forms_in(records: Records, order: Order, state: FormState, *, holding_on: date | None = None) -> Some:
    """Forms that letters of an order were printed on, in a state; with a day, as `letters_in`."""
    held, parameters = ("", []) if holding_on is None else (f"AND {_HOLDS}", [holding_on.isoformat()])
    return _some(
        records,
        "f.number FROM items i JOIN forms f ON f.letter = i.mailer_number "
        f"WHERE i.order_id = ? AND f.state = ? {held}",
        (order.id, state, *parameters),
    )


def parcels_in(records: Records, order: Order, state: ParcelState) -> Some:
    """Parcels of an order in a state."""
    return _some(records, "number FROM parcels WHERE order_id = ? AND state = ?", (order.id, state))


def acknowledgements_waiting(records: Records, order: Order) -> Some:
    """Tokens of an order of which an acknowledgement waits for a person."""
    return _some(
        records,
        "i.mailer_number FROM acknowledgements a JOIN items i ON i.id = a.item_id "
        "WHERE a.state = ? AND i.order_id = ?",
        (AcknowledgementState.WAITING, order.id),
    )


def revocations_waiting(records: Records, order: Order) -> Some:
    """Tokens of an order whose certificates are to be revoked, and the CA has not answered."""
    return _some(
        records,
        "DISTINCT i.mailer_number FROM revocations r JOIN items i ON i.id = r.item_id "
        "WHERE r.settled_at IS NULL AND i.order_id = ?",
        (order.id,),
    )


def forms(records: Records, order: Order) -> dict[FormState, int]:
    """How many forms that letters of an order were printed on are in each state."""
    rows = records.rows(
        "SELECT f.state, count(*) FROM items i JOIN forms f ON f.letter = i.mailer_number "
        "WHERE i.order_id = ? GROUP BY f.state",
        (order.id,),
    )
    found = dict(rows)
    return {state: int(found[state]) for state in FormState if state in found}


def admins_in_custody(records: Records, order: Order) -> int:
    """Of how many finished tokens of an order the admin credential comes out of custody only."""
    row = records.row(
        "SELECT count(*) FROM items i JOIN codes c ON c.item_id = i.id "
        "WHERE i.order_id = ? AND i.state = ? AND c.diversified_from IS NULL",
        (order.id, ItemState.PRODUCED),
    )
    return int(row[0]) if row else 0


def _some(records: Records, selected: str, parameters: Sequence[Any]) -> Some:
    row = records.row(f"SELECT count(*) FROM (SELECT {selected})", parameters)
    count = int(row[0]) if row else 0
    first = records.rows(f"SELECT {selected} ORDER BY 1 LIMIT {_SHOWN}", parameters) if count else []
    return Some(count, tuple(str(one[0]) for one in first))
