"""What is due of orders, quarantine, custody, the log, the register and personal data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta

from batch.audit.care import LONGEST, wanted
from batch.life.closing.settling import obstacles
from batch.life.duties import Duty
from batch.model.custody import KeyState
from batch.model.errors import NotTrusted
from batch.model.orders import Order
from batch.model.people import Role
from batch.model.states import ItemState, OrderState
from batch.orders.epochs import LOW_STOCK
from batch.orders.notices import kind_of
from batch.people.acting import PATIENCE, founded, register_of
from batch.people.forgetting import Retention
from batch.people.forgetting import due as forgettable
from batch.people.separation import RULES, Act
from batch.people.statements import Statement, read
from batch.store import (
    assessments,
    custody,
    forgetting,
    items,
    journal,
    orders,
    quarantine,
    restores,
    settling,
    statements,
)
from batch.store.database import Records, moment
from drivers.foreign_certificates import load_certificate

_ASSESS = timedelta(days=2)
_APPROVE = timedelta(days=2)
_NOTIFY = timedelta(days=2)
_PRODUCE = timedelta(days=5)
_QUARANTINE = timedelta(days=2)
_CLOSE = timedelta(days=7)
_FORGET = timedelta(days=31)
_AHEAD = timedelta(days=7)
"""How long before the log's own day it is told."""
_OPERATOR_AHEAD = timedelta(days=30)
"""How long before an operator's certificate ends it is told."""

_SIGN: Mapping[Act, str] = {
    Act.ENROL: "station operator complete NAME",
    Act.CHANGE: "station operator complete NAME",
    Act.RETIRE: "station operator complete NAME",
    Act.RELEASE: "station letter release NAME",
    Act.REPRINT: "station letter reprint NAME",
}
"""What the next one to sign gives for a statement that waits."""

_SUBJECTS = {"item": "token", "letter": "letter", "order": "order", "operator": "operator"}
"""What a statement may be about, by its name there, and in words; the narrowest first."""


def duties(records: Records, retention: Retention, on: date) -> Iterator[Duty]:
    """What is due of all this on a day."""
    yield from _of_restore(records, on)
    for order in orders.orders(records, *_STATES, OrderState.REJECTED):
        if order.state in _STATES:
            yield from _STATES[order.state](records, order, on)
        yield from _notice(records, order)
    yield from _of_quarantine(records)
    yield from _of_custody(records, on)
    yield from _of_log(records, on)
    yield from _of_signatures(records, on)
    yield from _of_operators(records, on)
    for one in forgettable(records, retention, on):
        what = "forget what is told of persons: its time is over"
        command = f"station registry forget {one.name}"
        yield Duty(Role.ORDER_OFFICER, what, f"{one.kind} {one.name}", one.on + _FORGET, command)


def _of_restore(records: Records, on: date) -> Iterator[Duty]:
    if restores.open_restore(records) is not None:
        what = "find out what was made after the restored backup"
        yield Duty(Role.ADMINISTRATOR, what, "records", on, "station reconcile")


def _assess(records: Records, order: Order, on: date) -> Iterator[Duty]:
    by = order.imported_at.date() + _ASSESS
    yield _told(Role.ORDER_OFFICER, "assess the order", order, by, "order assess")


def _mend(records: Records, order: Order, on: date) -> Iterator[Duty]:
    by = _assessed(records, order).date() + _ASSESS
    what = "mend what its assessment refuses, or reject the order"
    yield _told(Role.ORDER_OFFICER, what, order, by, "order assess")


def _approve(records: Records, order: Order, on: date) -> Iterator[Duty]:
    by = _assessed(records, order).date() + _APPROVE
    what = "approve the order, or reject it"
    yield _told(Role.APPROVER, what, order, by, "order approve")


def _produce(records: Records, order: Order, on: date) -> Iterator[Duty]:
    counts = items.counts(records, order)
    if count := counts[ItemState.PLANNED] + counts[ItemState.IN_PRODUCTION]:
        by = (order.decided_at or order.imported_at).date() + _PRODUCE
        what = f"produce {count} {'token' if count == 1 else 'tokens'}"
        if waiting := len(journal.waiting(records, order.id)):
            what += f", {waiting} of which when the CA has answered"
        yield _told(Role.PERSONALISER, what, order, by, "produce")


def _close(records: Records, order: Order, on: date) -> Iterator[Duty]:
    if next(obstacles(records, order, on), None) is None:
        last = moment(forgetting.last_ended(records, order)) or order.imported_at
        what = "close the order: all of it is settled"
        by = last.date() + _CLOSE
        yield _told(Role.ORDER_OFFICER, what, order, by, "order close")


_STATES = {
    OrderState.RECEIVED: _assess,
    OrderState.INCOMPLETE: _mend,
    OrderState.ASSESSED: _approve,
    OrderState.APPROVED: _produce,
    OrderState.IN_PRODUCTION: _produce,
    OrderState.PRODUCED: _close,
}
"""What is due of an order by its state."""


def _notice(records: Records, order: Order) -> Iterator[Duty]:
    kind = kind_of(order)
    if kind not in {one.kind for one in assessments.notices(records, order)}:
        by = (order.decided_at or order.imported_at).date() + _NOTIFY
        what = f"tell the subscriber that the order is {kind}"
        yield _told(Role.ORDER_OFFICER, what, order, by, "order notice")


def _of_quarantine(records: Records) -> Iterator[Duty]:
    for item in items.items(records, None, ItemState.QUARANTINED):
        stay = quarantine.last_stay(records, item.id)
        since = stay.since if stay is not None else item.began_at
        assert since is not None, "what is set aside was begun, or has a stay"
        what, number = "take the token out of quarantine, one way or another", item.mailer_number
        by = since.date() + _QUARANTINE
        command = f"station quarantine show {number}"
        yield Duty(Role.PERSONALISER, what, f"token {number}", by, command)


def _of_custody(records: Records, on: date) -> Iterator[Duty]:
    keys = custody.keys(records)
    stock = [one for one in keys if one.state is KeyState.STOCK]
    if len(stock) < LOW_STOCK and custody.ceremonies(records):
        what = f"make custody keys: {len(stock)} in stock, and every order takes one"
        yield Duty(Role.PIN_OFFICER, what, "custody", on, "station custody epochs make 20")
    for key in keys:
        if key.state in (KeyState.TAKEN, KeyState.ENDING) and key.order is not None:
            order = orders.order(records, key.order)
            since = _over_since(records, order)
            if order.state is OrderState.CLOSED and since is not None and since <= on:
                what = "destroy the custody key: nothing under it is wanted any more (R42)"
                command = f"station custody epochs destroy {order.number}"
                yield Duty(Role.PIN_OFFICER, what, f"order {order.number}", since + _CLOSE, command)


def _over_since(records: Records, order: Order) -> date | None:
    """Since when nobody can want what a closed order's custody key opens: admin credentials as well as codes.

    An admin credential is wanted until the last certificate ends.
    """
    last = forgetting.last_certificate_end(records, order)
    ended = moment(forgetting.last_ended(records, order))
    since = last if last is not None and settling.admins_in_custody(records, order) else ended
    return since.date() if since is not None else None


def _of_log(records: Records, on: date) -> Iterator[Duty]:
    for care in wanted(records):
        by = (care.since + LONGEST).date() if care.since is not None else on
        if by - _AHEAD <= on:
            what = "verify the log" if "verified" in care.what else "sign a checkpoint of the log"
            yield Duty(Role.AUDITOR, f"{what} (R38)", "log", by, care.command)


def _of_signatures(records: Records, on: date) -> Iterator[Duty]:
    for signed in statements.waiting(records):
        statement = read(signed)
        by = (statement.at + PATIENCE).date()
        if by < on or statement.act is Act.REVOKE:
            continue  # too old to be completed; or told of the token
        kind, name = _subject(statement)
        begun = ", ".join(signed.signers)
        for role in sorted(RULES[statement.act].roles):
            what = f"sign as well, where it is right: {statement.act}, begun by {begun}"
            command = _SIGN.get(statement.act, "station doctor").replace("NAME", name)
            yield Duty(role, what, f"{kind} {name}", by, command)


def _subject(statement: Statement) -> tuple[str, str]:
    """What a statement is about: the kind of it in words, and its number or name."""
    for name, kind in _SUBJECTS.items():
        if (told := statement.about.get(name)) is not None:
            return kind, str(told["name"] if isinstance(told, dict) else told)
    return "custody", ""


def _of_operators(records: Records, on: date) -> Iterator[Duty]:
    if not founded(records):
        return
    with suppress(NotTrusted):  # told by whatever needs the register
        for operator in register_of(records).operators:
            if operator.certificate is None or operator.until is not None:
                continue
            end = load_certificate(operator.certificate).not_valid_after_utc.date()
            if end - _OPERATOR_AHEAD <= on:
                what = "give the operator a new certificate, or let them retire"
                command = f"station operator change {operator.name}"
                yield Duty(Role.ADMINISTRATOR, what, f"operator {operator.name}", end, command)


def _told(role: Role, what: str, order: Order, by: date, command: str) -> Duty:
    return Duty(role, what, f"order {order.number}", by, f"station {command} {order.number}")


def _assessed(records: Records, order: Order) -> datetime:
    found = assessments.assessment(records, order.id)
    return found.at if found is not None else order.imported_at
