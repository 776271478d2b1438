"""What is due of letters and forms: print, confirm, send, account for, destroy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from batch.letters.policy import Layouts, next_of
from batch.life.duties import Duty
from batch.model.orders import Outlook
from batch.model.people import Role
from batch.model.states import FormState, LetterState, LifeState
from batch.store import forms, letters
from batch.store.database import Records

_LOOK = timedelta(days=1)
"""Within which a form is looked for and its number read."""

_LEAVE = timedelta(days=3)
"""How long a letter that may be printed or leave may lie at the desk."""

_DESTROY = timedelta(days=31)

_OPEN = (
    LetterState.SEALED,
    LetterState.PRINTING,
    LetterState.PRINTED,
    LetterState.UNKNOWN,
    LetterState.CONFIRMED,
    LetterState.RETURNED,
    LetterState.LOST,
)


@dataclass(frozen=True)
class _Kind:
    role: Role
    what: str
    command: str
    """In which ORDER and NUMBER stand for the order and its first letter."""


_PRINT = _Kind(Role.PIN_OFFICER, "release and print", "station letter print ORDER --with NAME")
_VOID = _Kind(Role.PIN_OFFICER, "withhold, their tokens being out of use,", "station letter void NUMBER")
_SETTLE = _Kind(Role.PIN_OFFICER, "look for the forms of", "station letter settle NUMBER")
_CONFIRM = _Kind(Role.PIN_OFFICER, "read the forms of", "station letter confirm --order ORDER")
_SEND = _Kind(Role.PIN_OFFICER, "send", "station letter send --order ORDER --by HOW")
_END = _Kind(
    Role.PIN_OFFICER,
    "destroy, their tokens being out of use,",
    "station letter destroy NUMBER --witness NAME --reason WHY",
)
_REVOKE = _Kind(
    Role.REVOCATION_OFFICER,
    "revoke the certificates that go with",
    "station token revoke NUMBER --reason keyCompromise",
)


def duties(records: Records, layouts: Layouts, on: date) -> Iterator[Duty]:
    """What is to be done with letters, together for each order, and with forms."""
    found: dict[tuple[str, _Kind], list[tuple[str, date, int]]] = {}
    for one, alike in letters.alike(records, *_OPEN):
        if (told := _of(one, layouts, on)) is not None:
            kind, by = told
            found.setdefault((one.order, kind), []).append((one.letter.mailer_number, by, alike))
    for (order, kind), concerned in found.items():
        first, count = concerned[0][0], sum(number for _, _, number in concerned)
        yield Duty(
            kind.role,
            f"{kind.what} {count} {'letter' if count == 1 else 'letters'}",
            f"order {order}",
            min(by for _, by, _ in concerned),
            kind.command.replace("ORDER", order).replace("NUMBER", first),
        )
    yield from _of_forms(records, on)


def _of(one: Outlook, layouts: Layouts, on: date) -> tuple[_Kind, date] | None:
    """What is due of a letter, and by when; None for nothing."""
    letter, state = one.letter, one.letter.state
    begun = _day(letter.printed_at or letter.intent_at, on)
    if state in (LetterState.PRINTING, LetterState.UNKNOWN):
        return _SETTLE, begun + _LOOK
    if state is LetterState.PRINTED:
        return _CONFIRM, begun + _LOOK
    if state is LetterState.LOST:
        ended = one.revoked or (one.life is not None and one.life.state is LifeState.DESTROYED)
        return None if ended else (_REVOKE, on)
    following = next_of(one, layouts, on)
    if following is None:
        return None
    _, may = following
    if may.reason is None:
        kind = _PRINT if state is LetterState.SEALED else _SEND
        return kind, (may.since or on) + _LEAVE
    if may.never:
        kind = _VOID if state is LetterState.SEALED else _END
        return kind, on + _LEAVE
    return None


def _of_forms(records: Records, on: date) -> Iterator[Duty]:
    if passed_over := forms.skipped(records, most=1):
        count = forms.count_skipped(records)
        yield Duty(
            Role.PIN_OFFICER,
            f"say what became of {count} {'form' if count == 1 else 'forms'} passed over",
            f"form {passed_over[0]}",
            on + _LOOK,
            f"station letter forms spoil {passed_over[0]} --reason WHY",
        )
    for spoiled in forms.forms(records, None, FormState.SPOILED):
        yield Duty(
            Role.PIN_OFFICER,
            "destroy a spoiled form before a witness",
            f"form {spoiled.number}",
            _day(spoiled.since, on) + _DESTROY,
            f"station letter forms destroy {spoiled.number} --witness NAME --reason WHY",
        )


def _day(at: datetime | None, otherwise: date) -> date:
    return at.astimezone(UTC).date() if at else otherwise
