"""What is written to whom about tokens that nobody acknowledged, and devices that did not come back (R4)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from batch.audit.log import log
from batch.life.dispatch.loans import AHEAD, gone
from batch.life.dispatch.parcels import certificate_name
from batch.life.duties import Duty
from batch.life.field.due import LayoutOf
from batch.model.dispatch import Loan, Parcel
from batch.model.events import Event
from batch.model.orders import Item
from batch.model.people import Role
from batch.model.states import LoanState
from batch.orders.notices import Written, language_of, managers_of
from batch.people import registry
from batch.store import acknowledgements, items, loans, orders, parcels, revocations, settling
from batch.store import registry as stored
from batch.store.database import Records
from layouts.library import Library

ESCALATED = timedelta(days=14)
"""How long after the last day to acknowledge a token, of which the subscriber is told, it is revoked."""

_KINDS = ("acknowledge", "unacknowledged")
"""Notices about tokens: that they are to be acknowledged, and that they were not in time."""

_AGAIN = 14
"""Days after which somebody who has a device too long is reminded again."""

_DEVICES: Mapping[str, Mapping[str, str]] = {
    "reader": {"nl": "kaartlezer", "en": "card reader", "it": "lettore di smart card"},
    "usb-stick": {"nl": "usb-stick", "en": "USB stick", "it": "chiavetta USB"},
}


@dataclass(frozen=True)
class Late:
    """Tokens of one parcel about which a notice of a `kind` is due, since so many days after its sending."""

    kind: str
    parcel: Parcel
    day: int
    tokens: tuple[Item, ...]
    by: date


def late(records: Records, layout_of: LayoutOf, on: date) -> list[Late]:
    """All reminders that are due on a day and not written yet, by parcel."""
    found: dict[tuple[str, int, int, date], list[Item]] = {}
    for item, parcel, sent in _on_their_way(records):
        rule = layout_of(item.layout).life
        days = [*rule.remind_days, rule.acknowledge_days]
        due = [day for day in days if sent + timedelta(days=day) <= on]
        if not due or any(
            day >= due[-1] for day in acknowledgements.reminded(records, _KINDS, parcel.id, item.id)
        ):
            continue
        over = due[-1] == rule.acknowledge_days
        last = sent + timedelta(days=rule.acknowledge_days)
        key = (_KINDS[over], parcel.id, due[-1], last + over * ESCALATED)
        found.setdefault(key, []).append(item)
    return [
        Late(kind, parcels.parcel_of(records, parcel_id), day, tuple(tokens), by)
        for (kind, parcel_id, day, by), tokens in found.items()
    ]


def write(records: Records, library: Library, by: str, on: date) -> list[Written]:
    """Write all reminders about tokens that are due on a day, and keep that they were."""
    with records.transaction():
        return [_written(records, library, one, by) for one in late(records, library.token, on)]


def late_loans(records: Records, on: date) -> list[tuple[Loan, int]]:
    """Devices of which somebody is to be reminded on a day, with the day (ordinal) the reminder is for."""
    found = []
    for loan in loans.loans(records, LoanState.LENT):
        first = (loan.due_on - AHEAD).toordinal()
        if first > on.toordinal() or not gone(records, loan):
            continue
        after = on.toordinal() - loan.due_on.toordinal()
        day = first if after <= 0 else loan.due_on.toordinal() + 1 + (after - 1) // _AGAIN * _AGAIN
        if not any(written >= day for written in acknowledgements.reminded_of_loan(records, loan.id)):
            found.append((loan, day))
    return found


def write_of_loans(records: Records, library: Library, by: str, on: date) -> list[Written]:
    """Write all reminders about devices on loan that are due on a day, and keep that they were."""
    with records.transaction():
        return [_of_loan(records, library, loan, day, by, on) for loan, day in late_loans(records, on)]


def duties(records: Records, layout_of: LayoutOf, on: date) -> Iterator[Duty]:
    """What is due about tokens that nobody acknowledged: reminders, and in the end their revocation."""
    for one in late(records, layout_of, on):
        escalated = one.kind == "unacknowledged"
        role = Role.ORDER_OFFICER if escalated else Role.DISPATCHER
        what = (
            "tell the subscriber that nobody acknowledged" if escalated else "remind who did not acknowledge"
        )
        since = _day(one.parcel.sent_at) + timedelta(days=one.day)
        about = f"{what} {_counted(one.tokens)}"
        yield Duty(role, about, f"parcel {one.parcel.number}", since, "station acknowledge reminders")
    for item, _, sent in _on_their_way(records):
        rule = layout_of(item.layout).life
        end = sent + timedelta(days=rule.acknowledge_days) + ESCALATED
        if end <= on and settling.holds(records, item.id, on):
            what = "revoke the certificates of a token that nobody acknowledged (R4)"
            command = f"station token revoke {item.mailer_number} --reason cessationOfOperation"
            yield Duty(Role.REVOCATION_OFFICER, what, f"token {item.mailer_number}", end, command)


def _on_their_way(records: Records) -> Iterator[tuple[Item, Parcel, date]]:
    known: dict[int, Parcel] = {}
    for item_id, parcel_id in parcels.on_their_way(records):
        parcel = known.get(parcel_id) or parcels.parcel_of(records, parcel_id)
        known[parcel_id] = parcel
        if not revocations.of_its_keys(records, item_id):
            yield items.item_of(records, item_id), parcel, _day(parcel.sent_at)


def _written(records: Records, library: Library, late: Late, by: str) -> Written:
    order = orders.order_of(records, late.parcel.order_id)
    subscriber = stored.subscriber(records, order.organisation)
    people = managers_of(late.tokens)
    to = people or _subscriber(records, order.organisation)
    if late.kind == "unacknowledged" and subscriber is not None:
        to = (*people, *(one for one in _subscriber(records, order.organisation) if one not in people))
    names = dict.fromkeys(certificate_name(item) for item in late.tokens)
    fields = {
        "parcel": late.parcel.number,
        "subscriber": order.subscriber,
        "managers": ", ".join(name for name, _ in people) or order.subscriber,
        "certificates": "\n".join(f"  {name}" for name in names),
        "sent": _day(late.parcel.sent_at).isoformat(),
        "courier": f"{late.parcel.courier}, {late.parcel.reference}",
        "by": late.by.isoformat(),
    }
    notice = library.notice(late.kind).compose(language_of(records, order, late.tokens), fields)
    written = Written(late.kind, to, notice, late.parcel.number)
    salt = next((item.salt for item in late.tokens if item.salt), b"")
    digest = hashlib.sha256(salt + written.text.encode()).hexdigest()
    for item in late.tokens:
        acknowledgements.remind(
            records,
            late.kind,
            late.day,
            parcel_id=late.parcel.id,
            item_id=item.id,
            language=notice.language,
            sha256=digest,
            by=by,
        )
    detail = {
        "parcel": late.parcel.number,
        "kind": late.kind,
        "day": late.day,
        "tokens": [item.mailer_number for item in late.tokens],
        "sha256": digest,
    }
    log(records, Event("acknowledgement.reminded", by, order=order.number, detail=detail))
    return written


def _of_loan(records: Records, library: Library, loan: Loan, day: int, by: str, on: date) -> Written:
    subscriber = stored.subscriber(records, loan.organisation)
    person = stored.person(records, loan.person) if loan.person else None
    there = person is not None and person.forgotten is None and person.valid(on)
    to = (
        ((person.name, person.email),)
        if person is not None and there
        else _subscriber(records, loan.organisation)
    )
    language = (subscriber.language if subscriber is not None else "").partition("-")[0] or "en"
    word = _DEVICES[loan.kind].get(language, _DEVICES[loan.kind]["en"])
    fields = {
        "number": loan.number,
        "subscriber": subscriber.name if subscriber is not None else loan.organisation,
        "managers": ", ".join(name for name, _ in to) or loan.organisation,
        "device": f"{word} {loan.serial}",
        "lent": f"{loan.lent_at:%Y-%m-%d}",
        "by": loan.due_on.isoformat(),
    }
    notice = library.notice("loan").compose(language, fields)
    written = Written("loan", to, notice, loan.number)
    digest = hashlib.sha256(written.text.encode()).hexdigest()
    acknowledgements.remind(records, "loan", day, loan_id=loan.id, language=language, sha256=digest, by=by)
    log(records, Event("loan.reminded", by, detail={"loan": loan.number}))
    return written


def _subscriber(records: Records, organisation: str) -> tuple[tuple[str, str], ...]:
    found = registry.subscriber(records, organisation)
    return ((found.name, found.email),) if found is not None else ()


def _counted(tokens: Sequence[Item]) -> str:
    return f"{len(tokens)} token{'' if len(tokens) == 1 else 's'}"


def _day(at: datetime | None) -> date:
    assert at is not None, "a parcel that was sent has the time of it"
    return at.astimezone(UTC).date()
