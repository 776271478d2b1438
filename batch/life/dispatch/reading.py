"""Reading tokens once more before their parcel closes: the right ones, and unused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from batch.audit.log import log
from batch.life.dispatch.parcels import before, in_state
from batch.model.dispatch import Parcel
from batch.model.errors import NotFound, Refused
from batch.model.events import Event
from batch.model.orders import Item
from batch.model.states import ParcelState
from batch.people.separation import Act, apart
from batch.production.seats import Seat
from batch.production.verification import Finding, findings, item_in, read_token
from batch.store import journal, orders, parcels
from batch.store.database import Records
from batch.store.items import item_of
from batch.store.tries import tries
from drivers.tokens import TokenState
from drivers.tries import COUNTED, spoken


@dataclass(frozen=True)
class Reading:
    """A token that was read for a parcel, and what was found; `item` None for one that is not ours."""

    parcel: Parcel
    item: Item | None
    findings: tuple[Finding, ...]

    @property
    def right(self) -> bool:
        """Whether it is the right token, and unused."""
        return all(one.ok for one in self.findings)


def check(records: Records, number: str | None, seat: Seat, run_directory: Path, by: str) -> Reading:
    """Read the token in a seat for a parcel: one of its tokens, with its certificates, and unused.

    Without a number, for the parcel it lies in. The reading is on record, whatever was found. Raises
    `NoToken`, or `Refused` for a parcel that is not being packed, or a token that lies in none.
    """
    parcel = in_state(records, number, ParcelState.PACKING) if number is not None else None
    state = read_token(seat, run_directory)
    if parcel is None:
        parcel = _its_own(records, seat, state)
    order = orders.order_of(records, parcel.order_id)
    reading = _reading(records, parcel, seat, state)
    item, wrong = reading.item, [one.check for one in reading.findings if not one.ok]
    if item is not None:
        apart(Act.DISPATCH, by, where=f"token {item.mailer_number}", before=before(records, item))
    with records.transaction():
        # Somebody else may have closed it while the token was read.
        in_state(records, parcel.number, ParcelState.PACKING)
        inside = parcels.packed_in(records, parcel, item.id) if item is not None else None
        if item is not None:
            parcels.handle(records, item.id, by)
        if item is not None and inside is not None:
            parcels.set_read(records, parcel, item.id, by if reading.right else None, seat.name)
        name = "parcel.token-read" if reading.right else "parcel.token-refused"
        detail = {"parcel": parcel.number, **({"wrong": wrong} if wrong else {})}
        log(
            records,
            Event(
                name,
                by,
                order=order.number,
                item=item.mailer_number if item is not None else None,
                seat=seat.name,
                token=state.identity.serial,
                detail=detail,
            ),
        )
    return reading


def unread(records: Records, number: str | None) -> list[Item]:
    """The tokens of a parcel, or of all that are packed, that are to be read in it."""
    packing = parcels.parcels(records, None, ParcelState.PACKING)
    wanted = packing if number is None else [parcels.parcel(records, number)]
    inside = (one for open_ in wanted for one in parcels.packed(records, open_) if one.read_at is None)
    return [item_of(records, one.item_id) for one in inside]


def unused(records: Records, item: Item, state: TokenState) -> Iterator[Finding]:
    """What would show that somebody used a finished token: tries spent, keys or certificates of others."""
    on_record = tries(records, item.token_driver or "", item.token_serial or "")
    for code in COUNTED:
        told: int | None = getattr(state.tries, code)
        full = on_record[code].full if code in on_record else None
        if told is not None and full is not None:
            what = f"{spoken(told)} of {full}" if told < full else "all of them"
            yield Finding(f"{code} tries unspent", told >= full, what)
    own = {key.slot for key in journal.keys(records, item.id).values()}
    for key in state.keys:
        if key.slot not in own and (key.public_key or key.certificate):
            yield Finding(f"slot {key.slot}", False, "holds what this station did not put there")


def _reading(records: Records, parcel: Parcel, seat: Seat, state: TokenState) -> Reading:
    try:
        item = item_in(records, seat, state)
    except NotFound as error:
        return Reading(parcel, None, (Finding("token", False, error.what),))
    inside = parcels.packed_in(records, parcel, item.id) is not None
    packed = Finding("packed", inside, f"{'in' if inside else 'not in'} parcel {parcel.number}")
    found = findings(records, seat, state, item, None)
    return Reading(parcel, item, (found[0], packed, *found[1:], *unused(records, item, state)))


def _its_own(records: Records, seat: Seat, state: TokenState) -> Parcel:
    """The parcel a token lies in; raises `Refused` for one that lies in none, `NotFound` for another's."""
    item = item_in(records, seat, state)
    parcel = parcels.open_of_item(records, item.id)
    if parcel is None:
        raise Refused(
            "it lies in no parcel that is being packed",
            where=f"{seat.name}, token {item.mailer_number}",
            next="station dispatch add",
        )
    return in_state(records, parcel.number, ParcelState.PACKING)
