"""Quarantine: setting an item aside, and what may be done about it then."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from batch.audit.log import log
from batch.model.errors import Refused, Transition
from batch.model.events import Event
from batch.model.orders import Item
from batch.model.quarantine import Cause, Stay, Way
from batch.model.states import ItemState, StepState
from batch.production.certificates import WrongCertificate
from batch.production.plan import Kind, Step
from batch.store import codes, items, journal, orders, quarantine, restores
from batch.store.database import Records
from drivers.errors import (
    AuthenticationFailed,
    Blocked,
    CaRefused,
    DeviceFailed,
    DriverError,
    EvidenceMissing,
    NotBlank,
    ReadBackFailed,
    RetryBudget,
    Unsupported,
)

_CAUSES: Mapping[type[BaseException], Cause] = {
    Unsupported: Cause.UNSUPPORTED,
    Blocked: Cause.CODE_BLOCKED,
    AuthenticationFailed: Cause.CODE_REFUSED,
    RetryBudget: Cause.UNDECIDED,
    NotBlank: Cause.NOT_BLANK,
    EvidenceMissing: Cause.NO_EVIDENCE,
    WrongCertificate: Cause.WRONG_CERTIFICATE,
    ReadBackFailed: Cause.READ_BACK,
    DeviceFailed: Cause.DEVICE_FAILED,
    CaRefused: Cause.CA_REFUSED,
}


class Resume(enum.Enum):
    """Whether an item may go back into production: YES, NO, or only AFTER_READING its token."""

    YES = "yes"
    AFTER_READING = "after reading"
    NO = "no"


@dataclass(frozen=True)
class Rule:
    """Whether an item set aside for a cause may be resumed, and why or with what in mind.

    `redo` is a step of the same key that is looked at again first, although it was done.
    """

    resume: Resume
    because: str
    redo: Kind | None = None


_YES, _LOOK, _NO = Resume.YES, Resume.AFTER_READING, Resume.NO

RULES: Mapping[tuple[Cause, Kind | None], Rule] = {
    # What went wrong, at which step (None: at any other)
    (Cause.UNSUPPORTED, None): Rule(_YES, "after the seat or the layout was mended"),
    (Cause.CODE_REFUSED, None): Rule(_NO, "the token refused a code that the records say is in force"),
    (Cause.CODE_BLOCKED, None): Rule(_NO, "a code of the token is blocked"),
    (Cause.UNDECIDED, None): Rule(_LOOK, "only where the token tells which of its codes is in force"),
    (Cause.NOT_BLANK, None): Rule(_NO, "the token had a past when it was begun (R36)"),
    (Cause.NO_EVIDENCE, None): Rule(_YES, "after the attestation roots of the seat were put right"),
    (Cause.WRONG_CERTIFICATE, None): Rule(
        _YES, "after the CA was mended: it is asked anew for the key on the token", Kind.GENERATE
    ),
    (Cause.READ_BACK, Kind.LOAD): Rule(_YES, "the certificate is written and read back again"),
    (Cause.READ_BACK, None): Rule(_NO, "what the token holds is not what was written to it (R36)"),
    (Cause.DEVICE_FAILED, None): Rule(_YES, "the step is done again, where the token says it never was"),
    (Cause.CA_REFUSED, None): Rule(_YES, "after the CA was told to issue it"),
    (Cause.OTHER, None): Rule(_YES, "the step is done again, where the token says it never was"),
    (Cause.TAKEN_OUT, None): Rule(_YES, "when its token is there again"),
    (Cause.RESTORED, None): Rule(_NO, "what was done to its token after the backup is not on record"),
}
"""Which causes of quarantine let an item go back into production; the ways that spoil it are always open."""


def cause_of(error: DriverError) -> Cause:
    """The cause an error stands for; the nearest of its kinds that has one."""
    return next((_CAUSES[kind] for kind in type(error).__mro__ if kind in _CAUSES), Cause.OTHER)


def set_aside(
    records: Records,
    item: Item,
    cause: Cause,
    reason: str,
    operator: str,
    *,
    step: str | None = None,
    seat: str | None = None,
) -> None:
    """Put an unfinished item into quarantine; called inside a transaction. Raises `Transition`.

    A produced one goes there by a restore alone.
    """
    now = items.item_of(records, item.id)
    if now.state is ItemState.PRODUCED and cause is not Cause.RESTORED:
        raise Transition("it is produced; that is final", where=f"item {now.mailer_number}")
    items.end_item(records, item.id, ItemState.QUARANTINED, reason)
    quarantine.enter(records, item.id, put_by=operator, cause=cause, step=step, reason=reason)
    detail = {"reason": reason, "cause": str(cause), **({"step": step} if step else {})}
    log(records, event_of(records, "item.quarantined", operator, now, detail, seat=seat))


def take_out(records: Records, number: str, reason: str, operator: str) -> Item:
    """Take an unfinished item, whose token is lost or must not go on, out of production; no lane has it.

    Raises `NotFound`, `Refused`.
    """
    restores.refuse_open(records)
    with records.transaction():
        item = items.item(records, number)
        if item.state is not ItemState.IN_PRODUCTION:
            raise Refused(
                f"its state is {item.state}; only a token begun and not finished can be set aside",
                where=f"token {item.mailer_number}",
                next=f"`station token show {item.mailer_number}`",
            )
        begun = [name for name, at in journal.steps(records, item.id).items() if at is not StepState.DONE]
        set_aside(records, item, Cause.TAKEN_OUT, reason, operator, step=begun[0] if begun else None)
    return items.item_of(records, item.id)


def stay_of(records: Records, item: Item) -> Stay:
    """The stay of an item that is in quarantine; raises `Refused` for any other."""
    stay = quarantine.last_stay(records, item.id)
    if item.state is not ItemState.QUARANTINED or stay is None:
        raise Refused(
            f"it is not in quarantine but {item.state}",
            where=f"token {item.mailer_number}",
            next="see `station quarantine list`",
        )
    return stay


def rule_of(records: Records, item: Item, stay: Stay) -> Rule:
    """Whether an item may be resumed: by its cause, its codes, and what was begun with it meanwhile."""
    if stay.way not in (None, Way.RESUME):
        return Rule(_NO, f"`station quarantine {stay.way}` was begun by {stay.way_by}")
    sealed = codes.sealed(records, item.id)
    begun = journal.steps(records, item.id)
    if sealed is not None and not sealed.for_resume:
        return Rule(_NO, "its codes can no longer be had: its resume key is destroyed")
    if sealed is None and set(begun) - {Step(Kind.SEAL).name}:
        return Rule(_NO, "the codes its token was given are not on record")
    kind = Kind(stay.step.partition(":")[0]) if stay.step else None
    return RULES.get((stay.cause, kind)) or RULES[stay.cause, None]


def ways(records: Records, item: Item, stay: Stay) -> tuple[Way, ...]:
    """The ways out that are open, as far as the records tell; a token in a seat may narrow them."""
    if stay.way in (Way.DESTROY, Way.WRITE_OFF):
        return (stay.way,)
    resume = () if rule_of(records, item, stay).resume is Resume.NO else (Way.RESUME,)
    # The token of one that was reset is another item's, or may become so.
    reset = () if item.token_serial is None or item.token_free else (Way.RESET,)
    return (*resume, *reset, Way.DESTROY, Way.WRITE_OFF)


def event_of(
    records: Records,
    name: str,
    operator: str,
    item: Item,
    detail: Mapping[str, object] | None = None,
    *,
    seat: str | None = None,
) -> Event:
    """An event about an item, with its order and token."""
    order = orders.order_of(records, item.order_id)
    return Event(
        name,
        operator,
        order=order.number,
        item=item.mailer_number,
        seat=seat,
        token=item.token_serial,
        detail=detail,
    )
