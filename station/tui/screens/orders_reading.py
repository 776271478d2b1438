"""What the area of orders shows of one order, read at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batch.life.closing.settling import Obstacle, obstacles
from batch.model.assessment import Assessment, Level, NoticeRecord, OrderSignature
from batch.model.orders import Balance, Order
from batch.model.states import ItemState, OrderState
from batch.store import assessments, items, orders
from batch.store.clock import now
from batch.store.database import Records
from station.tui.dialogs.reading_lines import Line
from station.tui.state_words import told
from station.tui.widgets.facts import Fact
from station.tui.words import N_, _, n_
from station.wiring import Desk

NEXT = {
    OrderState.RECEIVED: N_("a: assess it"),
    OrderState.INCOMPLETE: N_("mend what refuses it, then a: assess it again; or x: reject it"),
    OrderState.ASSESSED: N_("y: approve it, by somebody else than who brought it in"),
    OrderState.APPROVED: N_("p: start its production"),
    OrderState.IN_PRODUCTION: N_("F2: see the bench; p: go on with it"),
    OrderState.PRODUCED: N_("F4, F5: letters and parcels; then c: close it"),
    OrderState.REJECTED: N_("n: write the notice"),
    OrderState.CLOSED: N_("r: write its signed report"),
}
"""What comes next, by the state of an order."""

_WEIGHT = (Level.REFUSING, Level.WARNING, Level.OK)


@dataclass(frozen=True)
class OrderDetails:
    """One order with what was found out about it, what was told of it, and what keeps it open."""

    order: Order
    balance: Balance
    quarantined: int
    signature: OrderSignature | None
    assessment: Assessment | None
    notices: tuple[NoticeRecord, ...]
    obstacles: tuple[Obstacle, ...]


def details(_desk: Desk, records: Records, number: str) -> OrderDetails:
    """The details of an order; raises `NotFound`."""
    order = orders.order(records, number)
    produced = order.state is OrderState.PRODUCED
    return OrderDetails(
        order,
        items.balance(records, order),
        items.counts(records, order)[ItemState.QUARANTINED],
        assessments.signature(records, order.id),
        assessments.assessment(records, order.id),
        tuple(assessments.notices(records, order)),
        tuple(obstacles(records, order, now().date())) if produced else (),
    )


def facts(found: OrderDetails) -> list[Fact]:
    """Names and values for the details beside the list."""
    order, assessment = found.order, found.assessment
    decided = f"{order.decided_by}, {order.decided_at:%Y-%m-%d}" if order.decided_at else None
    return [
        (_("Order"), f"{order.number}  {told(order.state)}"),
        (_("Next"), _(NEXT[order.state])),
        (_("Tokens"), balance_told(found)),
        (_("Subscriber"), f"{order.subscriber} ({order.organisation})"),
        (_("Reference"), order.reference),
        (_("Brought in"), f"{order.imported_by}, {order.imported_at:%Y-%m-%d}, {order.source}"),
        (_("Signature"), signature(found.signature)),
        (_("Decided by"), decided),
        (_("Reason"), order.reason),
        (_("Assessed"), f"{assessment.operator}, {assessment.at:%Y-%m-%d %H:%M}" if assessment else None),
    ]


def lines(found: OrderDetails) -> list[str]:
    """What keeps the order open, findings and notices, each a line."""
    return [
        *(f"! {one.told}: {one.why} → {one.command}" for one in found.obstacles),
        *(f"{one.sign} {one.what}" for one in findings(found.assessment)),
        *(_notice(one) for one in found.notices),
    ]


def findings(assessment: Assessment | None) -> list[Line]:
    """Findings with the sign of their level, what refuses the order first."""
    told_ = [(one.level, one.what, one.next) for one in assessment.findings] if assessment else []
    return levelled(told_)


def levelled(found: Sequence[tuple[str, str, str]]) -> list[Line]:
    """Level, what and next of findings as lines, what refuses first; an `ok` needs no next."""
    ordered = sorted(found, key=lambda one: _WEIGHT.index(Level(one[0])))
    return [
        Line(told(level), what, "" if Level(level) is Level.OK else next_) for level, what, next_ in ordered
    ]


def balance_told(found: OrderDetails) -> str:
    """The reconciliation of an order: what was ordered is what became of it (R14)."""
    whole = found.balance
    parts = [n_("{number} produced", "{number} produced", whole.produced)]
    if whole.given_up:
        parts.append(n_("{number} spoiled, not replaced", "{number} spoiled, not replaced", whole.given_up))
    if whole.cancelled:
        parts.append(n_("{number} cancelled", "{number} cancelled", whole.cancelled))
    if whole.open:
        parts.append(n_("{number} open", "{number} open", whole.open))
    sign = "=" if whole.holds else "≠"
    ordered = n_("{number} ordered", "{number} ordered", whole.ordered)
    aside = n_("{number} in quarantine", "{number} in quarantine", found.quarantined)
    return f"{ordered} {sign} {' + '.join(parts)}" + (f" (! {aside})" if found.quarantined else "")


def signature(found: OrderSignature | None) -> str:
    """What the signature of an order's file was worth, with a sign."""
    if found is None:
        return _("! not signed")
    if found.person is not None:
        return _("✓ verified, by {person}").format(person=found.person)
    return f"! {_(found.result)}: {found.reason}"


def _notice(one: NoticeRecord) -> str:
    words = _("notice '{kind}' ({language}), {day} by {person}")
    return words.format(kind=one.kind, language=one.language, day=f"{one.at:%Y-%m-%d}", person=one.operator)
