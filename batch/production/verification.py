"""Holding the token in a reader against the records, without any code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from batch.model.errors import NotFound
from batch.model.orders import Item
from batch.model.states import ItemState
from batch.production.budget import reckoned
from batch.production.seats import Seat, lane_process
from batch.store import items, journal, renewals
from batch.store.database import Records
from batch.store.tries import tries
from drivers.errors import NoToken
from drivers.tokens import Code, TokenState
from drivers.tries import COUNTED, KEPT, spoken

_WAIT = 5.0
"""Seconds to wait for a token."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, whether it holds, and what was found."""

    check: str
    ok: bool
    found: str


def verify_token(
    records: Records, seat: Seat, run_directory: Path, number: str | None
) -> tuple[Finding, ...]:
    """Everything the token in `seat` shows by itself, beside what is on record for it.

    `number` is the item it must be, None for whichever it is. Raises `NoToken`, `NotFound`.
    """
    state = read_token(seat, run_directory)
    return findings(records, seat, state, item_in(records, seat, state), number)


def read_token(seat: Seat, run_directory: Path) -> TokenState:
    """What the token in `seat` shows by itself; raises `NoToken`."""
    lane = lane_process(seat, run_directory)
    try:
        state = lane.ask("look", _WAIT, timeout=60)
        if state is None:
            raise NoToken("no token is in the reader", where=seat.name, next="insert it and run this again")
        lane.ask("let_go", timeout=60)
    finally:
        lane.close()
    assert isinstance(state, TokenState)
    return state


def item_in(records: Records, seat: Seat, state: TokenState) -> Item:
    """The item a token is bound to, by serial or, where it has none, by a certificate; raises `NotFound`."""
    serial = state.identity.serial
    item = items.item_of_token(records, seat.driver, serial) if serial else None
    for key in state.keys if serial is None else ():
        item = item or (items.owner_of_certificate(records, key.certificate) if key.certificate else None)
    if item is None:
        raise NotFound(
            f"no item is bound to the token {serial or 'without serial'}",
            where=seat.name,
            next="it is not one this station made",
        )
    return item


def findings(
    records: Records, seat: Seat, state: TokenState, item: Item, number: str | None
) -> tuple[Finding, ...]:
    """What a token shows beside what is on record of its item; `number` is the one asked for."""
    return tuple(_findings(records, seat, state, item, number))


def _findings(
    records: Records, seat: Seat, state: TokenState, item: Item, number: str | None
) -> Iterator[Finding]:
    serial = state.identity.serial
    yield Finding("token", True, f"{state.identity.model} {serial}, number {item.mailer_number}")
    if number is not None:
        right = number in (item.mailer_number, serial)
        yield Finding("asked for", right, number if right else f"{number} was asked for")
    yield Finding("state", item.state is ItemState.PRODUCED, str(item.state))
    found = {key.slot: key for key in state.keys}
    for key in journal.keys(records, item.id).values():
        there = found.get(key.slot)
        same = there is not None and there.certificate is not None and there.certificate == key.certificate
        yield Finding(f"certificate {key.name}", same, "as on record" if same else "differs or is missing")
        if there is not None and there.public_key is not None:
            own = there.public_key == key.public_key
            yield Finding(f"key {key.name}", own, "as on record" if own else "another key is on the token")
    for former in renewals.former_keys(records, item.id):
        if former.certificate is not None:
            there = found.get(former.slot)
            same = there is not None and there.certificate == former.certificate
            words = f"as on record, in {former.slot}" if same else "differs or is missing"
            yield Finding(f"former certificate {former.name}", same, words)
    for code in (Code.PIN, Code.PUK, Code.ADMIN):
        works = state.factory.get(code)
        if works is not None:
            yield Finding(f"factory {code}", not works, "still works" if works else "refused")
    on_record = tries(records, seat.driver, serial or "")
    for code in COUNTED:
        told: int | None = getattr(state.tries, code)
        if told is not None:
            yield Finding(f"{code} tries", told > 0, spoken(told))
        if (one := on_record.get(code)) and (one.open or one.refused):
            left = reckoned(one)
            found_out = (
                f"{one.open} booked without answer, {one.refused} refused: {max(left, 0)} reckoned with"
            )
            yield Finding(f"{code} tries on record", left > KEPT, found_out)
