"""Letting letters be printed: two PIN officers who did not produce the order sign for them (R7, R13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from batch.audit.log import log
from batch.model.errors import NotTrusted, Refused
from batch.model.events import Event
from batch.model.orders import Item, Order
from batch.model.people import Signed
from batch.model.states import ItemState, LetterState
from batch.orders.epochs import need_open
from batch.people.acting import Actor, Given, give, keep, keep_alone
from batch.people.evidence import warrant_of
from batch.people.separation import RULES, Act, Before
from batch.people.statements import read
from batch.people.warrants import MOST_REPRINTS, releasing, reprinting
from batch.store import items, letters, orders, statements
from batch.store.clock import now
from batch.store.database import Records

HOLDS = timedelta(hours=24)
"""How long a release or a reprint holds; what is not printed by then is released anew."""


def release(records: Records, order: Order, actor: Actor) -> Given:
    """Sign that the letters of an order that are sealed may be printed; the second officer completes it.

    Raises `Refused` where there are none, or for who produced the order.
    """
    waiting = _waiting(records, order)
    if not waiting:
        raise Refused(
            "has no sealed letters to release", where=order.number, next="see `station letter list`"
        )
    about = releasing(order.number, warrant_of(records, order).approved, waiting)
    given = give(
        records,
        actor,
        Act.RELEASE,
        about,
        subject=order.number,
        where=order.number,
        until=now() + HOLDS,
        before=produced_by(records, order),
    )
    keep_alone(records, given, order=order.number)
    return given


def release_together(records: Records, order: Order, actors: Sequence[Actor]) -> None:
    """Have officers who are here together sign for what nobody has let be printed yet.

    One alone signs nothing: then only what was released before is printed.
    """
    releases, waiting = Releases(records, order, now()), _waiting(records, order)
    if len(actors) < RULES[Act.RELEASE].persons or all(
        releases.of(items.item(records, number)) for number in waiting
    ):
        return
    begun = statements.of_subject(records, Act.RELEASE, order.number, completed=False)
    before = {name for one in begun[-1:] if _letters_of(one) == waiting for name in one.signers}
    for actor in actors:
        if actor.name not in before and release(records, order, actor).complete:
            return


def reprint(records: Records, number: str, actor: Actor, reason: str | None = None) -> Given:
    """Sign that a letter is printed again, its old form being accounted for; the second officer completes it.

    Who completes it may leave out the reason. Raises `Refused` for a letter that is neither unknown nor void,
    whose token was spoiled, or that was printed again as often as may be.
    """
    letter = letters.letter(records, number)
    item = items.item_of(records, letter.item_id)
    order, where = orders.order_of(records, item.order_id), f"letter {number}"
    need_open(records, order)
    if letter.state not in (LetterState.UNKNOWN, LetterState.VOID):
        raise Refused(
            f"it is {letter.state}; only a letter that is unknown or void is printed again",
            where=where,
            next="see `station letter list`",
        )
    if item.state is not ItemState.PRODUCED:
        raise Refused(f"its token is {item.state}", where=where, next="see `station token show`")
    count = len(reprints(records, number)) + 1
    if count > MOST_REPRINTS:
        raise Refused(
            f"it was printed again {MOST_REPRINTS} times already (R13)",
            where=where,
            next="revoke the token's certificates and make another",
        )
    reason = reason or _begun_for(records, number)
    if not reason:
        raise Refused("no reason is given (R13)", where=where, next="say what became of the form: --reason")
    about = reprinting(order.number, warrant_of(records, order).approved, number, count, reason)
    before = produced_by(records, order)
    until = now() + HOLDS
    given = give(records, actor, Act.REPRINT, about, subject=number, where=where, until=until, before=before)
    if not given.complete:
        keep_alone(records, given, order=order.number, item=number)
        return given
    with records.transaction():
        keep(records, given)
        letters.seal_again(records, number, operator=actor.name)
        detail = {"statement": given.digest, "count": count, "reason": reason}
        log(records, Event(str(Act.REPRINT), actor.name, order=order.number, item=number, detail=detail))
    return given


def _waiting(records: Records, order: Order) -> list[str]:
    """The numbers of sealed letters that were never printed."""
    sealed = letters.letters(records, order.id, LetterState.SEALED)
    return [one.mailer_number for one in sealed if not reprints(records, one.mailer_number)]


def _begun_for(records: Records, number: str) -> str | None:
    """The reason for which another officer began to have a letter printed again."""
    begun = statements.of_subject(records, Act.REPRINT, number, completed=False)
    return str(read(begun[-1]).about.get("reason")) if begun else None


def reprints(records: Records, number: str) -> list[Signed]:
    """What two officers signed to have a letter printed again, oldest first."""
    return statements.of_subject(records, Act.REPRINT, number)


def produced_by(records: Records, order: Order) -> Before:
    """Who ordered the productions of an order."""
    ordered = statements.of_subject(records, Act.PRODUCE, order.number)
    return {Act.PRODUCE: [name for one in ordered for name in one.signers]}


class Releases:
    """What lets the letters of an order be printed at a moment."""

    def __init__(self, records: Records, order: Order, at: datetime) -> None:
        self._records, self._at = records, at
        self._released: Mapping[str, Signed] = {
            str(number): signed
            for signed in statements.of_subject(records, Act.RELEASE, order.number)
            if self._holds(signed)
            for number in _letters_of(signed)
        }

    def of(self, item: Item) -> Signed | None:
        """The statement for an item's letter, None where none holds; a letter printed again wants its own."""
        again = reprints(self._records, item.mailer_number)
        if again:
            return again[-1] if self._holds(again[-1]) else None
        return self._released.get(item.mailer_number)

    def _holds(self, signed: Signed) -> bool:
        try:
            until = read(signed).until
        except NotTrusted:
            return False
        return until is None or self._at < until


def _letters_of(signed: Signed) -> list[object]:
    found = read(signed).about.get("letters")
    return found if isinstance(found, list) else []
