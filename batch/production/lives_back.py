"""After a restore: what became of finished tokens after the backup, as the ledger tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from batch.audit.afterwards import detail_of
from batch.audit.log import log
from batch.model.errors import NotFound
from batch.model.field import LIFE_EVENTS, TAKEN_BACK, Done, FieldAct
from batch.model.orders import Item
from batch.model.states import ItemState
from batch.production.quarantine import event_of
from batch.production.revocation import ask_for
from batch.store import field, items, lives
from batch.store.database import Records
from batch.store.ledger import Line
from drivers.authorities.port import Reason

BY_CODE = "revocation.by-code"
"""The event of a token revoked by its revocation code."""

ACTS: Mapping[str, FieldAct] = {f"token.{act}": act for act in FieldAct}
"""The event of every act in the field."""


def take_lives_back(records: Records, ledger: Sequence[Line], operator: str) -> None:
    """Put tokens where the ledger tells they went, and ask again for revocations by code.

    Written in the caller's transaction. A token that is not produced on record is set aside and not looked
    at here.
    """
    for line in ledger:
        if line.event not in LIFE_EVENTS and line.event not in (BY_CODE, f"token.{FieldAct.UNBLOCKED}"):
            continue
        with suppress(NotFound):
            item = items.item(records, str(line.facts.get("item")))
            if item.state is ItemState.PRODUCED:
                _take_back(records, item, line, operator)


def _take_back(records: Records, item: Item, line: Line, operator: str) -> None:
    at, detail = datetime.fromisoformat(str(line.facts["at"])), detail_of(line)
    if line.event == BY_CODE:
        ask_for(records, item, Reason(str(detail["reason"])), str(line.facts["operator"]))
    elif (act := ACTS.get(line.event)) is not None:
        field.add(records, _done(item, act, at, line, detail))
    if (state := LIFE_EVENTS.get(line.event)) is not None:
        lives.take_back(records, item.id, state, at)
    told = {"event": line.event, "at": str(line.facts["at"]), "by": str(line.facts["operator"])}
    log(records, event_of(records, TAKEN_BACK, operator, item, told))


def _done(item: Item, act: FieldAct, at: datetime, line: Line, detail: Mapping[str, object]) -> Done:
    def word(name: str) -> str | None:
        value = detail.get(name)
        return None if value is None else str(value)

    consents = detail.get("consents")
    return Done(
        item.id,
        act,
        at,
        str(line.facts["operator"]),
        other=word("witness") or word("with"),
        why=word("why") or word("by"),
        recipient=word("recipient"),
        consents=tuple(str(one) for one in consents) if isinstance(consents, list | tuple) else (),
        signed=word("signed"),
    )
