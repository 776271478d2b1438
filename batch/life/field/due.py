"""What is due of tokens in the field: revocations, hand-overs, and what came back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

from batch.letters.policy import letter_left
from batch.life.duties import Duty
from batch.model.people import Role
from batch.model.states import ItemState, LifeState
from batch.people.separation import Act
from batch.store import items, letters, lives, revocations, settling, statements
from batch.store.database import Records
from layouts.errors import LayoutError
from layouts.life import Release
from layouts.token import TokenLayout

WITHIN = timedelta(days=1)
"""A status changes within 24 hours of its request (R23)."""

PATIENCE = timedelta(days=14)
"""How long a token that came back, or whose letter left, may lie at the desk."""

LayoutOf = Callable[[str], TokenLayout]


def duties(records: Records, layout_of: LayoutOf, on: date) -> Iterator[Duty]:
    """What is to be done with tokens in the field, each by its day."""
    begun = {
        number: by for number, at in statements.begun(records, Act.REVOKE) if (by := _day(at + WITHIN)) >= on
    }
    yield from _revocations(records, begun)
    yield from _lives(records, begun, on)
    yield from _hand_overs(records, layout_of, on)


def _revocations(records: Records, begun: Mapping[str, date]) -> Iterator[Duty]:
    officer = Role.REVOCATION_OFFICER
    for item_id, asked in revocations.pending(records):
        about = f"token {items.item_of(records, item_id).mailer_number}"
        yield Duty(
            officer, "tell the CA what is to be revoked", about, _day(asked + WITHIN), "station ca crl"
        )
    for number, by in begun.items():
        what = "complete the revocation that another officer signed"
        if not revocations.of_its_keys(records, items.item(records, number).id):
            yield Duty(officer, what, f"token {number}", by, f"station token revoke {number}")


def _lives(records: Records, begun: Mapping[str, date], on: date) -> Iterator[Duty]:
    for number, life in lives.in_states(records, LifeState.LOST, LifeState.RETURNED, LifeState.DESTROYED):
        about = f"token {number}"
        if life.state is LifeState.RETURNED:
            yield Duty(
                Role.DISPATCHER,
                "hand it out anew, or destroy it",
                about,
                _day(life.since + PATIENCE),
                f"station token destroy {number} --witness NAME",
            )
        elif number not in begun and settling.holds(records, life.item_id, on):
            why = "keyCompromise" if life.state is LifeState.LOST else "cessationOfOperation"
            yield Duty(
                Role.REVOCATION_OFFICER,
                f"revoke its certificates: it is {life.state}",
                about,
                _day(life.since + WITHIN),
                f"station token revoke {number} --reason {why}",
            )


def _hand_overs(records: Records, layout_of: LayoutOf, on: date) -> Iterator[Duty]:
    """Tokens at the desk whose letter left, from the day on which they may follow it."""
    for item_id in letters.gone_before_tokens(records):
        item = items.item_of(records, item_id)
        try:
            layout = layout_of(item.layout)
        except LayoutError:
            continue
        if layout.release is not Release.BEFORE_HAND_OVER or item.state is not ItemState.PRODUCED:
            continue
        may = letter_left(records, item, layout, on)
        if may.reason is None and may.since is not None:
            yield Duty(
                Role.DISPATCHER,
                "hand it over to its holder",
                f"token {item.mailer_number}",
                may.since + PATIENCE,
                f"station token hand-over {item.mailer_number} --to HOLDER",
            )


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
