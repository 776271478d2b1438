"""After a restore: finding out what was made, printed and numbered after the backup, lest it be again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from batch.audit.afterwards import RECONCILED, detail_of, passed_on_after, undone_after
from batch.audit.contents import Asked
from batch.audit.log import log
from batch.model.errors import NotFound, Refused
from batch.model.events import Event
from batch.model.orders import Item
from batch.model.quarantine import Cause
from batch.model.states import UNDECIDED, ItemState, LetterState, OrderState
from batch.orders.decisions import name_managers
from batch.production import revoking
from batch.production.ending import follow
from batch.production.letters_back import letters_of, take_letters_back
from batch.production.lives_back import take_lives_back
from batch.production.parcels_back import leave_out_numbers, take_parcels_back
from batch.production.quarantine import set_aside
from batch.production.renewals_back import take_renewals_back
from batch.production.revocation import transaction_of
from batch.store import items, journal, letters, orders, quarantine, restores, statements
from batch.store.clock import now
from batch.store.database import Records
from batch.store.ledger import Line

MAILERS_LEFT_OUT = 100_000
"""Mailer numbers passed over where it is not known which were given: as many as the largest order has."""

ORDERS_LEFT_OUT = 1_000
_GENERATIONS = 3
_AHEAD = 1_000

_FOLLOWING = (OrderState.IN_PRODUCTION, OrderState.PRODUCED, OrderState.CLOSED)
_UNFINISHED = (ItemState.PLANNED, ItemState.IN_PRODUCTION, ItemState.QUARANTINED)

Find = Callable[[str], bytes | None]
"""The CA's certificate for a transaction, None where there was none."""

Slots = Callable[[str | None], Mapping[str, str]]
"""The names of the keys of a layout, None for any, and the slot of each."""


@dataclass(frozen=True)
class Issued:
    """A certificate (DER) that the CA issued for a key of an item, and which key made for it that was."""

    key: str
    slot: str
    generation: int
    certificate: bytes


@dataclass(frozen=True)
class Evidence:
    """What is known of the time after the backup; mailer numbers, None where nobody could be asked.

    `ledger`: its lines that are not on record. `complete`: they are all there were. `certified`: the CA has a
    certificate; one whose records are of the backup has not all. `resumable`: the bench has a resume key.
    `seen`: a person found the token.
    """

    ledger: Sequence[Line] = ()
    complete: bool = False
    certified: Mapping[str, Sequence[Issued]] | None = None
    resumable: Collection[str] | None = None
    seen: Collection[str] | None = None

    @classmethod
    def gathered(
        cls,
        records: Records,
        ledger: Sequence[Line],
        *,
        complete: bool,
        certified: Mapping[str, Sequence[Issued]] | None,
        resumable: Collection[str] | None,
        seen: Collection[str] | None,
    ) -> Evidence:
        """What several sources tell; a ledger that misses what another knows is not complete."""
        if resumable is not None:
            # Tokens that were begun before the backup have theirs by right.
            resumable = [one for one in resumable if _state(records, one) in (None, ItemState.PLANNED)]
        told = set(cls(ledger).begun())
        others = {number for source in (certified, resumable, seen) for number in source or ()}
        # An item that was under way has steps after the backup that the ledger does not tell.
        new = {one for one in others - told if _state(records, one) in (None, ItemState.PLANNED)}
        return cls(ledger, complete and not new, certified, resumable, seen)

    def enough(self, *, ca: bool) -> bool:
        """Whether a token that nothing tells of was not made; `ca`: the CA kept its own records."""
        return self.complete or (ca and self.certified is not None) or self.seen is not None

    def begun(self) -> dict[str, list[str]]:
        """Every token that was begun, or made, with what tells so."""
        told: dict[str, list[str]] = {}
        for line in self.ledger:
            number = str(line.facts.get("item", ""))
            if number and line.event.startswith("item."):
                how = f" ({told_how})" if (told_how := detail_of(line).get("how")) else ""
                what = f"{line.event.removeprefix('item.')}{how} {line.facts['at']!s:.16}"
                told.setdefault(number, []).append(what)
        for numbers, what in (
            (self.certified, "the CA issued a certificate"),
            (self.resumable, "the bench keeps a resume key"),
            (self.seen, "it was seen"),
        ):
            for number in numbers or ():
                told.setdefault(number, []).append(what)
        return told


@dataclass
class Found:
    """What a reconciliation found and did: orders taken back, tokens set aside with the reason, letters by
    their new state, tokens that no order on record has.
    """

    orders: list[str] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    letters: dict[str, str] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)


def certified(records: Records, find: Find, slots: Slots) -> dict[str, list[Issued]]:
    """What the CA issued that is not on record: for unfinished items, and for numbers beyond the last."""

    def issued(number: str, layout: str | None, known: Mapping[str, int]) -> list[Issued]:
        asked = [
            Issued(name, slot, known.get(name, 0) + more, certificate)
            for name, slot in slots(layout).items()
            for more in range(1, _GENERATIONS + 1)
            if (certificate := find(transaction_of(number, name, known.get(name, 0) + more))) is not None
        ]
        return sorted(asked, key=lambda one: one.generation)

    told: dict[str, list[Issued]] = {}
    for item in items.items(records, None, *_UNFINISHED):
        known = {key.name: key.generations for key in journal.keys(records, item.id).values()}
        told[item.mailer_number] = issued(item.mailer_number, item.layout, known)
    last, _ = orders.last_numbers(records)
    while found := {
        number: certificates
        for number in (f"{one:06d}" for one in range(last + 1, last + 1 + _AHEAD))
        if (certificates := issued(number, None, {}))
    }:
        told |= found
        last += _AHEAD
    return {number: certificates for number, certificates in told.items() if certificates}


def reconcile(
    records: Records, evidence: Evidence, operator: str, driver_of: Callable[[str], str | None]
) -> Found:
    """Take back lost orders, set aside tokens begun, undone or under way since the backup, doubt letters.

    Numbers that were given, or may have been, are not given again. `driver_of` names the token driver of a
    layout. All of it is one transaction. Raises `Refused` where there is nothing to reconcile, or not enough
    is known to tell which tokens were made.
    """
    restore = restores.open_restore(records)
    if restore is None:
        raise Refused("these records were not restored, or are reconciled already", where=str(records.path))
    if not evidence.enough(ca=restore.ca):
        raise Refused(
            "nothing tells which tokens were made after the backup: the ledger is lost, the CA cannot tell",
            where=str(records.path),
            next="bring a copy of the ledger (--ledger FILE); else look through all trays and envelopes, and "
            "say which tokens are there that are not produced on record: --made 000012-000019 or --made none",
        )
    found = Found()
    with records.transaction():
        _take_statements_back(records, evidence, operator)
        _take_orders_back(records, evidence, operator, found)
        _set_aside(records, evidence, operator, driver_of, found, f"{restore.made_at:%Y-%m-%d %H:%M} UTC")
        take_parcels_back(records, evidence.ledger)
        take_renewals_back(records, evidence.ledger, operator)
        take_lives_back(records, evidence.ledger, operator)
        found.letters |= take_letters_back(records, evidence.ledger, operator, complete=evidence.complete)
        _raise_floors(records, evidence)
        for order in orders.orders(records, *_FOLLOWING):
            follow(records, order, operator)
        restores.reconciled(records)
        detail = {
            "backup": restore.entries,
            "ledger": len(evidence.ledger),
            "complete": evidence.complete,
            "certified": None if evidence.certified is None else len(evidence.certified),
            "resumable": None if evidence.resumable is None else len(evidence.resumable),
            "seen": None if evidence.seen is None else sorted(evidence.seen),
            "orders": found.orders,
            "tokens": list(found.tokens),
            "letters": dict(Counter(found.letters.values())),
            "strangers": found.strangers,
            "next": restores.floor(records, "mailer") + 1,
        }
        log(records, Event(RECONCILED, operator, detail=detail))
    return found


def _take_statements_back(records: Records, evidence: Evidence, operator: str) -> None:
    """What operators signed of each other and for what was received holds as before."""
    for line in evidence.ledger:
        if line.kept and (statement := line.kept.get("statement")):
            statements.take_back(records, statement)
            revoking.take_back(records, statement, operator)


def _take_orders_back(records: Records, evidence: Evidence, operator: str, found: Found) -> None:
    for line in evidence.ledger:
        number = str(line.facts.get("order", ""))
        there = _order_is_there(records, number)
        if line.event == "order.received" and line.kept and not there:
            order = orders.take_back(records, line.kept)
            name_managers(records, order, operator)
            detail = {
                "committed": Asked(items.items(records, order)).committed(order.id),
                "by": line.kept["imported_by"],
                "sha256": line.kept["sha256"],
                "reason": "received after the backup; to be approved again",
            }
            log(records, Event("order.taken-back", operator, order=number, detail=detail))
            found.orders.append(number)
        elif line.event == "order.rejected" and there:
            order = orders.order(records, number)
            if order.state in UNDECIDED:
                who, why = str(line.facts["operator"]), str(line.facts.get("detail", {}).get("reason"))
                orders.set_order_state(records, order, OrderState.REJECTED, decided_by=who, reason=why)
                log(
                    records,
                    Event("order.rejected", operator, order=number, detail={"reason": why, "by": who}),
                )


def _order_is_there(records: Records, number: str) -> bool:
    try:
        return orders.order(records, number).number == number
    except NotFound:
        return False


def _set_aside(
    records: Records,
    evidence: Evidence,
    operator: str,
    driver_of: Callable[[str], str | None],
    found: Found,
    backup: str,
) -> None:
    begun = evidence.begun()
    tokens, printed = _tokens(evidence.ledger), letters_of(evidence.ledger)
    for item in list(items.items(records, None, ItemState.IN_PRODUCTION)):
        begun.setdefault(item.mailer_number, ["it was under way when the backup was made"])
    undone, passed_on = undone_after(evidence.ledger), passed_on_after(evidence.ledger)
    # A token that was passed on is free before another item is bound to it.
    for number, told in sorted(begun.items(), key=lambda one: (one[0] not in passed_on, one[0])):
        try:
            item = items.item(records, number)
        except NotFound:
            found.strangers.append(number)
            continue
        seat, serial = tokens.get(number, (None, None))
        state = printed[number].state if number in printed else letters.state_of(records, number)
        letter = "" if state in (None, LetterState.SEALED) else f"; its letter is {state}"
        if number in passed_on:
            letter += "; its token was reset and begun for another item since"
        reason = (
            f"the records come from a backup of {backup}, and what was done to its token after it is not in "
            f"them: {', '.join(dict.fromkeys(told))}{letter}. Have its certificates revoked and the token "
            "destroyed; where it was sent out, recall it"
        )
        produced = item.state is ItemState.PRODUCED and number in undone
        if produced or item.state in (ItemState.PLANNED, ItemState.IN_PRODUCTION):
            driver = item.token_driver or driver_of(item.layout)
            if driver is not None:
                items.bind_lost(records, item, seat, driver, serial)
            set_aside(records, item, Cause.RESTORED, reason, operator)
            _record_keys(records, item, (evidence.certified or {}).get(number, ()))
        elif item.state is ItemState.QUARANTINED:
            # It may have gone on after the backup, so what was said then must not let it go on again.
            stay = quarantine.last_stay(records, item.id)
            if stay is not None:
                quarantine.leave(records, stay)
            quarantine.enter(
                records, item.id, put_by=operator, cause=Cause.RESTORED, step=None, reason=reason
            )
            log(records, Event("item.quarantined", operator, item=number, detail={"reason": reason}))
            _record_keys(records, item, (evidence.certified or {}).get(number, ()))
        else:
            continue
        if number in passed_on:
            items.free_token(records, item.id)
        found.tokens[number] = reason


def _record_keys(records: Records, item: Item, issued: Sequence[Issued]) -> None:
    """Put on record what the CA issued, so that it is revoked when the item is spoiled."""
    for one in issued:
        journal.add_key(records, item.id, one.key, one.slot)
        journal.set_lost(records, item.id, one.key, one.generation, one.certificate)


def _tokens(ledger: Sequence[Line]) -> dict[str, tuple[str | None, str | None]]:
    """Seat and serial of the token of every item that the ledger tells them of, the last it tells."""
    told: dict[str, tuple[str | None, str | None]] = {}
    for line in ledger:
        number = line.facts.get("item")
        if number and line.event.startswith("item."):
            seat, serial = told.get(str(number), (None, None))
            told[str(number)] = (line.facts.get("seat") or seat, line.facts.get("token") or serial)
    return told


def _item(records: Records, number: str) -> Item | None:
    try:
        return items.item(records, number)
    except NotFound:
        return None


def _state(records: Records, number: str) -> ItemState | None:
    item = _item(records, number)
    return item.state if item else None


def _raise_floors(records: Records, evidence: Evidence) -> None:
    last, years = orders.last_numbers(records)
    numbers = [last, *(int(number) for number in evidence.begun() if number.isdecimal())]
    given = {str(now().year): 0, **years}
    for line in evidence.ledger:
        year, _, running = str(line.facts.get("order", "")).partition("-")
        if running.isdecimal():
            given[year] = max(given.get(year, 0), int(running))
    unknown = not evidence.complete
    restores.raise_floor(records, "mailer", max(numbers) + unknown * MAILERS_LEFT_OUT)
    leave_out_numbers(records, evidence.ledger, unknown * ORDERS_LEFT_OUT)
    for year, highest in given.items():
        restores.raise_floor(records, f"order {year}", highest + unknown * ORDERS_LEFT_OUT)
