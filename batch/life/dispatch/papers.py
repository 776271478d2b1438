"""The papers of a closed parcel: who it goes to and what is in it, as the layout takes it."""

from __future__ import annotations

from datetime import date, timedelta

from batch.audit.log import log
from batch.life.dispatch.parcels import addressee, certificate_name
from batch.model.dispatch import Parcel
from batch.model.errors import Refused
from batch.model.events import Event
from batch.model.states import LoanState, ParcelState
from batch.orders.notices import language_of
from batch.store import items, loans, orders, parcels
from batch.store.database import Records
from layouts.library import Library
from layouts.life import Release
from layouts.papers import PaperLoan, PaperToken, ParcelContent
from layouts.parcel_pages import render

PAPERS = "parcel"


def make(records: Records, number: str, library: Library, by: str, on: date) -> bytes:
    """All papers of a parcel as one PDF, and keep that they were made; equal parcels give equal papers.

    They hold the numbers that acknowledge its tokens: they go into the parcel and nowhere else. Raises
    `Refused` for a parcel that is not closed, `LayoutError`.
    """
    parcel = parcels.parcel(records, number)
    if parcel.state not in (ParcelState.CLOSED, ParcelState.SENT):
        raise Refused(f"it is {parcel.state}; papers are of a closed one", where=f"parcel {number}")
    page = render(library.papers(PAPERS), content(records, parcel, library, on))
    order = orders.order_of(records, parcel.order_id).number
    with records.transaction():
        for one in parcels.packed(records, parcel):
            # Whoever can read the numbers can say that the token came.
            parcels.handle(records, one.item_id, by)
        log(records, Event("parcel.papers", by, order=order, detail={"parcel": number}))
    return page


def content(records: Records, parcel: Parcel, library: Library, on: date) -> ParcelContent:
    """What the papers of a parcel say, made on a day or, where it was sent, on that of its sending."""
    order = orders.order_of(records, parcel.order_id)
    inside = [(one, items.item_of(records, one.item_id)) for one in parcels.packed(records, parcel)]
    wanted = [item for _, item in inside]
    to, day = addressee(wanted[0]), parcel.sent_at.date() if parcel.sent_at else on
    if not to.name:
        raise Refused("whom it went to is forgotten", where=f"parcel {parcel.number}")
    rules = [library.token(item.layout) for item in wanted]
    lent = [loan for loan in loans.loans(records, parcel_id=parcel.id) if loan.state is LoanState.LENT]
    return ParcelContent(
        parcel=parcel.number,
        order=order.number,
        subscriber=order.subscriber,
        manager=to.name,
        address=to.lines,
        language=language_of(records, order, wanted),
        day=day,
        by=day + timedelta(days=min(rule.life.acknowledge_days for rule in rules)),
        packed_by=parcel.closed_by or "",
        tokens=tuple(
            PaperToken(
                item.mailer_number, certificate_name(item), item.token_serial or "-", packed.quoted or ""
            )
            for packed, item in inside
        ),
        letter_first=all(rule.release is Release.BEFORE_HAND_OVER for rule in rules),
        loans=tuple(PaperLoan(one.number, str(one.kind), one.serial, one.due_on) for one in lent),
    )
