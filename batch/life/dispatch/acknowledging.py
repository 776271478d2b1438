"""Acknowledgements: somebody says that a token came, and whether its letter may go for it (R3)."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from batch.audit.log import log
from batch.life.dispatch import quoting
from batch.life.dispatch.mail import Mail
from batch.life.dispatch.parcels import certificate_name
from batch.life.duties import Duty
from batch.life.wording import LONGEST, checked
from batch.model.dispatch import Acknowledgement, Channel, Doubt
from batch.model.errors import NotFound, Refused
from batch.model.events import Event
from batch.model.orders import Item
from batch.model.people import Role
from batch.model.registry import Person
from batch.model.states import AcknowledgementState, LifeState, PersonState
from batch.orders.signatures import unfit
from batch.people import registry
from batch.people.separation import Act, Before, apart, same
from batch.store import acknowledgements, items, lives, orders, parcels, restores
from batch.store.database import Records
from batch.tables.values import folded
from drivers import cms

MOST_NUMBERS = 500
"""Numbers in one mail."""

_MOST_WRONG = 3
"""Wrong numbers for a token, after which a right one may have been guessed."""

_DECIDED_WITHIN = timedelta(days=2)
_THERE = (LifeState.ACKNOWLEDGED, LifeState.HANDED_OVER, LifeState.ACTIVE)


@dataclass(frozen=True)
class _Said:
    """What somebody said of one token; `mail` None where an operator typed it."""

    given: str
    words: str
    sender: str
    message: str
    mail: Mail | None = None
    proven: dict[str, bool] = field(default_factory=dict)
    """By person, whether the mail is signed with their certificate: the numbers of one mail share it."""

    guessing: bool = False
    """Whether it has several numbers for this token."""


@dataclass(frozen=True)
class _Judged:
    item: Item | None
    channel: Channel
    wrong: tuple[Doubt, ...]
    there: bool = False
    """Whether all but its way is right, and the token was acknowledged before."""


def take_typed(records: Records, given: str, name: str, sender: str, by: str, on: date) -> Acknowledgement:
    """Take in what somebody wrote or said: a number, the certificate's name, and their e-mail address.

    Accepted where R3 holds, else waiting. Said again, it is the same acknowledgement. Raises `FaultyValue`.
    """
    given = quoting.whole(given) or checked(given, "number")
    name, sender = checked(name, "name"), checked(sender, "sender")
    told = "\n".join(("typed", given, folded(name), sender.casefold()))
    message = hashlib.sha256(told.encode()).hexdigest()
    (found,) = _take(records, [_Said(given, name, sender, message)], by, on)
    return found


def take_mail(records: Records, mail: Mail, by: str, on: date) -> list[Acknowledgement]:
    """Take in an e-mail: one acknowledgement for each number in it, or one without a number.

    Of the mail itself only its digest is kept. The same mail again is the same. Raises `Refused`.
    """
    numbers = quoting.found_in(mail.text)
    if len(numbers) > MOST_NUMBERS:
        raise Refused(f"has more than {MOST_NUMBERS} numbers", where="e-mail", next="take them in by hand")
    sender, proven = mail.sender[:LONGEST], dict[str, bool]()
    tokens = Counter(quoting.token_of(one) for one in numbers)
    said = [
        _Said(one, mail.text, sender, mail.sha256, mail, proven, tokens[quoting.token_of(one)] > 1)
        for one in numbers or [""]
    ]
    return _take(records, said, by, on)


def decide(
    records: Records, id_: int, by: str, reason: str, *, accept: bool, token: str | None = None
) -> Acknowledgement:
    """Decide about an acknowledgement that waits: accept it, for a `token` where it names none, or reject it.

    Raises `Refused` for who took it in, for a wrong signature, or a token that is not on its way.
    """
    with records.transaction():
        restores.refuse_open(records)
        found, where = acknowledgements.acknowledgement(records, id_), f"acknowledgement {id_}"
        apart(Act.DECIDE, by, where=where, before=before(records, id_))
        item = items.item(records, token) if token else None
        if item is not None and found.item_id not in (None, item.id):
            raise Refused("it is about another token", where=where, next="leave the token out")
        item = item or (items.item_of(records, found.item_id) if found.item_id is not None else None)
        detail: dict[str, object] = {"acknowledgement": id_, "reason": reason, "accepted": accept}
        if accept:
            if Doubt.SIGNATURE in found.wrong:
                raise Refused(f"{Doubt.SIGNATURE} (R3)", where=where, next="ask the manager for another mail")
            if item is None:
                raise Refused("it names no token", where=where, next="say which it is for: --token")
            handled = {Act.DISPATCH: parcels.handled_by(records, item.id)}
            apart(Act.DECIDE, by, where=where, before=handled)
            lives.set_state(records, item.id, LifeState.ACKNOWLEDGED)
        state = AcknowledgementState.ACCEPTED if accept else AcknowledgementState.REJECTED
        decided = acknowledgements.decide(records, found, state, by, reason, item.id if item else None)
        order = orders.order_of(records, item.order_id).number if item else None
        number = item.mailer_number if item else None
        events = [Event(str(Act.DECIDE), by, order=order, item=number, detail=detail)]
        if accept:
            told = {"acknowledgement": id_, "channel": str(found.channel), "decided": True}
            events.append(Event(str(Act.ACKNOWLEDGE), by, order=order, item=number, detail=told))
        log(records, *events)
    return decided


def before(records: Records, id_: int) -> Before:
    """Who took an acknowledgement in, and so does not decide on it; nobody where there is none."""
    with suppress(NotFound):
        return {Act.ACKNOWLEDGE: [acknowledgements.acknowledgement(records, id_).taken_by]}
    return {}


def duties(records: Records, on: date) -> Iterator[Duty]:
    """Every acknowledgement that waits for a decision."""
    for one in acknowledgements.acknowledgements(records, AcknowledgementState.WAITING):
        by = one.taken_at.date() + _DECIDED_WITHIN
        about, what = f"acknowledgement {one.id}", f"decide on it: {'; '.join(one.wrong)}"
        yield Duty(Role.ORDER_OFFICER, what, about, by, f"station acknowledge decide {one.id}")


def _take(records: Records, said: Sequence[_Said], by: str, on: date) -> list[Acknowledgement]:
    with records.transaction():
        restores.refuse_open(records)
        before = {one.given: one for one in acknowledgements.of_message(records, said[0].message)}
        found = [_one(records, one, before.get(one.given), by, on) for one in said]
        return found


def _one(records: Records, said: _Said, before: Acknowledgement | None, by: str, on: date) -> Acknowledgement:
    if before is not None and before.state is not AcknowledgementState.WAITING:
        return before
    judged = _judge(records, said, by, on)
    item = judged.item
    if judged.there and item is not None and before is None:
        accepted = acknowledgements.acknowledgements(records, AcknowledgementState.ACCEPTED, item_id=item.id)
        if accepted:
            return accepted[-1]
    if before is not None and judged.wrong:
        return before
    if before is not None:
        reason = "it holds by now (R3)"
        found = acknowledgements.decide(
            records, before, AcknowledgementState.ACCEPTED, by, reason, item.id if item else None
        )
    else:
        found = acknowledgements.add(
            records,
            message=said.message,
            given=said.given,
            item_id=item.id if item else None,
            channel=judged.channel,
            name=said.words if said.mail is None else "",
            sender=said.sender,
            wrong=judged.wrong,
            by=by,
        )
    if item is not None and not judged.wrong:
        lives.set_state(records, item.id, LifeState.ACKNOWLEDGED)
    name = "acknowledgement.waiting" if judged.wrong else str(Act.ACKNOWLEDGE)
    log(records, _event(records, name, by, found, item, said))
    return found


def _judge(records: Records, said: _Said, by: str, on: date) -> _Judged:
    """Whether R3 holds: number and name match, sent by the registered manager, of a token on its way.

    Who packed or sent the token could say so of one that never left: they are believed with a proof only.
    """
    item, wrong = _token(records, said)
    channel = Channel.TYPED if said.mail is None else Channel.MAIL
    if said.mail is not None and said.mail.automatic:
        wrong.append(Doubt.AUTOMATIC)
    if said.mail is not None and said.mail.broken:
        wrong.append(Doubt.SIGNATURE)
    if item is None:
        return _Judged(None, channel, tuple(wrong))
    if not _names(said, certificate_name(item)):
        wrong.append(Doubt.NAME)
    manager = _manager(records, item, said.sender, on)
    if manager is None:
        wrong.append(Doubt.SENDER)
    elif said.mail is not None and said.mail.signature is not None and manager.certificate is not None:
        if manager.number not in said.proven:
            said.proven[manager.number] = _signed(said.mail, manager, manager.certificate)
        if said.proven[manager.number]:
            channel = Channel.SIGNED
        else:
            wrong.append(Doubt.SIGNATURE)
    if channel is not Channel.SIGNED and (said.guessing or _guessed_at(records, item)):
        wrong.append(Doubt.GUESSED)
    if channel is not Channel.SIGNED and any(same(by, one) for one in parcels.handled_by(records, item.id)):
        wrong.append(Doubt.HANDLED)
    life = lives.life_or_none(records, item.id)
    there = life is not None and life.state in _THERE and not wrong
    if life is None or life.state is not LifeState.DISPATCHED:
        wrong.append(Doubt.NOT_DISPATCHED)
    return _Judged(item, channel, tuple(dict.fromkeys(wrong)), there)


def _token(records: Records, said: _Said) -> tuple[Item | None, list[Doubt]]:
    """The token that a number is of, and what is wrong with the number."""
    if not said.given:
        return None, [Doubt.NO_NUMBER]
    quoted = quoting.whole(said.given)
    if quoted is not None and not quoting.holds(quoted):
        return None, [Doubt.MISTYPED]
    try:
        item = items.item(records, quoting.token_of(said.given))
    except NotFound:
        return None, [Doubt.NUMBER]
    parcel = parcels.sent_of_item(records, item.id)
    packed = parcels.packed_in(records, parcel, item.id) if parcel is not None else None
    right = packed is not None and packed.quoted is not None and quoted is not None
    if right and packed is not None and hmac.compare_digest(packed.quoted or "", quoted or ""):
        return item, []
    return item, [Doubt.NUMBER]


def _guessed_at(records: Records, item: Item) -> bool:
    """Whether so many wrong numbers came for a token that a right one proves nothing."""
    before = acknowledgements.acknowledgements(records, item_id=item.id)
    return sum(Doubt.NUMBER in one.wrong for one in before) >= _MOST_WRONG


def _names(said: _Said, name: str) -> bool:
    """Whether a certificate is named: by exactly its name, or in the words of a mail."""
    wanted = folded(name)
    if not wanted:
        return False
    if said.mail is None:
        return folded(said.words) == wanted
    edge = r"(?<!\w){}(?!\w)"
    return re.search(edge.format(re.escape(wanted)), folded(said.words)) is not None


def _manager(records: Records, item: Item, sender: str, on: date) -> Person | None:
    """The registered manager of a certificate, where that is who sent something."""
    named = item.fields.get("manager_email", "")
    if not sender or unicodedata.normalize("NFC", sender).casefold() != named.casefold():
        return None
    if sender.isascii() != named.isascii():  # such as a Kelvin sign, which folds to a k
        return None
    found = registry.manager_of(records, orders.order_of(records, item.order_id).organisation, sender)
    return found if found is not None and found.state is PersonState.REGISTERED and found.valid(on) else None


def _signed(mail: Mail, manager: Person, certificate: bytes) -> bool:
    """Whether a mail is signed with the registered certificate of a manager, which counts at both times."""
    if mail.signature is None or mail.signed is None or mail.signature.weak:
        return False
    pem = x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)
    if not cms.holds(mail.signature, mail.signed, pem):
        return False
    return unfit(manager, certificate, mail.signature.signed_at) is None


def _event(
    records: Records, name: str, by: str, found: Acknowledgement, item: Item | None, said: _Said
) -> Event:
    detail: dict[str, object] = {
        "acknowledgement": found.id,
        "channel": str(found.channel),
        "message": found.message,
    }
    if found.wrong and name != str(Act.ACKNOWLEDGE):
        detail["wrong"] = [one.name.lower() for one in found.wrong]
    if item is not None and item.salt:
        # Without the salt, which is forgotten with the item's words, nobody can tell by trying who it was.
        detail["sender"] = hashlib.sha256(item.salt + said.sender.casefold().encode()).hexdigest()
    order = orders.order_of(records, item.order_id).number if item is not None else None
    number = item.mailer_number if item is not None else None
    return Event(name, by, order=order, item=number, detail=detail)
