"""What the area of dispatch shows, read from the records: never the number that acknowledges a token."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice

from batch.life.dispatch.acknowledging import before as before_deciding
from batch.life.dispatch.parcels import addressee_of, before_parcel, certificate_name, why_not
from batch.life.dispatch.quoting import whole
from batch.life.dispatch.reminders import late, late_loans
from batch.model.dispatch import Acknowledgement, Loan
from batch.model.states import AcknowledgementState, LoanState, ParcelState
from batch.people.separation import Before
from batch.store import acknowledgements, items, lives, loans, orders, parcel_list, parcels
from batch.store.clock import now
from batch.store.database import Records
from batch.store.paging import Count, Page, Place
from batch.store.parcel_list import ParcelsWanted
from layouts.scans import parse
from station.wiring import Desk

_MOST_PACKED = 2_000
"""Tokens of an order that are looked at for whether they may go."""

_MOST_TOLD = 200
_OPEN = (ParcelState.PACKING, ParcelState.CLOSED)


@dataclass(frozen=True)
class ParcelRow:
    """A parcel, whom it goes to, how many tokens are in it and how many of them were read."""

    number: str
    order: str
    state: ParcelState
    to: str
    tokens: int
    read: int
    went: str


@dataclass(frozen=True)
class PackedToken:
    """A token in a parcel, what its certificate is called, whether it was read there, and where it is."""

    number: str
    certificate: str
    read: bool
    life: str


@dataclass(frozen=True)
class ParcelFacts:
    """More about one parcel."""

    address: tuple[str, ...]
    made: str
    closed: str | None
    sent: str | None
    reason: str | None
    tokens: tuple[PackedToken, ...]
    loans: tuple[str, ...]


@dataclass(frozen=True)
class PackRow:
    """An order, and how many of its tokens lie at the desk and in no parcel."""

    order: str
    subscriber: str
    tokens: int


@dataclass(frozen=True)
class PackFacts:
    """How many of an order's tokens at the desk may go, and how many may not for which reason."""

    ready: int
    waiting: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class AcknowledgementRow:
    """An acknowledgement and the token it is of, where that is known."""

    found: Acknowledgement
    token: str | None


@dataclass(frozen=True)
class LoanRow:
    """A loan, the parcel it went with, and whether it should be back."""

    loan: Loan
    parcel: str | None
    late: bool


@dataclass(frozen=True)
class Counts:
    """What is under way, and how many reminders are to be written about it."""

    parcels: Count
    waiting: Count
    lent: Count
    late: int
    late_loans: int


def parcels_page(records: Records, place: Place, limit: int, *, every: bool) -> Page[ParcelRow]:
    """The page at a place of parcels that have not gone, or of every one, the newest first."""
    page = parcel_list.page(records, ParcelsWanted(states=() if every else _OPEN), place, limit)
    rows = []
    for one in page.rows:
        to, parcel = addressee_of(records, one.parcel), one.parcel
        went = f"{parcel.sent_at:%Y-%m-%d} {parcel.courier}" if parcel.sent_at is not None else ""
        name = to.name if to is not None else ""
        rows.append(ParcelRow(parcel.number, one.order, parcel.state, name, one.tokens, one.read, went))
    return Page(tuple(rows), page.cursors, page.has_before, page.has_after)


def parcel_facts(records: Records, number: str) -> ParcelFacts:
    """More about a parcel."""
    parcel = parcels.parcel(records, number)
    to = addressee_of(records, parcel)
    inside = []
    for one in islice(parcels.packed(records, parcel), _MOST_TOLD):
        item, life = items.item_of(records, one.item_id), lives.life(records, one.item_id)
        name = certificate_name(item)
        inside.append(PackedToken(item.mailer_number, name, one.read_at is not None, str(life.state)))
    lent = loans.loans(records, parcel_id=parcel.id)
    courier = " ".join(filter(None, (parcel.courier, parcel.reference)))
    sent = _by(parcel.sent_by, parcel.sent_at)
    return ParcelFacts(
        (to.name, *to.lines) if to is not None else (),
        _by(parcel.made_by, parcel.made_at) or "",
        _by(parcel.closed_by, parcel.closed_at),
        f"{sent}, {courier}" if sent else None,
        parcel.reason,
        tuple(inside),
        tuple(f"{one.number} {one.kind} {one.serial}" for one in islice(lent, _MOST_TOLD)),
    )


def to_pack(_desk: Desk, records: Records) -> list[PackRow]:
    """Orders with tokens at the desk that lie in no parcel, the oldest first."""
    counts = parcels.lying(records)[:_MOST_TOLD]
    found = {one.id: one for one in orders.orders_of(records, [id_ for id_, _count in counts])}
    return [PackRow(found[id_].number, found[id_].subscriber, count) for id_, count in counts]


def pack_facts(desk: Desk, records: Records, order: str) -> PackFacts:
    """What may go of an order today, and why the rest may not."""
    today, layout_of = now().date(), desk.library.token
    ready, waiting = 0, Counter[str]()
    for item_id in parcels.lying_of(records, orders.order(records, order).id, _MOST_PACKED):
        reason = why_not(records, items.item_of(records, item_id), layout_of, today)
        if reason is None:
            ready += 1
        else:
            waiting[reason] += 1
    return PackFacts(ready, tuple(waiting.most_common()))


def acknowledgements_page(
    records: Records, place: Place, limit: int, *, every: bool
) -> Page[AcknowledgementRow]:
    """The page at a place of acknowledgements that wait for somebody, or of every one, the newest first."""
    state = None if every else AcknowledgementState.WAITING
    page = acknowledgements.page(records, state, place, limit)
    rows = [
        AcknowledgementRow(
            one, items.item_of(records, one.item_id).mailer_number if one.item_id is not None else None
        )
        for one in page.rows
    ]
    return Page(tuple(rows), page.cursors, page.has_before, page.has_after)


def loans_page(records: Records, place: Place, limit: int, *, every: bool) -> Page[LoanRow]:
    """The page at a place of devices that are lent, or of every loan, by the day they end."""
    today = now().date()
    page = loans.page(records, None if every else LoanState.LENT, place, limit)
    rows = [_loan(records, one, today) for one in page.rows]
    return Page(tuple(rows), page.cursors, page.has_before, page.has_after)


def counts(desk: Desk, records: Records) -> Counts:
    """How many parcels have not gone, acknowledgements wait, devices are lent; and reminders are due."""
    today = now().date()
    return Counts(
        parcel_list.count(records, ParcelsWanted(states=_OPEN)),
        acknowledgements.count(records, AcknowledgementState.WAITING),
        loans.count(records, LoanState.LENT),
        len(late(records, desk.library.token, today)),
        len(late_loans(records, today)),
    )


def inside(records: Records, number: str) -> list[str]:
    """The numbers of the tokens in a parcel."""
    found = parcels.packed(records, parcels.parcel(records, number))
    return [items.item_of(records, one.item_id).mailer_number for one in found]


def before_dispatch(records: Records, number: str) -> Before:
    """Who had to do with the letters of a parcel's tokens, and so does not have the tokens as well (R1)."""
    return before_parcel(records, number)


def before_decision(records: Records, id_: int) -> Before:
    """Who took an acknowledgement in or had its token in hand, and does not decide on it (R3)."""
    return before_deciding(records, id_)


def scanned(records: Records, text: str) -> tuple[str, str, int] | None:
    """What a scan means here: `quoted` and the number, or `parcel`, its number and id; None for a token
    that lies in no parcel, and whatever else.
    """
    if (quoted := whole(text)) is not None:
        return "quoted", quoted, 0
    number = text.strip().upper()
    if parse(text) is not None:
        number = items.item(records, text).mailer_number
    if number.startswith(f"{parcels.LETTER}-"):
        return "parcel", number, parcels.parcel(records, number).id
    if number.isascii() and number.isdecimal() and len(number) <= 9:
        item = items.item(records, number.zfill(6))
        found = parcels.open_of_item(records, item.id) or parcels.sent_of_item(records, item.id)
        if found is not None:
            return "parcel", found.number, found.id
    return None


def _loan(records: Records, one: Loan, today: date) -> LoanRow:
    parcel = parcels.parcel_of(records, one.parcel_id).number if one.parcel_id is not None else None
    return LoanRow(one, parcel, one.state is LoanState.LENT and one.due_on < today)


def _by(name: str | None, at: datetime | None) -> str | None:
    return f"{name}, {at:%Y-%m-%d %H:%M}" if name and at is not None else None
