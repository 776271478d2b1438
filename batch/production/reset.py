"""Making the token of a quarantined item blank again, in the seat it was put in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from batch.audit.log import log
from batch.model.codes import Binding
from batch.model.errors import Refused
from batch.model.orders import Item
from batch.model.quarantine import Way
from batch.production.assignment import Assignment, LaneFacts
from batch.production.budget import Budget
from batch.production.plan import Kind
from batch.production.quarantine import event_of, stay_of
from batch.production.reading import compared, decision
from batch.production.seats import LANE, Seat, lane_process
from batch.production.ways_out import begin, check_typed
from batch.store import codes, items, quarantine
from batch.store.database import Records
from drivers.errors import DriverError, NoToken, ReadBackFailed, Unsupported, WrongToken
from drivers.process import Child
from drivers.tokens import TokenState

_LOOK = 5.0
"""Seconds to wait for a token."""

_ANSWER = 120.0
"""Seconds a seat may take for one answer, a lane that is ending included."""


@dataclass(frozen=True)
class Held:
    """A token that is held in a seat: what it tells, and why it cannot be reset, None where it can."""

    state: TokenState
    no_reset: str | None
    lane: Child


@contextmanager
def held(seat: Seat, run_directory: Path, served: str = LANE) -> Iterator[Held]:
    """The token in a seat, read without a code and held until the end; raises `NoToken`, `DriverError`."""
    lane = lane_process(seat, run_directory, served=served)
    try:
        state = lane.ask("look", _LOOK, timeout=_ANSWER)
        if state is None:
            raise NoToken("no token is in the reader", where=seat.name, next="insert it and run this again")
        assert isinstance(state, TokenState)
        yield Held(state, lane.ask("no_reset", timeout=_ANSWER), lane)
        lane.ask("let_go", timeout=_ANSWER)
    finally:
        lane.close()


def read(records: Records, item: Item, seat: Seat, run_directory: Path) -> list[dict[str, str | None]]:
    """What the token in a seat tells, beside what is on record of an item; honest where it tells nothing."""
    try:
        with held(seat, run_directory) as found:
            rows = list(compared(records, item, found.state))
            reset = found.no_reset
    except DriverError as error:
        return [{"what": "reading", "on_record": None, "on_token": f"not readable: {error}"}]
    return [
        *rows,
        {"what": "can be reset", "on_record": None, "on_token": f"no: {reset}" if reset else "yes"},
    ]


def decide(records: Records, item: Item, seat: Seat, run_directory: Path) -> str | None:
    """What the token in a seat decides of the step that failed; raises `WrongToken` for another's."""
    stay = stay_of(records, item)
    with held(seat, run_directory) as found:
        need_own(item, seat, found)
        return decision(stay, found.state)


def resettable(item: Item, seat: Seat, found: Held) -> None:
    """Raises `WrongToken`, `Refused` or `Unsupported` where what is held must not, or cannot, be reset."""
    where = f"{seat.name}, token {item.mailer_number}"
    if item.token_serial is None:
        raise Refused(
            "which token was begun for it is not on record",
            where=where,
            next=f"`station quarantine destroy {item.mailer_number}`, or `write-off` where it is lost",
        )
    if item.token_free:
        raise Refused(
            "its token was reset before and is another item's, or may become so",
            where=where,
            next=f"`station quarantine write-off {item.mailer_number}`",
        )
    need_own(item, seat, found)
    if found.no_reset is not None:
        raise Unsupported(found.no_reset, where=where, next="destroy it: `station quarantine destroy`")


def reset(
    records: Records,
    number: str,
    seat: Seat,
    run_directory: Path,
    keeper: Child,
    briefing: Callable[[Item, LaneFacts], Assignment],
    *,
    operator: str,
    confirmed: str,
    why: str | None,
    replaced: bool,
) -> None:
    """Make an item's token blank, its intent on record first, and see that it is; not once it was.

    Raises `WrongToken`, `Refused` or `Unsupported` before anything is written, `ReadBackFailed` where it is
    not blank after all, and what the driver raises.
    """
    item = items.item(records, number)
    check_typed(item, confirmed)
    if stay_of(records, item).blank_at is not None:
        return
    with held(seat, run_directory) as found:
        resettable(item, seat, found)
        begin(records, number, Way.RESET, operator=operator, confirmed=confirmed, why=why, replaced=replaced)
        _give_codes(records, item, found.lane, keeper, briefing)
        _reset(records, item, seat, found, operator)
        with records.transaction():
            stay = stay_of(records, item)
            quarantine.read_blank(records, stay)
            tell = event_of(records, "quarantine.token-blank", operator, item, seat=seat.name)
            log(records, tell)


def need_own(item: Item, seat: Seat, found: Held) -> None:
    """Raises `WrongToken` where what is held is not the token on record for an item."""
    serial = found.state.identity.serial
    if (seat.driver, serial) != (item.token_driver, item.token_serial):
        raise WrongToken(
            f"token {serial or 'without serial'} is in the reader, on record: {item.token_serial or 'none'}",
            where=f"{seat.name}, token {item.mailer_number}",
            next="put the right one in and run this again",
        )


def _reset(records: Records, item: Item, seat: Seat, found: Held, operator: str) -> None:
    assert item.token_serial is not None, "resettable was asked"
    budget = Budget(records, seat.driver, item, item.token_serial)
    with records.transaction():
        budget.looked_at(found.state)
        left = budget.left()
        # A reset that fails leaves them booked, so that one after another never takes the last.
        booked = budget.book(Kind.INITIALISE, in_doubt=True)
        detail = {"model": found.state.identity.model, "booked": booked}
        log(records, event_of(records, "quarantine.resetting", operator, item, detail, seat=seat.name))
    state = found.lane.ask("reset", item.token_serial, left, timeout=_ANSWER)
    assert isinstance(state, TokenState)
    same = state.identity.serial in (item.token_serial, None)
    if not same or not state.blank or 0 in (state.tries.pin, state.tries.puk):
        marks = ", ".join(state.marks) or "its codes are blocked"
        raise ReadBackFailed(
            f"the token is not blank after its reset: {marks}",
            where=f"{seat.name}, token {item.mailer_number}",
            next="run this again, or destroy it: `station quarantine destroy`",
        )


def _give_codes(
    records: Records,
    item: Item,
    lane: Child,
    keeper: Child,
    briefing: Callable[[Item, LaneFacts], Assignment],
) -> None:
    """Its codes for a token that is reset with one of them; where they cannot be had, its driver tells."""
    sealed = codes.sealed(records, item.id)
    if sealed is None or not sealed.for_resume or sealed.diversified_from is not None:
        # Cards are reset without codes; an empty SO PIN would only spend a try.
        return
    try:
        assignment = briefing(item, lane.ask("describe", timeout=_ANSWER))
        key = lane.ask("lane_key", timeout=_ANSWER)
        binding = Binding(item.id, item.mailer_number)
        for_lane = keeper.ask("rewrap", binding, sealed.for_resume, key, timeout=_ANSWER)
        lane.ask("restore", assignment, sealed, for_lane, timeout=_ANSWER)
    except DriverError:
        return
