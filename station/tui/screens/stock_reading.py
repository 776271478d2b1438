"""What the area of stock shows, read from the records."""

from __future__ import annotations

from dataclasses import dataclass

from batch.life.dispatch.blanks import Line, lines, miscounts
from batch.model.forms import Form, FormBalance, FormNumber, FormRange
from batch.model.states import FormState, ItemState, LoanState, OrderState
from batch.store import forms, loans, order_list
from batch.store.clock import now
from batch.store.database import Records
from batch.store.order_list import OrdersWanted
from batch.store.paging import Page, Place
from station.tui.screens.letters_reading import FormStock, form_stock
from station.wiring import Desk

_TO_MAKE = (OrderState.APPROVED, OrderState.IN_PRODUCTION)
_MOST_NAMED = 5


@dataclass(frozen=True)
class RangeRow:
    """A delivery of forms, and how many of it are in stock."""

    range: FormRange
    in_stock: int


@dataclass(frozen=True)
class Overview:
    """How the stock stands: `wrong` says in words what does not reconcile; `lacking` blanks are too few for
    the tokens `to_make`; `late` of those `lent` should be back.
    """

    blanks: int
    to_make: int
    lacking: int
    wrong: tuple[str, ...]
    balance: FormBalance
    skipped: tuple[str, ...]
    forms: FormStock | None
    lent: int
    late: int


def blanks(_desk: Desk, records: Records) -> list[Line]:
    """Every line of the stock of blanks."""
    return lines(records)


def ranges(_desk: Desk, records: Records) -> list[RangeRow]:
    """Every delivery of forms, the oldest first."""
    return [RangeRow(one, forms.in_stock(records, one)) for one in forms.ranges(records)]


def forms_page(records: Records, place: Place, limit: int, state: FormState | None) -> Page[Form]:
    """The page at a place of forms that left the stock, in a state or any."""
    return forms.page(records, None, state, place, limit)


def overview(desk: Desk, records: Records) -> Overview:
    """How the stock stands."""
    found = lines(records)
    left = sum(max(0, one.counts.in_stock) for one in found)
    waiting = order_list.page(records, OrdersWanted(states=_TO_MAKE)).rows
    to_make = sum(one.items.get(ItemState.PLANNED, 0) for one in waiting)
    wrong = [f"{one.driver} {one.lot or one.model}: {text}" for one in found for text in one.discrepancies]
    balance = forms.balance(records)
    # Every used form is looked at to name those that were passed over.
    skipped = forms.skipped(records, None, _MOST_NAMED) if balance.skipped else []
    lent, today = loans.loans(records, LoanState.LENT), now().date()
    return Overview(
        left,
        to_make,
        max(0, to_make - left) if found else 0,
        (*wrong, *miscounts(records)),
        balance,
        tuple(map(str, skipped)),
        form_stock(desk, records),
        len(lent),
        sum(one.due_on < today for one in lent),
    )


def form_of(records: Records, text: str) -> Form:
    """The form of a number that was read or scanned; raises `FaultyValue`, `NotFound`."""
    return forms.form(records, FormNumber.read(text))
