"""Whether the records say what the log tells: each item, order and letter as its events left it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from batch.audit.findings import Finding, Kind
from batch.model.states import ItemState, LetterState, OrderState
from batch.store import letters, orders
from batch.store.database import Records

Facts = Mapping[str, object]


class Agreement:
    """Hears every entry of the log, then compares."""

    def __init__(self) -> None:
        self._tokens: dict[str, object] = {}
        self._produced: Counter[str] = Counter()
        self._printed: Counter[str] = Counter()
        self._received: dict[str, Facts] = {}
        self._approved: dict[str, object] = {}

    def hear(self, facts: Facts) -> None:
        """What one entry tells."""
        item, order = facts.get("item"), facts.get("order")
        match facts.get("event"), item, order:
            case "item.produced", str(), _:
                self._produced[item] += 1
                self._tokens[item] = facts.get("token")
            case "letter.printed", str(), _:
                self._printed[item] += 1
            case "order.received", _, str():
                self._received[order] = facts
            case "order.taken-back", _, str():
                detail = facts.get("detail")
                by = detail.get("by") if isinstance(detail, dict) else None
                self._received[order] = {"operator": by, "detail": detail}
            case "order.approved", _, str():
                self._approved[order] = facts.get("operator")

    def findings(self, records: Records) -> Iterator[Finding]:
        """Where the records disagree with what was heard."""
        yield from self._of_orders(records)
        yield from self._of_items(records)
        yield from self._of_letters(records)

    def _of_orders(self, records: Records) -> Iterator[Finding]:
        missing = set(self._received)
        for order in orders.orders(records):
            missing.discard(order.number)
            told = self._received.get(order.number)
            name = f"order {order.number}"
            detail = told.get("detail") if told else None
            if told is None or not isinstance(detail, dict):
                yield _disagree(f"{name} is on record, but the log does not tell that it was received")
            elif (told.get("operator"), detail.get("sha256")) != (order.imported_by, order.sha256):
                yield _disagree(f"{name} was received from another file or by another person than recorded")
            if order.state in (OrderState.RECEIVED, OrderState.REJECTED):
                continue
            if self._approved.get(order.number) != order.decided_by:
                yield _disagree(f"{name} was not approved by {order.decided_by}, as the log tells")
        for number in sorted(missing):
            yield _disagree(f"order {number} was received, as the log tells, but is not on record")

    def _of_items(self, records: Records) -> Iterator[Finding]:
        missing = set(self._produced)
        for item in orders.items(records):
            number, times = item.mailer_number, self._produced[item.mailer_number]
            missing.discard(number)
            if item.state is ItemState.PRODUCED and not times:
                yield _disagree(f"token {number} is produced, but the log does not tell of it")
            if item.state is not ItemState.PRODUCED and times:
                yield _disagree(f"token {number} is {item.state}, but was produced, as the log tells")
            if times > 1:
                yield _disagree(f"token {number} was produced {times} times, as the log tells")
            if times and self._tokens[number] != item.token_serial:
                yield _disagree(f"token {number} was produced on another token than the recorded one")
        for number in sorted(missing):
            yield _disagree(f"token {number} was produced, as the log tells, but is not on record")

    def _of_letters(self, records: Records) -> Iterator[Finding]:
        missing = set(self._printed)
        for letter in letters.letters(records):
            number = letter.mailer_number
            missing.discard(number)
            printed = letter.state is LetterState.PRINTED
            if printed and not self._printed[number]:
                yield _disagree(f"letter {number} is printed, but the log does not tell of it")
            if letter.state is LetterState.SEALED and self._printed[number]:
                yield _disagree(f"letter {number} is sealed, but was printed, as the log tells")
        for number in sorted(missing):
            yield _disagree(f"letter {number} was printed, as the log tells, but is not on record")


def _disagree(what: str) -> Finding:
    return Finding(Kind.FACT, None, None, what)
