"""Letters leave a gap behind their tokens or before them, and never by who had the token (R1, R2, R5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from batch.audit.log import log
from batch.letters import accounting, leaving
from batch.letters.accounting import Seen, confirm
from batch.letters.policy import last_posting, letter_left, next_of
from batch.model.errors import Refused, Transition
from batch.model.events import Event
from batch.model.field import Done, FieldAct
from batch.model.states import FormState, LetterState, LifeState
from batch.store import field, items, letters, lives, parcels, restores
from batch.store.clock import now
from layouts.life import LifeRule, Release
from layouts.token import TokenLayout
from tests.unit.forms_kit import LetterDesk, form, letter_desk
from tests.unit.warrant_kit import LAYOUT, LIBRARY

GROUP = LIBRARY.token(LAYOUT)
FIRST = replace(GROUP, life=LifeRule(release=Release.BEFORE_HAND_OVER, gap_days=2))
LATER = timedelta(days=2)
THERE = (LifeState.DISPATCHED, LifeState.ACKNOWLEDGED)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[LetterDesk]:
    """Two letters are confirmed, the third is sealed; every token is acknowledged."""
    with letter_desk(tmp_path) as desk:
        for number in ("000001", "000002", "000003"):
            desk.token(number, *THERE)
        desk.printed("000001", "000002")
        confirm(
            desk.records,
            [Seen("000001", form("A-0001")), Seen("000002", form("A-0002"))],
            "carl",
            numbered=True,
        )
        yield desk


def send(
    desk: LetterDesk, *numbers: str, days: int = 2, by: str = "carl", layout: TokenLayout = GROUP
) -> None:
    at = now() + timedelta(days=days)
    leaving.send(desk.records, numbers, by, lambda _: layout, how="post", reference="3SABC", at=at)


def test_a_letter_leaves_from_its_day_on_and_takes_its_form_along(desk: LetterDesk) -> None:
    with pytest.raises(Refused, match=r"letter 000001: its token left on .* 2 days are to lie between them"):
        send(desk, "000001", days=1)
    assert desk.state("000001") is LetterState.CONFIRMED
    send(desk, "000001", "000002")
    assert (desk.state("000001"), desk.form("A-0001")) == (LetterState.SENT, FormState.MAILED)
    posted = last_posting(desk.records, "000001")
    assert posted is not None
    assert (posted.sent_by, posted.how, posted.reference) == ("carl", "post", "3SABC")


def test_letters_leave_all_or_none(desk: LetterDesk) -> None:
    with pytest.raises(Refused, match="letter 000003: it is sealed; only a letter that somebody has in hand"):
        send(desk, "000001", "000003")
    assert desk.state("000001") is LetterState.CONFIRMED
    day = (now() + LATER).date()
    assert leaving.ready_to_leave(desk.records, desk.order, LIBRARY.token, day) == ["000001", "000002"]


def test_where_none_of_an_order_may_leave_it_is_told_why_of_each(desk: LetterDesk) -> None:
    def ready(days: int) -> list[str]:
        day = (now() + timedelta(days=days)).date()
        return leaving.ready_to_leave(desk.records, desk.order, LIBRARY.token, day)

    with pytest.raises(
        Refused, match=r"letter 000001: its token left .*letter 000003: it is sealed"
    ) as found:
        ready(0)
    assert "letter 000002: its token left" in found.value.what
    send(desk, "000001", "000002")
    with pytest.raises(Refused, match=r"letter 000003: it is sealed") as found:
        ready(2)
    assert "000001" not in found.value.what
    with desk.records.transaction():
        letters.set_state(desk.records, "000003", LetterState.VOID, printer="", operator="carl")
        log(desk.records, Event("prepared", "ann"))
    with pytest.raises(Refused, match="has no letter that is still here"):
        ready(2)


def test_a_token_that_came_back_and_left_again_starts_the_gap_anew(desk: LetterDesk) -> None:
    start = now()
    with desk.records.transaction():
        id_ = items.item(desk.records, "000001").id
        for day, state in (
            (10, LifeState.RETURNED),
            (11, LifeState.DISPATCHED),
            (12, LifeState.ACKNOWLEDGED),
        ):
            lives.set_state(desk.records, id_, state, start + timedelta(days=day))
        log(desk.records, Event("prepared", "ann"))
    with pytest.raises(Refused, match=rf"its token left on {(start + timedelta(days=11)).date()}"):
        send(desk, "000001", days=12)
    send(desk, "000001", days=13)


def test_after_a_restore_nothing_leaves_before_it_is_found_out_what_left(desk: LetterDesk) -> None:
    with desk.records.transaction():
        restores.add(desk.records, operator="ann", made_at=now(), entries=1, ledger=False, ca=False)
        log(desk.records, Event("prepared", "ann"))
    with pytest.raises(Refused, match="not found out yet"):
        send(desk, "000001")
    with pytest.raises(Refused, match="not found out yet"):
        leaving.came_back(desk.records, "000001", "carl", "unknown address")


def test_a_letter_of_a_lost_token_does_not_leave(desk: LetterDesk) -> None:
    desk.token("000001", LifeState.LOST)
    with pytest.raises(Refused, match="letter 000001: its token is lost"):
        send(desk, "000001")


def test_who_had_a_token_in_hand_does_not_send_its_letter(desk: LetterDesk) -> None:
    with desk.records.transaction():
        field.add(desk.records, Done(desk.item("000001").id, FieldAct.HANDED_OVER, now(), "dora"))
        parcels.handle(desk.records, desk.item("000002").id, "emil")
        log(desk.records, Event("token.handed-over", "dora", item="000001"))
    for number, who in (("000001", "Dora"), ("000002", "emil")):
        with pytest.raises(Refused, match=r"a token in hand does not have its letter as well \(R1\)"):
            send(desk, number, by=who)
    send(desk, "000001", by="emil")
    send(desk, "000002", by="dora")


def test_a_letter_that_came_back_is_sent_again_or_destroyed(desk: LetterDesk) -> None:
    with pytest.raises(Transition):
        leaving.came_back(desk.records, "000001", "carl", "unknown at this address")
    send(desk, "000001")
    leaving.came_back(desk.records, "000001", "carl", "unknown at this address")
    assert (desk.state("000001"), desk.form("A-0001")) == (LetterState.RETURNED, FormState.RETURNED)
    assert last_posting(desk.records, "000001") is None
    send(desk, "000001")
    assert len(letters.postings(desk.records, "000001")) == 2
    leaving.came_back(desk.records, "000001", "carl", "refused")
    accounting.destroy(desk.records, "000001", "carl", "emil", "not wanted")
    assert (desk.state("000001"), desk.form("A-0001")) == (LetterState.VOID, FormState.DESTROYED)


def test_a_token_follows_its_letter_where_the_letter_goes_first(desk: LetterDesk) -> None:
    item, today = desk.item("000001"), now().date()

    def may(days: int) -> str | None:
        return letter_left(desk.records, item, FIRST, today + timedelta(days=days)).reason

    assert letter_left(desk.records, item, GROUP, today).reason is None
    assert may(9) == "its letter goes first and is confirmed (R2)"
    send(desk, "000001", days=2, layout=FIRST)
    assert "2 days are to lie between them (R5)" in (may(3) or "")
    assert may(4) is None
    leaving.came_back(desk.records, "000001", "carl", "unknown at this address")
    assert may(9) == "its letter goes first and is returned (R2)"


def test_what_comes_next_of_a_letter_is_told_with_the_reason_why_not_yet(desk: LetterDesk) -> None:
    desk.token("000003", LifeState.RETURNED)
    told = {}
    for one in letters.outlooks(desk.records, desk.order.id):
        following = next_of(one, LIBRARY.token, now().date())
        assert following is not None
        told[one.letter.mailer_number] = (following[0], following[1].reason)
    assert told["000003"] == ("print", "its token is returned")
    assert told["000001"][0] == "send"
    assert "days are to lie between them" in (told["000001"][1] or "")
    assert next(letters.outlooks(desk.records)).layout == LAYOUT
