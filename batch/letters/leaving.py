"""Letters leave: by somebody who never had the token, a gap behind it or before it (R1, R2, R5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from batch.audit.log import log
from batch.letters.accounting import refuse_all
from batch.letters.policy import Layouts, had_token, leaving, next_of
from batch.model.errors import Refused
from batch.model.events import Event
from batch.model.orders import Order
from batch.model.states import FormState, LetterState
from batch.people.separation import Act, apart
from batch.store import forms, items, letters, orders, restores
from batch.store.clock import now
from batch.store.database import Records
from drivers.errors import ToldError

_HERE = (
    LetterState.SEALED,
    LetterState.PRINTING,
    LetterState.UNKNOWN,
    LetterState.PRINTED,
    LetterState.CONFIRMED,
    LetterState.RETURNED,
)
"""States of letters that have not left, or came back, and may leave yet."""


def send(
    records: Records,
    numbers: Sequence[str],
    operator: str,
    layouts: Layouts,
    *,
    how: str,
    reference: str | None = None,
    at: datetime | None = None,
) -> None:
    """Letters leave, `how` and with which courier's reference, at a moment or now.

    All or nothing: raises `Refused` that names every letter that may not leave yet, whose form nobody has
    confirmed, or whose token `operator` had in hand.
    """
    when = at or now()
    faults: list[str] = []
    with records.transaction():
        restores.refuse_open(records)
        for number in dict.fromkeys(numbers):
            try:
                _send(records, number, operator, layouts, how=how, reference=reference, at=when)
            except ToldError as error:
                faults.append(f"{error.where}: {error.what}")
        refuse_all(faults, "nothing was sent on record; see `station letter list --ready`")


def ready_to_leave(records: Records, order: Order, layouts: Layouts, on: date) -> list[str]:
    """The numbers of an order's letters that somebody has in hand and that may leave on a day.

    Raises `Refused` where there are none, which names every letter that is still here and what it waits for.
    """
    ready, waiting = list[str](), list[str]()
    for one in letters.outlooks(records, order.id, *_HERE):
        number, following = one.letter.mailer_number, next_of(one, layouts, on)
        if following is None or following[0] != "send":
            waiting.append(f"letter {number}: it is {one.letter.state}")
        elif (reason := following[1].reason) is not None:
            waiting.append(f"letter {number}: {reason}")
        else:
            ready.append(number)
    if not ready:
        none = [f"order {order.number} has no letter that is still here"]
        refuse_all(waiting or none, "nothing was sent on record; see `station letter list --ready`")
    return ready


def came_back(records: Records, number: str, operator: str, reason: str) -> None:
    """A letter came back undelivered, sealed still: it may leave again, or is destroyed before a witness.

    Raises `Transition` for one that did not leave.
    """
    with records.transaction():
        restores.refuse_open(records)
        letter = letters.letter(records, number)
        letters.set_state(
            records, number, LetterState.RETURNED, printer=letter.printer or "", operator=operator
        )
        letters.post_back(records, number, by=operator)
        held = forms.of_letter(records, number)
        if held is not None:
            forms.set_state(records, held.number, FormState.RETURNED, operator=operator, reason=reason)
        log(records, _event(records, LetterState.RETURNED, number, operator, {"reason": reason}))


def _send(
    records: Records,
    number: str,
    operator: str,
    layouts: Layouts,
    *,
    how: str,
    reference: str | None,
    at: datetime,
) -> None:
    where = f"letter {number}"
    letter = letters.letter(records, number)
    if letter.state not in (LetterState.CONFIRMED, LetterState.RETURNED):
        raise Refused(f"it is {letter.state}; only a letter that somebody has in hand leaves", where=where)
    item = items.item_of(records, letter.item_id)
    leaving(records, item, layouts(item.layout), at.date()).need(where, "see `station letter list --ready`")
    apart(Act.SEND_LETTER, operator, where=where, before=had_token(records, item))
    letters.set_state(records, number, LetterState.SENT, printer=letter.printer or "", operator=operator)
    letters.post(records, number, by=operator, how=how, reference=reference, at=at)
    held = forms.of_letter(records, number)
    if held is not None:
        forms.set_state(records, held.number, FormState.MAILED, operator=operator)
    detail = {"how": how, "reference": reference}
    told = {key: value for key, value in detail.items() if value is not None}
    log(records, _event(records, LetterState.SENT, number, operator, told))


def _event(records: Records, state: LetterState, number: str, operator: str, detail: dict[str, str]) -> Event:
    item = items.item(records, number)
    order = orders.order_of(records, item.order_id).number
    return Event(f"letter.{state}", operator, order=order, item=number, detail=detail)
