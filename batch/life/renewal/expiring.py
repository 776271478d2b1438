"""Certificates that end: who is reminded when, and what of renewals is due."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from batch.audit.log import log
from batch.life.duties import Duty
from batch.life.renewal.on_new_token import new_token
from batch.life.renewal.renewable import words
from batch.life.renewal.renewing import asks
from batch.model.events import Event
from batch.model.orders import Item
from batch.model.people import Role
from batch.model.renewals import Renewal, Way
from batch.model.states import LifeState, RenewalState
from batch.orders.notices import Written
from batch.people import registry
from batch.store import expiry, items, lives, orders, renewals
from batch.store.database import Records
from batch.store.expiry import Expiring
from layouts.errors import LayoutError
from layouts.library import Library
from layouts.life import LifeRule
from layouts.token import TokenLayout

LayoutOf = Callable[[str], TokenLayout]

AGAIN = (30, 7)
"""Days before the end on which somebody is reminded again, after the day on which renewing begins."""

_DECIDE, _FINISH = timedelta(days=5), timedelta(days=2)
_KIND = "expiring"


@dataclass(frozen=True)
class Ending:
    """A token whose certificates end, as a list shows it."""

    item: Item
    expiring: Expiring
    organisation: str

    @property
    def called(self) -> str:
        """The group, or the person, that its certificates name."""
        return self.item.called


def listed(records: Records, within: timedelta, at: datetime) -> list[Ending]:
    """Tokens whose first certificate ends within a time from a moment on, the first to end first."""
    return [_ending(records, one) for one in expiry.expiring(records, at, at + within)]


def reminders(
    records: Records, library: Library, on: date, operator: str, *, again: bool = False
) -> list[Written]:
    """Write the reminders that are due on a day, one for each manager or holder, and keep that they were.

    A text names all tokens of that person; `again` writes those that were written already as well.
    """
    with records.transaction():
        found = _due(records, library.token, on, again=again)
        groups = defaultdict[tuple[str, str], list[Ending]](list)
        for one in found:
            groups[one.organisation, _to(one.item)[1].casefold()].append(one)
        written = [_write(records, library, those, on, operator) for those in groups.values()]
        if written:
            detail: dict[str, object] = {"texts": len(written), "tokens": len(found), "on": on.isoformat()}
            log(records, Event("renewal.reminders", operator, detail=detail))
    return written


def duties(records: Records, layout_of: LayoutOf, on: date) -> Iterator[Duty]:
    """What is due of certificates that end and of renewals under way."""
    waiting = _due(records, layout_of, on, again=False)
    if waiting:
        by = min(one.expiring.not_after for one in waiting).date()
        what = f"remind {len({_to(one.item)[1] for one in waiting})} of certificates that end"
        about = f"{len(waiting)} {'token' if len(waiting) == 1 else 'tokens'}"
        yield Duty(Role.ORDER_OFFICER, what, about, min(by, on), "station renew reminders")
    for renewal in renewals.renewals(records, *_OF):
        yield from _OF[renewal.state](records, renewal, layout_of, on)


def _due(records: Records, layout_of: LayoutOf, on: date, *, again: bool) -> list[Ending]:
    at = datetime.combine(on, time.max, UTC)
    found = []
    begins = {ref: _renew_days(layout_of, ref) for ref in items.layouts(records)}
    longest = max(begins.values(), default=0)
    for one in expiry.expiring(records, at, at + timedelta(days=longest)):
        if one.renewal is not None:
            continue
        ending = _ending(records, one)
        since = _since(begins[ending.item.layout], one.not_after.date(), on)
        if since is not None and (again or one.reminded is None or one.reminded.date() < since):
            found.append(ending)
    return found


def _renew_days(layout_of: LayoutOf, reference: str) -> int:
    """How long before its end a certificate of a layout is renewed, whether the layout is there or not."""
    try:
        return layout_of(reference).life.renew_days
    except LayoutError:
        return LifeRule().renew_days


def _since(renew_days: int, ends: date, on: date) -> date | None:
    """The last day by now on which a reminder was due, None where none was yet."""
    days = {renew_days, *(day for day in AGAIN if day < renew_days)}
    passed = [day for day in (ends - timedelta(days=one) for one in days) if day <= on]
    return max(passed, default=None)


def _ending(records: Records, one: Expiring) -> Ending:
    item = items.item_of(records, one.item_id)
    item = replace(item, fields=words(records, item))
    return Ending(item, one, orders.order_of(records, item.order_id).organisation)


def _to(item: Item) -> tuple[str, str]:
    """Who is reminded: the manager, else the holder; name and e-mail address."""
    fields = item.fields
    if email := fields.get("manager_email"):
        return fields.get("manager", ""), email
    name = " ".join(filter(None, (fields.get("given_name"), fields.get("surname"))))
    return name, fields.get("email", "")


def _write(records: Records, library: Library, those: Sequence[Ending], on: date, operator: str) -> Written:
    first = those[0]
    subscriber = registry.subscriber(records, first.organisation)
    language = subscriber.language.partition("-")[0] if subscriber and subscriber.language else ""
    language = language or first.item.fields.get("language") or "en"
    name, email = _to(first.item)
    ends = min(one.expiring.not_after for one in those).date()
    lines = [f"{one.item.mailer_number}  {one.called}  {one.expiring.not_after:%Y-%m-%d}" for one in those]
    fields = {
        "subscriber": orders.order_of(records, first.item.order_id).subscriber,
        "managers": name or email or "-",
        "certificates": "\n".join(lines),
        "by": ends.isoformat(),
        "days": str((ends - on).days),
    }
    written = Written(
        _KIND, ((name, email),) if email else (), library.notice(_KIND).compose(language, fields)
    )
    salt = first.item.salt or b""
    digest = hashlib.sha256(salt + written.text.encode()).hexdigest()
    for one in those:
        expiry.reminded(
            records,
            one.item.id,
            one.expiring.not_after,
            operator=operator,
            language=written.notice.language,
            sha256=digest,
            at=datetime.combine(on, time.min, UTC),
        )
    return written


def _of_begun(records: Records, renewal: Renewal, layout_of: LayoutOf, on: date) -> Iterator[Duty]:
    by, number = renewal.begun_at.date() + _DECIDE, renewal.number
    try:
        asked = asks(records, renewal, layout_of(items.item_of(records, renewal.item_id).layout))
    except LayoutError:
        what = "cancel a renewal, or put its layout back"
        yield Duty(Role.ORDER_OFFICER, what, number, by, f"station renew show {number}")
        return
    if asked.fields or renewal.held_by is None:
        what, command = "have the data of a renewal confirmed", f"station renew confirm {number} --holds all"
        yield Duty(Role.ORDER_OFFICER, what, number, by, command)
    elif asked.role:
        what = "confirm that the role of a renewal still holds"
        yield Duty(Role.APPROVER, what, number, by, f"station renew role {number}")
    elif renewal.way is Way.SAME:
        yield Duty(Role.APPROVER, "approve a renewal", number, by, f"station renew approve {number}")
    else:
        what = "order the new token of a renewal"
        yield Duty(Role.ORDER_OFFICER, what, number, by, f"station renew order {number}")


def _of_paused(records: Records, renewal: Renewal, layout_of: LayoutOf, on: date) -> Iterator[Duty]:
    del records, layout_of
    by = renewal.pause_until or on
    what = f"look after a renewal that waits for {renewal.pause}"
    yield Duty(Role.ORDER_OFFICER, what, renewal.number, by, f"station renew resume {renewal.number}")


def _of_approved(records: Records, renewal: Renewal, layout_of: LayoutOf, on: date) -> Iterator[Duty]:
    del layout_of
    ends = expiry.expiry(records, renewal.item_id)
    by = ends.date() if ends else on
    what = "make the new keys on the token" if renewal.state is RenewalState.APPROVED else "finish a renewal"
    command = f"station renew carry-out {renewal.number} --seat SEAT"
    yield Duty(Role.PERSONALISER, what, renewal.number, by, command)


def _of_ordered(records: Records, renewal: Renewal, layout_of: LayoutOf, on: date) -> Iterator[Duty]:
    del layout_of
    new = new_token(records, renewal)
    life = lives.life_or_none(records, new.id) if new else None
    if life is not None and life.state is LifeState.ACTIVE:
        what, by = "end a renewal: its new token is active", life.since.date() + _FINISH
        yield Duty(Role.ORDER_OFFICER, what, renewal.number, by, f"station renew finish {renewal.number}")


_OF: dict[RenewalState, Callable[[Records, Renewal, LayoutOf, date], Iterator[Duty]]] = {
    RenewalState.BEGUN: _of_begun,
    RenewalState.PAUSED: _of_paused,
    RenewalState.APPROVED: _of_approved,
    RenewalState.MAKING: _of_approved,
    RenewalState.ORDERED: _of_ordered,
}
