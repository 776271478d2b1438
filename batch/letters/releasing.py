"""Letting letters be printed: two PIN officers who did not produce the order sign for them (R7, R13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from batch.audit.log import log
from batch.letters.policy import Layouts, May, had_token, next_of, standing
from batch.model.errors import NotTrusted, Refused
from batch.model.events import Event
from batch.model.orders import Item, Order
from batch.model.people import Signed
from batch.model.states import LetterState
from batch.orders.epochs import need_open
from batch.people.acting import PATIENCE, Actor, Given, give, in_turn, keep, keep_alone
from batch.people.evidence import receipts_of, warrant_of
from batch.people.separation import RULES, Act, Before
from batch.people.statements import read
from batch.people.warrants import MOST_REPRINTS, releasing, reprinting
from batch.store import forms, items, letters, orders, statements
from batch.store.clock import now
from batch.store.database import Records
from layouts.life import Release

HOLDS = timedelta(hours=24)
"""How long a release or a reprint holds; what is not printed by then is released anew."""


def release(records: Records, order: Order, actor: Actor, layouts: Layouts) -> Given:
    """Sign that sealed letters of an order may be printed, all that may be now; it takes two officers.

    What another officer began is completed as it stands, if all of it may be still. Raises `Refused` where
    there are none, or for who produced the order or had one of the tokens in hand.
    """
    waiting = _waiting(records, order, layouts)
    if not waiting:
        raise Refused(
            "has no sealed letters that may be printed now",
            where=order.number,
            next=f"see `station letter list --order {order.number} --ready`",
        )
    begun = _begun_of(records, order, actor)
    if begun is not None and set(begun) <= set(waiting):
        waiting = {number: waiting[number] for number in begun}
    received = {number: digest for number, digest in waiting.items() if digest is not None}
    about = releasing(order.number, warrant_of(records, order).approved, list(waiting), received)
    tokens = [items.item(records, number) for number in waiting]
    given = give(
        records,
        actor,
        Act.RELEASE,
        about,
        subject=order.number,
        where=order.number,
        until=now() + HOLDS,
        before={**produced_by(records, order), **had_token(records, *tokens)},
    )
    keep_alone(records, given, order=order.number)
    return given


def release_together(records: Records, order: Order, actors: Sequence[Actor], layouts: Layouts) -> None:
    """Have officers who are here together sign for what nobody has let be printed yet.

    One alone signs nothing: then only what was released before is printed.
    """
    releases, waiting = Releases(records, order, now()), _waiting(records, order, layouts)
    if len(actors) < RULES[Act.RELEASE].persons or all(
        releases.of(items.item(records, number)) for number in waiting
    ):
        return
    begun = statements.of_subject(records, Act.RELEASE, order.number, completed=False)
    before = {name for one in begun[-1:] if _letters_of(one) == sorted(waiting) for name in one.signers}
    for actor in in_turn(actors):
        if actor.name not in before and release(records, order, actor, layouts).complete:
            return


def reprint(
    records: Records, number: str, actor: Actor, layouts: Layouts, reason: str | None = None
) -> Given:
    """Sign that a letter is printed again, its old form being accounted for; the second officer completes it.

    Who completes it may leave out the reason. Raises `Refused` for a letter that is not void, that may not be
    printed as its token is, or that was printed again as often as may be (R13).
    """
    letter = letters.letter(records, number)
    item = items.item_of(records, letter.item_id)
    order, where = orders.order_of(records, item.order_id), f"letter {number}"
    need_open(records, order)
    if letter.state is not LetterState.VOID:
        raise Refused(
            f"it is {letter.state}; only a void letter is printed again (R13)",
            where=where,
            next=_ADVICE.get(letter.state, "see `station letter list`"),
        )
    standing(records, item, layouts(item.layout), now().date()).need(where, "see `station token show`")
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
    spoiled = forms.all_of_letter(records, number)
    about = reprinting(
        order.number,
        warrant_of(records, order).approved,
        number,
        count,
        reason,
        form=str(spoiled[-1].number) if spoiled else None,
        received=_received(records, [item], layouts)[number],
    )
    before = {**produced_by(records, order), **had_token(records, item)}
    until = now() + HOLDS
    given = give(records, actor, Act.REPRINT, about, subject=number, where=where, until=until, before=before)
    if not given.complete:
        keep_alone(records, given, order=order.number, item=number)
        return given
    with records.transaction():
        keep(records, given)
        letters.seal_again(records, number, operator=actor.name)
        detail = {"statement": given.digest, "count": count, "reason": reason}
        kept = {"statement": statements.whole(records, given.digest)}
        event = Event(str(Act.REPRINT), actor.name, order=order.number, item=number, detail=detail, kept=kept)
        log(records, event)
    return given


_ADVICE = {
    LetterState.UNKNOWN: "say what became of its form: `station letter settle`",
    LetterState.LOST: "whoever finds its form has the codes: recall the token, or have its certificates "
    "revoked (`station token revoke`) and make another",
    LetterState.PRINTED: "its form is torn? `station letter spoil`",
    LetterState.CONFIRMED: "its form is torn? `station letter spoil`",
}


def printable(records: Records, order: Order, layouts: Layouts, on: date) -> tuple[list[str], dict[str, May]]:
    """Numbers of an order's sealed letters that may be printed on a day, and of the others why not."""
    may: list[str] = []
    held: dict[str, May] = {}
    for one in letters.outlooks(records, order.id, LetterState.SEALED):
        following = next_of(one, layouts, on)
        assert following is not None, "a sealed letter is printed next"
        if following[1].reason is None:
            may.append(one.letter.mailer_number)
        else:
            held[one.letter.mailer_number] = following[1]
    return may, held


def _waiting(records: Records, order: Order, layouts: Layouts) -> dict[str, str | None]:
    """Sealed letters that may be printed and never were, and the digest of the receipt each waited for."""
    may, _ = printable(records, order, layouts, now().date())
    fresh = [items.item(records, number) for number in may if not reprints(records, number)]
    return _received(records, fresh, layouts)


def _received(records: Records, tokens: Sequence[Item], layouts: Layouts) -> dict[str, str | None]:
    """The digest of each token's receipt by number, None for those whose letter waits for none.

    Raises `NotTrusted` for a letter that waits for a receipt which the log does not tell of.
    """
    wanting = [one for one in tokens if layouts(one.layout).release is Release.AFTER_ACKNOWLEDGEMENT]
    receipts = receipts_of(records, {one.mailer_number for one in wanting}) if wanting else {}
    for one in wanting:
        if one.mailer_number not in receipts:
            raise NotTrusted(
                "its token is acknowledged on record, but the log does not tell of it",
                where=f"letter {one.mailer_number}",
                next="see `station audit verify`, then restore a backup",
            )
    return {
        one.mailer_number: receipts[one.mailer_number][-1].digest if one.mailer_number in receipts else None
        for one in tokens
    }


def _begun_of(records: Records, order: Order, actor: Actor) -> list[str] | None:
    """The letters that another officer began to release, where this one may complete it."""
    for signed in reversed(statements.of_subject(records, Act.RELEASE, order.number, completed=False)):
        if now() - read(signed).at < PATIENCE and actor.name not in signed.signers:
            return [str(number) for number in _letters_of(signed)]
    return None


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
