"""Whether finished tokens are where the log tells they went, and revoked where it tells they were to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from batch.audit.findings import Finding, Kind
from batch.model.field import LIFE_EVENTS, TAKEN_BACK
from batch.model.states import LifeState
from batch.store import lives, parcels, revocations
from batch.store.database import Records

_REVOKED = ("revocation.ordered", "revocation.by-code")
_IN_HAND = ("parcel.token-read", "token.dispatched")
"""Whoever did this has no letter of the token, for good (R1)."""


class LifeAgreement:
    """Hears every entry of the log, then compares."""

    def __init__(self) -> None:
        self._told: dict[str, LifeState] = {}
        self._revoked: set[str] = set()
        self._handled: set[tuple[str, str]] = set()

    def hear(self, facts: Mapping[str, object]) -> None:
        """What one entry tells."""
        event, item, detail = str(facts.get("event")), facts.get("item"), facts.get("detail")
        if not isinstance(item, str):
            return
        if event in _IN_HAND:
            self._handled.add((item, str(facts.get("operator")).casefold()))
        if event == TAKEN_BACK and isinstance(detail, dict):
            event = str(detail.get("event"))
        if event == "item.produced":
            self._told[item] = LifeState.AT_DESK
        elif (state := LIFE_EVENTS.get(event)) is not None:
            self._told[item] = state
        elif event in _REVOKED:
            self._revoked.add(item)

    def findings(self, records: Records) -> Iterator[Finding]:
        """Where the records disagree with what was heard."""
        asked = revocations.numbers(records)
        for number in sorted(self._revoked - asked):
            yield _disagree(f"token {number} was to be revoked, as the log tells, but not on record")
        for number, name in sorted(self._handled - parcels.handlers(records)):
            yield _disagree(f"{name} had token {number} in hand, as the log tells, but not on record")
        for number, life in lives.in_states(records, *LifeState):
            told = self._told.get(number)
            if told is not None and told is not life.state:
                yield _disagree(f"token {number} is {life.state} on record, but {told}, as the log tells")


def _disagree(what: str) -> Finding:
    return Finding(Kind.FACT, None, None, what)
