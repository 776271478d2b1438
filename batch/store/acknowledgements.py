"""Acknowledgements and reminders in the records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from batch.model.dispatch import Acknowledgement, Channel, Doubt
from batch.model.errors import NotFound
from batch.model.states import AcknowledgementState, move
from batch.store.database import Records, moment, stamp
from batch.store.paging import FIRST, MOST, UPTO, Condition, Count, Listing, Page, Place

_ACKNOWLEDGEMENT = (
    "id, message, given, item_id, means, name, sender, wrong, state, taken_by, taken_at, decided_by, "
    "decided_at, reason"
)


def add(
    records: Records,
    *,
    message: str,
    given: str,
    item_id: int | None,
    channel: Channel,
    name: str,
    sender: str,
    wrong: Sequence[Doubt],
    by: str,
) -> Acknowledgement:
    """What somebody said of one token: accepted where nothing is wrong with it, else waiting."""
    state = AcknowledgementState.WAITING if wrong else AcknowledgementState.ACCEPTED
    id_ = records.insert(
        "INSERT INTO acknowledgements (message, given, item_id, means, name, sender, wrong, state, taken_by, "
        "taken_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            message,
            given,
            item_id,
            channel,
            name,
            sender,
            json.dumps([one.name for one in wrong]),
            state,
            by,
            stamp(),
        ),
    )
    return acknowledgement(records, id_)


def acknowledgement(records: Records, id_: int) -> Acknowledgement:
    """The acknowledgement of an id; raises `NotFound`."""
    row = records.row(f"SELECT {_ACKNOWLEDGEMENT} FROM acknowledgements WHERE id = ?", (id_,))
    if row is None:
        raise NotFound("no such acknowledgement", where=str(id_), next="see `station acknowledge list`")
    return _acknowledgement(row)


def of_message(records: Records, message: str) -> list[Acknowledgement]:
    """What was taken from a message before, by its SHA-256."""
    rows = records.rows(
        f"SELECT {_ACKNOWLEDGEMENT} FROM acknowledgements WHERE message = ? ORDER BY id", (message,)
    )
    return [_acknowledgement(row) for row in rows]


def acknowledgements(
    records: Records, *states: AcknowledgementState, item_id: int | None = None
) -> list[Acknowledgement]:
    """Acknowledgements in the given states or any, of one token or of all, oldest first."""
    wanted = states or tuple(AcknowledgementState)
    rows = records.rows(
        f"SELECT {_ACKNOWLEDGEMENT} FROM acknowledgements WHERE state IN ({', '.join('?' * len(wanted))}) "
        "AND (? IS NULL OR item_id = ?) ORDER BY id",
        (*wanted, item_id, item_id),
    )
    return [_acknowledgement(row) for row in rows]


def page(
    records: Records, state: AcknowledgementState | None = None, place: Place = FIRST, limit: int = MOST
) -> Page[Acknowledgement]:
    """The page at a place of acknowledgements in a state or any, the newest first."""
    return _LISTING.page(records, _in_state(state), place, limit)


def count(records: Records, state: AcknowledgementState | None = None, upto: int = UPTO) -> Count:
    """How many acknowledgements are in a state or any, counted up to a number."""
    return _LISTING.count(records, _in_state(state), upto)


def _in_state(state: AcknowledgementState | None) -> list[Condition]:
    return [("state = ?", (state,))] if state is not None else []


def decide(
    records: Records,
    found: Acknowledgement,
    to: AcknowledgementState,
    by: str,
    reason: str,
    item_id: int | None,
) -> Acknowledgement:
    """A person decided about a waiting acknowledgement, which is of a token or none; raises `Transition`.

    Who sent one that is of no token is forgotten with that: nothing else would remind of it.
    """
    move(found.state, to, where=f"acknowledgement {found.id}")
    records.write(
        "UPDATE acknowledgements SET state = ?, decided_by = ?, decided_at = ?, reason = ?, item_id = ? "
        "WHERE id = ?",
        (to, by, stamp(), reason, item_id, found.id),
    )
    records.write(
        "UPDATE acknowledgements SET name = '', sender = '' WHERE id = ? AND item_id IS NULL", (found.id,)
    )
    return acknowledgement(records, found.id)


def forget(records: Records, item_id: int) -> None:
    """Overwrite who acknowledged a token, and in which words."""
    records.write("UPDATE acknowledgements SET name = '', sender = '' WHERE item_id = ?", (item_id,))


def forget_sender(records: Records, sender: str) -> None:
    """Overwrite an e-mail address wherever it is on record as that of who sent an acknowledgement."""
    records.write(
        "UPDATE acknowledgements SET name = '', sender = '' WHERE sender = ? COLLATE NOCASE", (sender,)
    )


def remind(
    records: Records,
    kind: str,
    day: int,
    *,
    parcel_id: int | None = None,
    item_id: int | None = None,
    loan_id: int | None = None,
    language: str,
    sha256: str,
    by: str,
) -> None:
    """A reminder was written about a token of a parcel, so many days after its sending, or about a loan."""
    records.write(
        "INSERT INTO reminders (kind, parcel_id, item_id, loan_id, day, language, sha256, written_by, "
        "written_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (kind, parcel_id, item_id, loan_id, day, language, sha256, by, stamp()),
    )


def reminded(records: Records, kinds: Sequence[str], parcel_id: int, item_id: int) -> set[int]:
    """For which days after its sending reminders of these kinds about a token were written."""
    # Its index begins with the kind: without it, every reminder ever written is looked at for each token.
    rows = records.rows(
        f"SELECT day FROM reminders WHERE kind IN ({', '.join('?' * len(kinds))}) AND parcel_id = ? "
        "AND item_id = ?",
        (*kinds, parcel_id, item_id),
    )
    return {int(row[0]) for row in rows}


def reminded_of_loan(records: Records, loan_id: int) -> set[int]:
    """For which days (ordinals) reminders about a loan were written."""
    rows = records.rows("SELECT day FROM reminders WHERE loan_id = ?", (loan_id,))
    return {int(row[0]) for row in rows}


def _acknowledgement(row: tuple[Any, ...]) -> Acknowledgement:
    id_, message, given, item_id, channel, name, sender, wrong, state, by, at, *decision = row
    decided_by, decided_at, reason = decision
    taken = moment(at)
    assert taken is not None, "the column is never null"
    return Acknowledgement(
        id_,
        message,
        given,
        item_id,
        Channel(channel),
        name,
        sender,
        tuple(Doubt[one] for one in json.loads(wrong)),
        AcknowledgementState(state),
        by,
        taken,
        decided_by,
        moment(decided_at),
        reason,
    )


_LISTING: Listing[Acknowledgement] = Listing(
    _ACKNOWLEDGEMENT, "acknowledgements", ("id",), _acknowledgement, newest=True
)
