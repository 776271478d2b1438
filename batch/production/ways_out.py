"""The ways out of quarantine: back into production, or spoiled, counted and replaced.

What cannot be undone is on record before it is done. A way out that was cut off is finished by the same
command: the intent stays, every act may be done twice, and the item leaves with its last transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from batch.audit.log import log
from batch.model.codes import Binding
from batch.model.errors import Refused
from batch.model.orders import Item
from batch.model.quarantine import Stay, Way
from batch.model.states import ItemState, LetterState
from batch.people.acting import Actor, Given, Who, give, keep, name_of, signing
from batch.people.separation import Act, apart
from batch.people.warrants import giving_up
from batch.production import revocation
from batch.production.ending import follow
from batch.production.plan import Step
from batch.production.quarantine import Resume, event_of, rule_of, stay_of
from batch.store import codes, items, journal, letters, orders, quarantine, restores
from batch.store.database import Records
from drivers.authorities.port import Reason
from drivers.process import Child

_WITNESSED = (Way.DESTROY, Way.WRITE_OFF)


@dataclass(frozen=True)
class Spoiled:
    """What came of a way out: the item, the number of its replacement, and the state of its letter."""

    item: Item
    replacement: str | None
    letter: LetterState


def resume(records: Records, number: str, operator: str, *, decided: str | None = None) -> Item:
    """Put an item back into production; its failing step is done again when its token is seen.

    `decided` tells what a reading of its token decided, where the journal could not. Raises `Refused`.
    """
    restores.refuse_open(records)
    with records.transaction():
        item = items.item(records, number)
        stay = stay_of(records, item)
        rule = rule_of(records, item, stay)
        if rule.resume is Resume.NO or (rule.resume is Resume.AFTER_READING and decided is None):
            seat = rule.resume is Resume.AFTER_READING
            raise Refused(
                f"it cannot be resumed: {rule.because}",
                where=f"token {item.mailer_number}",
                next=f"`station quarantine resume {item.mailer_number} --seat SEAT` reads it"
                if seat
                else f"`station quarantine show {item.mailer_number}` tells the other ways out",
            )
        quarantine.begin_way(records, stay, Way.RESUME, by=operator, why=decided or rule.because)
        quarantine.leave(records, stay)
        items.take_up(records, item.id)
        if rule.redo is not None and stay.step is not None:
            _, _, key = stay.step.partition(":")
            journal.reopen(records, item.id, Step(rule.redo, key).name)
        log(records, event_of(records, "quarantine.resumed", operator, item, {"decided": decided}))
        follow(records, orders.order_of(records, item.order_id), operator)
    return items.item_of(records, item.id)


def token_name(item: Item) -> str:
    """What a person types to confirm: the token's serial, or the item's number where none is on record."""
    return item.token_serial or item.mailer_number


def check_typed(item: Item, typed: str) -> None:
    """Raises `Refused` where what a person typed does not name the token."""
    if typed.strip() != token_name(item):
        raise Refused(
            f"what was typed is not its {'serial' if item.token_serial else 'number'}; nothing was done",
            where=f"token {item.mailer_number}",
            next="read it from the token itself, then run this again",
        )


def left_already(records: Records, item: Item, way: Way) -> bool:
    """Whether an item was spoiled that way before; raises `Refused` where it is in no quarantine."""
    stay = quarantine.last_stay(records, item.id)
    if item.state is ItemState.SPOILED and stay is not None and stay.way is way:
        return True
    stay_of(records, item)
    return False


def begin(
    records: Records,
    number: str,
    way: Way,
    *,
    operator: str,
    confirmed: str,
    why: str | None = None,
    witness: str | None = None,
    replaced: bool = True,
) -> Stay:
    """Put the intent to reset, destroy or write off on record; one begun before is gone on with.

    `confirmed` is what a person typed for `token_name`; `why` defaults to why it was set aside. Raises
    `Refused`, also where the witness is who does it (R14, R36).
    """
    restores.refuse_open(records)
    with records.transaction():
        item = items.item(records, number)
        where = f"token {item.mailer_number}"
        stay = stay_of(records, item)
        check_typed(item, confirmed)
        if way in _WITNESSED:
            witness = witness or ""
            if not witness.strip() or not witness.isprintable():
                raise Refused(
                    "nobody is named as witness (R14)", where=where, next="name one: --witness NAME"
                )
            apart(Act.WITNESS, witness, where=where, before={Act.GIVE_UP: (operator,)})
        if stay.way is way:
            return stay
        if stay.way not in (None, Way.RESET) or stay.blank_at is not None:
            raise Refused(
                f"`station quarantine {stay.way}` was begun by {stay.way_by}",
                where=where,
                next="run that again, it goes on from where it was",
            )
        why = why or stay.reason
        quarantine.begin_way(records, stay, way, by=operator, why=why, witness=witness, replaced=replaced)
        detail = {"why": why, "witness": witness, "replaced": replaced}
        log(records, event_of(records, f"quarantine.{way}-begun", operator, item, detail))
    return stay_of(records, item)


def finish(records: Records, number: str, who: Who, keeper: Child) -> Spoiled:
    """Spoil an item by the way that was begun: its resume key is destroyed, its letter void, all counted.

    Who does it signs for what is made in its place. Its certificates wait for the CA after this. Raises
    `DriverError` where the bench's keys fail.
    """
    item, operator = items.item(records, number), name_of(who)
    given = _given_up(records, item, signing(records, who, where=f"token {item.mailer_number}"))
    keeper.ask("destroy", Binding(item.id, item.mailer_number), timeout=60)
    with records.transaction():
        stay = stay_of(records, items.item_of(records, item.id))
        way = stay.way
        assert way is not None
        assert way is not Way.RESUME
        if way is Way.RESET:
            assert stay.blank_at is not None, "a reset counts when the token was read blank"
            items.free_token(records, item.id)
        order = orders.order_of(records, item.order_id)
        codes.forget_resume(records, item.id)
        items.end_item(records, item.id, ItemState.SPOILED, f"{way.done}: {stay.why}")
        letter = letters.withdraw(records, item.mailer_number, item.id, operator)
        asked = revocation.ask_for(records, item, _reason(stay), operator)
        detail = {
            "how": way.done,
            "why": stay.why,
            "by": stay.way_by,
            "witness": stay.witness,
            "requests to revoke": asked,
            "letter": str(letter),
        }
        if given is not None:
            keep(records, given)
            detail["statement"] = given.digest
        log(records, event_of(records, "item.spoiled", operator, item, detail))
        replacement = _replace(records, item, operator) if stay.replaced else None
        if given is not None and given.statement.about["replacement"] != replacement:
            raise Refused(
                "an order was taken in meanwhile, and has the number of its replacement",
                where=f"token {item.mailer_number}",
                next="run this again, it goes on from where it was",
            )
        quarantine.leave(records, stay)
        follow(records, order, operator)
    return Spoiled(items.item_of(records, item.id), replacement, letter)


def _given_up(records: Records, item: Item, actor: Actor | None) -> Given | None:
    """Signed before anything is on record: a token that asks for its PIN must not hold up the records."""
    if actor is None:
        return None
    replaced = stay_of(records, item).replaced
    number = f"{items.next_id(records):06d}" if replaced else None
    about = giving_up(orders.order_of(records, item.order_id).number, item.mailer_number, number)
    where = f"token {item.mailer_number}"
    return give(records, actor, Act.GIVE_UP, about, subject=item.mailer_number, where=where)


def _replace(records: Records, item: Item, operator: str) -> str:
    number = items.add_item(
        records,
        orders.order_of(records, item.order_id),
        layout=item.layout,
        subject_key=item.subject_key,
        fields=item.fields,
        replaces=item.id,
    )
    planned = items.item(records, number)
    tell = event_of(records, "item.planned", operator, planned, {"replaces": item.mailer_number})
    log(records, replace(tell, kept=orders.whole_item(records, planned)))
    return number


def _reason(stay: Stay) -> Reason:
    """A key that nobody can use any more is given up; one that was lost may be used by who finds it."""
    if stay.way is Way.WRITE_OFF:
        return Reason.KEY_COMPROMISE
    return Reason.SUPERSEDED if stay.replaced else Reason.CESSATION_OF_OPERATION
