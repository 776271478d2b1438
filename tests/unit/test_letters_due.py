"""What is due of letters and forms is told to PIN officers, an order's letters together."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from batch.letters import accounting, stock
from batch.letters.accounting import Seen, confirm
from batch.life.due.letters import duties
from batch.life.duties import Duty
from batch.model.people import Role
from batch.model.states import LetterState, LifeState
from batch.store.clock import now
from tests.unit.forms_kit import LetterDesk, form, letter_desk
from tests.unit.warrant_kit import LIBRARY


def due(desk: LetterDesk, days: int = 0) -> dict[str, Duty]:
    found = duties(desk.records, LIBRARY.token, (now() + timedelta(days=days)).date())
    return {one.what: one for one in found}


def test_each_step_of_a_letter_is_due_when_it_may_be_done(tmp_path: Path) -> None:
    with letter_desk(tmp_path) as desk:
        assert due(desk) == {}
        for number in ("000001", "000002", "000003"):
            desk.token(number, LifeState.DISPATCHED, LifeState.ACKNOWLEDGED)
        told = due(desk)["release and print 3 letters"]
        assert (told.role, told.about) == (Role.PIN_OFFICER, f"order {desk.order.number}")
        assert told.command == f"station letter print {desk.order.number} --with NAME"

        desk.printed("000001", "000002")
        desk.letter("000003", LetterState.UNKNOWN)
        assert set(due(desk)) == {"read the forms of 2 letters", "look for the forms of 1 letter"}
        assert due(desk)["look for the forms of 1 letter"].command == "station letter settle 000003"

        seen = [Seen("000001", form("A-0001")), Seen("000002", form("A-0003"))]
        confirm(desk.records, seen, "carl", numbered=True)
        assert "send 2 letters" not in due(desk)
        assert due(desk)["say what became of 1 form passed over"].about == "form A-0002"
        sending = due(desk, days=2)["send 2 letters"]
        assert sending.by == (now() + timedelta(days=5)).date()

        stock.spoil(desk.records, [form("A-0002")], "carl", "double feed")
        assert "destroy a spoiled form before a witness" in due(desk)


def test_letters_of_tokens_out_of_use_are_withheld_or_destroyed_and_lost_ones_revoked(tmp_path: Path) -> None:
    with letter_desk(tmp_path) as desk:
        for number in ("000001", "000002", "000003"):
            desk.token(number, LifeState.DISPATCHED, LifeState.ACKNOWLEDGED)
        desk.printed("000002", "000003")
        confirm(desk.records, [Seen("000002"), Seen("000003")], "carl", numbered=False)
        accounting.lose(desk.records, "000003", "carl", "not in the safe")
        for number in ("000001", "000002"):
            desk.token(number, LifeState.LOST)
        told = due(desk)
        assert told["withhold, their tokens being out of use, 1 letter"].command.endswith("void 000001")
        assert "destroy 000002" in told["destroy, their tokens being out of use, 1 letter"].command
        revoke = told["revoke the certificates that go with 1 letter"]
        assert revoke.role is Role.REVOCATION_OFFICER
        assert "000003" in revoke.command
