"""When a PIN letter may be printed and leave, and when its token may leave after it (R1, R2, R3, R5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from batch.model.errors import Refused
from batch.model.field import FieldAct
from batch.model.life import Life
from batch.model.orders import Item, Outlook, Posting
from batch.model.people import Signed
from batch.model.states import ItemState, LetterState, LifeState
from batch.people.separation import Act, Before
from batch.people.statements import read
from batch.store import field, letters, lives, parcels, revocations, statements
from batch.store.database import Records
from drivers.errors import ToldError
from layouts.life import Release
from layouts.token import TokenLayout

_OVER = (LifeState.LOST, LifeState.DAMAGED, LifeState.RETURNED, LifeState.DESTROYED)
_THERE = (LifeState.ACKNOWLEDGED, LifeState.HANDED_OVER, LifeState.ACTIVE)
"""Who the token was for has it, and said so: who takes it at the desk signs for it there."""


Layouts = Callable[[str], TokenLayout]
"""The token layout of a reference; raises `LayoutError` where it is not there."""


@dataclass(frozen=True)
class May:
    """Whether something may be done: `reason` is None where it may, else why not.

    `since` is the day from which it may, None where no day is known. `never`: no time will change it.
    """

    reason: str | None = None
    since: date | None = None
    never: bool = False

    def need(self, where: str, next: str) -> None:
        """Raise `Refused` with the reason where it may not."""
        if self.reason is not None:
            raise Refused(self.reason, where=where, next=next)


def may_print(layout: TokenLayout, life: Life | None, *, revoked: bool, on: date) -> May:
    """Whether the letter of a token may be printed on a day: as its layout's policy says (R2, R3).

    `revoked`: the token's certificates were to be revoked. On paper a letter may lie at the desk until it may
    leave; so the gap of R5 is for `may_leave`.
    """
    if (over := _over(life, revoked=revoked)) is not None:
        return over
    assert life is not None, "what is over is told"
    if layout.release is Release.BEFORE_HAND_OVER:
        return May(since=_day(life.since))
    there = life.acknowledged_at or life.handed_over_at
    if there is None or life.state not in _THERE:
        return May(f"its token is {life.state}, and nobody has acknowledged it (R2, R3)")
    return _from(_day(there), on, f"its token was acknowledged on {_day(there)}")


def may_leave(layout: TokenLayout, life: Life | None, *, revoked: bool, on: date) -> May:
    """Whether the letter of a token may leave on a day: where its token left, a gap behind it (R5)."""
    printed = may_print(layout, life, revoked=revoked, on=on)
    gone = _ways_out(life)
    if printed.reason is not None or not gone:
        return printed
    left, gap = _day(max(gone)), layout.life.gap_days
    since = left + timedelta(days=gap)
    return _from(since, on, f"its token left on {left}, and {gap} days are to lie between them (R5)")


def letter_left(records: Records, item: Item, layout: TokenLayout, on: date) -> May:
    """Whether a token may be dispatched or handed over for what its letter does (R2, R5).

    Where the letter goes first, it has left, did not come back, and the gap has passed; elsewhere the token
    waits for no letter. `need` raises where it may not.
    """
    if layout.release is not Release.BEFORE_HAND_OVER:
        return May()
    state = letters.state_of(records, item.mailer_number)
    posted = last_posting(records, item.mailer_number)
    if state is not LetterState.SENT or posted is None:
        return May(f"its letter goes first and is {state or 'not there'} (R2)")
    sent, gap = _day(posted.sent_at), layout.life.gap_days
    since = sent + timedelta(days=gap)
    return _from(since, on, f"its letter left on {sent}, and {gap} days are to lie between them (R5)")


def standing(records: Records, item: Item, layout: TokenLayout, on: date) -> May:
    """Whether an item's letter may be printed on a day, from the records."""
    if item.state is not ItemState.PRODUCED:
        return _unfinished(item.state)
    life, revoked = lives.life_or_none(records, item.id), revocations.of_its_keys(records, item.id)
    return may_print(layout, life, revoked=revoked, on=on)


def leaving(records: Records, item: Item, layout: TokenLayout, on: date) -> May:
    """Whether an item's letter may leave on a day, from the records."""
    if item.state is not ItemState.PRODUCED:
        return _unfinished(item.state)
    life, revoked = lives.life_or_none(records, item.id), revocations.of_its_keys(records, item.id)
    return may_leave(layout, life, revoked=revoked, on=on)


def next_of(outlook: Outlook, layouts: Layouts, on: date) -> tuple[str, May] | None:
    """What may come next of a letter on a day, `print` or `send`, and whether it may; None for nothing.

    A letter whose layout is not there may not.
    """
    doing = _NEXT.get(outlook.letter.state)
    if doing is None:
        return None
    if outlook.token is not ItemState.PRODUCED:
        return doing, _unfinished(outlook.token)
    try:
        layout = layouts(outlook.layout)
    except ToldError as error:
        return doing, May(error.what)
    judge = may_print if doing == "print" else may_leave
    return doing, judge(layout, outlook.life, revoked=outlook.revoked, on=on)


_NEXT = {
    LetterState.SEALED: "print",
    LetterState.CONFIRMED: "send",
    LetterState.RETURNED: "send",
}

WAITING = tuple(_NEXT)
"""States of letters that are to be printed or sent next."""


def _unfinished(state: ItemState) -> May:
    return May(f"its token is {state}", never=state is ItemState.SPOILED)


def last_posting(records: Records, number: str) -> Posting | None:
    """How a letter left last and did not come back, None where it did not leave or is here again."""
    left = letters.postings(records, number)
    return left[-1] if left and left[-1].returned_at is None else None


def had_letter(records: Records, item: Item, order: str) -> Before:
    """Who let the letter of a token be printed and who sent it: they do not have the token as well (R1)."""
    released = [
        *(
            one
            for one in statements.of_subject(records, Act.RELEASE, order)
            if item.mailer_number in _named(one)
        ),
        *statements.of_subject(records, Act.REPRINT, item.mailer_number),
    ]
    sent = letters.postings(records, item.mailer_number)
    return {
        Act.RELEASE: [name for signed in released for name in signed.signers],
        Act.SEND_LETTER: [one.sent_by for one in sent],
    }


def had_token(records: Records, *tokens: Item) -> Before:
    """Who had any of these tokens in hand to dispatch it or hand it over: no letter is for them (R1)."""
    handled = {name for item in tokens for name in parcels.handled_by(records, item.id)}
    handed = {name for item in tokens for name in field.by_whom(records, item.id, FieldAct.HANDED_OVER)}
    return {Act.DISPATCH: sorted(handled), Act.HAND_OVER: sorted(handed)}


def _named(release: Signed) -> list[object]:
    found = read(release).about.get("letters")
    return found if isinstance(found, list) else []


def _ways_out(life: Life | None) -> list[datetime]:
    """When a token left the desk last, by each way."""
    return [at for at in (life.dispatched_at, life.handed_over_at) if at is not None] if life else []


def _over(life: Life | None, *, revoked: bool) -> May | None:
    if life is None:
        return May("its token was never finished", never=True)
    if life.state in _OVER:
        again = life.state is LifeState.RETURNED
        return May(f"its token is {life.state}", never=not again)
    if revoked:
        return May("its token's certificates are revoked", never=True)
    return None


def _from(since: date, on: date, because: str) -> May:
    return May(since=since) if since <= on else May(because, since)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
