"""When a letter may be printed and leave: as its layout says, and never with its token (R1, R2, R3, R5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from batch.letters.policy import may_leave, may_print
from batch.model.life import Life
from batch.model.states import LifeState
from layouts.library import Library
from layouts.life import LifeRule, Release

LIBRARY = Library()
GROUP = LIBRARY.token("group-usb:p-256")
PERSONAL = next(one for one in map(LIBRARY.token, LIBRARY.names()) if one.release is Release.BEFORE_HAND_OVER)
MONDAY, TUESDAY, WEDNESDAY = (date(2026, 6, day) for day in (1, 2, 3))


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 15, tzinfo=UTC)


def life(state: LifeState, **reached: datetime) -> Life:
    return replace(Life(1, state, at(MONDAY)), **reached)  # type: ignore[arg-type]


def test_a_group_letter_waits_for_the_acknowledgement_of_its_token() -> None:
    for state in (LifeState.AT_DESK, LifeState.DISPATCHED):
        told = may_print(GROUP, life(state), revoked=False, on=WEDNESDAY)
        assert "nobody has acknowledged it" in (told.reason or "")
        assert not told.never
    there = life(LifeState.ACKNOWLEDGED, dispatched_at=at(MONDAY), acknowledged_at=at(TUESDAY))
    assert may_print(GROUP, there, revoked=False, on=TUESDAY).reason is None
    assert may_print(GROUP, there, revoked=False, on=TUESDAY).since == TUESDAY


def test_who_takes_a_token_at_the_desk_acknowledges_it_there() -> None:
    taken = life(LifeState.HANDED_OVER, handed_over_at=at(MONDAY))
    assert may_print(GROUP, taken, revoked=False, on=MONDAY).reason is None
    assert may_leave(GROUP, taken, revoked=False, on=TUESDAY).since == WEDNESDAY


def test_a_letter_leaves_its_gap_behind_its_token() -> None:
    there = life(LifeState.ACKNOWLEDGED, dispatched_at=at(MONDAY), acknowledged_at=at(TUESDAY))
    early = may_leave(GROUP, there, revoked=False, on=TUESDAY)
    assert early.since == WEDNESDAY
    assert early.reason == "its token left on 2026-06-01, and 2 days are to lie between them (R5)"
    assert may_leave(GROUP, there, revoked=False, on=WEDNESDAY).reason is None
    hasty = replace(GROUP, life=LifeRule(gap_days=0))
    assert may_leave(hasty, there, revoked=False, on=TUESDAY).reason is None


def test_a_personal_letter_is_printed_and_leaves_as_soon_as_its_token_is_made() -> None:
    made = life(LifeState.AT_DESK)
    assert may_print(PERSONAL, made, revoked=False, on=MONDAY).reason is None
    assert may_leave(PERSONAL, made, revoked=False, on=MONDAY).reason is None


def test_a_layout_may_say_otherwise_than_its_kind() -> None:
    said = replace(GROUP, life=LifeRule(release=Release.BEFORE_HAND_OVER))
    assert may_print(said, life(LifeState.AT_DESK), revoked=False, on=MONDAY).reason is None


@pytest.mark.parametrize("layout", [GROUP, PERSONAL], ids=["group", "personal"])
@pytest.mark.parametrize(
    ("state", "never"),
    [
        (LifeState.LOST, True),
        (LifeState.DAMAGED, True),
        (LifeState.DESTROYED, True),
        (LifeState.RETURNED, False),
    ],
)
def test_no_letter_is_printed_or_leaves_for_a_token_that_is_out_of_use(
    layout: object, state: LifeState, never: bool
) -> None:
    gone = life(state, dispatched_at=at(MONDAY), acknowledged_at=at(MONDAY), ended_at=at(MONDAY))
    for told in (
        may_print(layout, gone, revoked=False, on=WEDNESDAY),  # type: ignore[arg-type]
        may_leave(layout, gone, revoked=False, on=WEDNESDAY),  # type: ignore[arg-type]
    ):
        assert (told.reason, told.never) == (f"its token is {state}", never)


def test_no_letter_is_printed_for_certificates_that_are_revoked() -> None:
    there = life(LifeState.ACKNOWLEDGED, dispatched_at=at(MONDAY), acknowledged_at=at(MONDAY))
    told = may_print(GROUP, there, revoked=True, on=WEDNESDAY)
    assert (told.reason, told.never) == ("its token's certificates are revoked", True)
    assert may_print(GROUP, None, revoked=False, on=WEDNESDAY).reason == "its token was never finished"
