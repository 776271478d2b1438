"""Tokens in the field: handed over, activated, lost, damaged, returned, destroyed (R1, R2, R6, R35)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from batch.audit.log import log
from batch.letters.policy import had_letter, letter_left
from batch.life.wording import checked
from batch.model.errors import Refused
from batch.model.field import HOLDER, STATES, Done, FieldAct
from batch.model.life import Life
from batch.model.orders import Item
from batch.model.states import ItemState, LetterState, PersonState
from batch.people.registry import manager_of
from batch.people.separation import Act, Before, same
from batch.production.quarantine import event_of
from batch.production.ways_out import check_typed
from batch.store import field, items, letters, lives, orders, registry, restores, revocations
from batch.store.database import Records
from layouts.fields import Kind
from layouts.life import Consent
from layouts.token import TokenLayout

REPORTED: Mapping[FieldAct, str] = {
    FieldAct.LOST: "lost",
    FieldAct.DAMAGED: "damaged",
    FieldAct.RETURNED: "at the desk again",
}
"""What one person puts on record alone, in words."""


@dataclass(frozen=True)
class Consents:
    """What the receiver of a token agreed to (R6), and the SHA-256 of the paper that was signed."""

    given: Sequence[Consent] = ()
    signed: str | None = None


def before_hand_over(records: Records, item: Item) -> Before:
    """Who did what before that keeps them from handing a token over (R1, R35)."""
    order = orders.order_of(records, item.order_id)
    return {Act.RECEIVE: [order.imported_by], **had_letter(records, item, order.number)}


def hand_over(
    records: Records,
    item: Item,
    layout: TokenLayout,
    *,
    to: str,
    consents: Consents,
    operator: str,
    at: datetime,
) -> None:
    """Put on record that a token was handed over: to its holder, or to a registered manager of its group.

    `to` is the holder's name as it was ordered, or the manager's number or e-mail address. Raises `Refused`
    without the consents its layout wants, before its letter left where that goes first, for another
    receiver, for who receives it themselves, and where its certificates are to be revoked.
    """
    where = f"token {item.mailer_number}"
    with records.transaction():
        _finished(records, item, "handed over")
        _refuse_revoked(records, item, "handed over")
        letter_left(records, item, layout, at.date()).need(where, "see `station letter list`")
        recipient, name = _recipient(records, item, layout, to, at)
        if same(name, operator):
            raise Refused(
                "nobody hands a token over to themselves (R35)", where=where, next="let another do it"
            )
        missing = [str(one) for one in layout.life.consents if one not in consents.given]
        if missing or (layout.life.consents and consents.signed is None):
            what = f"consent is missing: {', '.join(missing)}" if missing else "what was signed is not named"
            raise Refused(
                f"{what} (R6)",
                where=where,
                next="let the receiver sign, then say --consent for each and --signed FILE",
            )
        given = tuple(str(one) for one in dict.fromkeys(consents.given))
        done = Done(
            item.id, FieldAct.HANDED_OVER, at, operator, None, None, recipient, given, consents.signed
        )
        detail = {"recipient": recipient, "consents": list(given), "signed": consents.signed}
        _put(records, item, done, detail)


def activate(
    records: Records, item: Item, layout: TokenLayout, *, operator: str, at: datetime, read: bool = False
) -> None:
    """Put on record that a token is used: its holder changed the PIN. `read`: it was read at the desk.

    Raises `Refused` where nobody has it by the rules of its layout, or its certificates are to be revoked.
    """
    where = f"token {item.mailer_number}"
    with records.transaction():
        life = _finished(records, item, "activated")
        _refuse_revoked(records, item, "activated")
        if layout.life.consents and life.handed_over_at is None:
            raise Refused(
                "its layout wants consents, and it was never handed over (R6)",
                where=where,
                next=f"station token hand-over {item.mailer_number}",
            )
        done = Done(item.id, FieldAct.ACTIVATED, at, operator)
        _put(records, item, done, {"read": read})


def report(records: Records, item: Item, act: FieldAct, *, operator: str, why: str, at: datetime) -> None:
    """Put on record that a token is lost, damaged or back at the desk.

    Raises `Refused`, `Transition`, and `FaultyValue` for words that are none.
    """
    assert act in REPORTED, "the others have rules of their own"
    why = checked(why, "reason")
    with records.transaction():
        _finished(records, item, REPORTED[act])
        _put(records, item, Done(item.id, act, at, operator, why=why), {"why": why})


def destroy(
    records: Records,
    item: Item,
    *,
    operator: str,
    witness: str,
    confirmed: str,
    why: str,
    at: datetime,
) -> None:
    """Put on record that a token was destroyed before a witness; `confirmed` is what was typed to name it.

    Its letter is void where it was not printed. Raises `Refused`, `Transition`, `FaultyValue`.
    """
    why = checked(why, "reason")
    with records.transaction():
        _finished(records, item, "destroyed")
        check_typed(item, confirmed)
        if letters.state_of(records, item.mailer_number) is LetterState.SEALED:
            letters.withdraw(records, item.mailer_number, item.id, operator)
        done = Done(item.id, FieldAct.DESTROYED, at, operator, other=witness, why=why)
        _put(records, item, done, {"witness": witness, "why": why})


def _finished(records: Records, item: Item, to: str) -> Life:
    """Where a produced token is; `Refused` for any other, and while a restore is not reconciled."""
    restores.refuse_open(records)
    item = items.item_of(records, item.id)
    if item.state is not ItemState.PRODUCED:
        raise Refused(
            f"it is {item.state}, and only a finished token is {to}",
            where=f"token {item.mailer_number}",
            next=f"see `station token show {item.mailer_number}`",
        )
    return lives.life(records, item.id)


def _refuse_revoked(records: Records, item: Item, to: str) -> None:
    if revocations.of_its_keys(records, item.id):
        raise Refused(
            f"its certificates are revoked, or to be; it is not {to} any more",
            where=f"token {item.mailer_number}",
            next=f"station token destroy {item.mailer_number} --witness NAME",
        )


def _recipient(records: Records, item: Item, layout: TokenLayout, to: str, at: datetime) -> tuple[str, str]:
    """What records and log call the receiver, and the name; raises `Refused` for anybody else."""
    where = f"token {item.mailer_number}"
    if layout.kind is Kind.PERSON:
        name = " ".join(item.fields.get(part, "") for part in ("given_name", "surname"))
        if not name.strip() or " ".join(to.split()).casefold() != " ".join(name.split()).casefold():
            raise Refused(
                "that is not the name of its holder",
                where=where,
                next="look at the holder's document, and type the name as it was ordered",
            )
        return HOLDER, name
    organisation = orders.order_of(records, item.order_id).organisation
    person = manager_of(records, organisation, to) or registry.person(records, to)
    known = person is not None and person.organisation == organisation and person.manager
    if person is None or not known or person.state is not PersonState.REGISTERED:
        raise Refused(
            "that is no registered manager of its subscriber (R3)",
            where=where,
            next="name them by number or e-mail address: `station registry person list`",
        )
    if not person.valid(at.date()):
        raise Refused("the manager's functions do not hold on this day", where=where, next="name another")
    return person.number, person.name


def _put(records: Records, item: Item, done: Done, detail: Mapping[str, object]) -> None:
    """The act, where it takes the token, and its event, in the caller's transaction."""
    lives.set_state(records, item.id, STATES[done.act], done.at)
    field.add(records, done)
    log(records, event_of(records, f"token.{done.act}", done.operator, item, detail))
