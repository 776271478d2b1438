"""Revoking a token by its number and revocation code: at any hour, at once, for good (R21, R22, R23).

Every try is counted before it is made, under the number that was typed, whether anybody has it or not; what
is answered, and how long it takes, tells nobody which numbers there are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from batch.audit.log import log
from batch.model.errors import NotFound, Refused
from batch.model.events import Event
from batch.model.field import Done, FieldAct
from batch.model.orders import Item
from batch.model.states import LIFE, LetterState, LifeState
from batch.production.lives_back import BY_CODE
from batch.production.quarantine import event_of
from batch.production.revocation import ask_for
from batch.store import code_tries, codes, field, items, letters, lives, revocations
from batch.store.database import Records
from drivers.authorities.port import Reason

HOLDER = "revocation code"
"""Who records and log name for what a code did: nobody who works here."""

FREE = 3
"""Wrong codes in a row for one number that cost no waiting."""

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
"""How long the next wrong code of a number makes wait, twice as long with each, and at most."""

MOST, WITHIN = 60, timedelta(hours=1)
"""Wrong codes for all numbers together, and within how long."""

_DIGITS = range(6, 10)

Matches = Callable[[str | None], bool]
"""Whether the typed code is that of a hash; asked of the process that has the code."""


@dataclass(frozen=True)
class Revoked:
    """What a right code brought about: `requests` to the CA, none where all were asked before."""

    item: Item
    reason: Reason
    requests: int
    already: bool
    lost: bool


def revoke_by_code(
    records: Records, number: str, matches: Matches, reason: Reason, at: datetime, *, lost: bool = False
) -> Revoked:
    """Have all certificates of a token revoked, its revocation code being right; the CA is told after this.

    `lost`: the token is on record as lost as well. Raises `Refused`, in the same words for a wrong code and
    for a number that nobody has, and for who tried too often; whatever the process with the code raises.
    """
    number = number.strip()
    if not number.isascii() or not number.isdecimal() or len(number) not in _DIGITS:
        # Not shown and not logged: it may be the code.
        raise Refused(
            "this is no number of a token", where="number", next="type the digits that stand on the letter"
        )
    if code_tries.ahead(records, at):
        # They make wait from this moment on, not until the clock is there again.
        with records.transaction():
            code_tries.not_after(records, at)
            log(records, Event("revocation.clock-set-back", HOLDER))
    with records.transaction():
        refuse_too_many(records, number, at)
        try_id = code_tries.book(records, number, at)
        log(records, Event("revocation.tried", HOLDER, detail={"number": number}))
    item = _item(records, number)
    right = matches(codes.revocation_hash(records, item.id) if item else None)
    if item is None or not right:
        with records.transaction():
            log(records, Event("revocation.refused", HOLDER, detail={"number": number}))
        raise Refused(
            "number and revocation code do not belong together",
            where=f"number {number}",
            next="look at the letter; without it two revocation officers sign: `station token revoke`",
        )
    with records.transaction():
        code_tries.accept(records, try_id)
        return _carry_out(records, item, reason, at, lost=lost)


def refuse_too_many(records: Records, number: str, at: datetime) -> None:
    """Raise `Refused` while wrong codes for a number, or for all, make wait; tells how long (R21)."""
    of_number, waits = code_tries.of_number(records, number), timedelta()
    if of_number.last is not None and of_number.count >= FREE:
        wait = min(FIRST_WAIT * 2 ** min(of_number.count - FREE, 20), LONGEST_WAIT)
        waits = of_number.last + wait - at
    refused = code_tries.refused_since(records, at - WITHIN)
    if len(refused) >= MOST:
        waits = max(waits, refused[-MOST] + WITHIN - at)
    if waits > timedelta():
        seconds = max(1, round(waits.total_seconds()))
        raise Refused(
            f"too many wrong codes; this one was not tried, the next may be in {seconds} s",
            where=f"number {number}",
            next="wait; where it must be at once two revocation officers sign: `station token revoke`",
        )


def _item(records: Records, number: str) -> Item | None:
    """The item of a number, not of a serial."""
    try:
        item = items.item(records, number)
    except NotFound:
        return None
    return item if item.mailer_number == number else None


def _carry_out(records: Records, item: Item, reason: Reason, at: datetime, *, lost: bool) -> Revoked:
    already = revocations.of_its_keys(records, item.id)
    requests = 0 if already else ask_for(records, item, reason, HOLDER)
    if letters.state_of(records, item.mailer_number) is LetterState.SEALED:
        letters.withdraw(records, item.mailer_number, item.id, HOLDER)
    life = lives.life_or_none(records, item.id)
    goes = lost and life is not None and LifeState.LOST in LIFE[life.state]
    if goes:
        lives.set_state(records, item.id, LifeState.LOST, at)
        field.add(records, Done(item.id, FieldAct.LOST, at, HOLDER))
        log(records, event_of(records, "token.lost", HOLDER, item))
    detail = {"reason": str(reason), "requests": requests, "already": already}
    log(records, event_of(records, BY_CODE, HOLDER, item, detail))
    return Revoked(item, reason, requests, already, goes)
