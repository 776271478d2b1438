"""Tokens in the field: who gets them, with what consents, and what becomes of them (R1, R2, R6, R35)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from batch.audit.afterwards import afterwards
from batch.audit.log import log
from batch.audit.verification import verify
from batch.life.field.due import duties
from batch.life.field.handling import Consents, activate, before_hand_over, destroy, hand_over, report
from batch.life.field.showing import life_facts
from batch.model.errors import FaultyValue, Refused, Transition
from batch.model.events import Event
from batch.model.field import HOLDER, FieldAct
from batch.model.orders import Item
from batch.model.people import Role
from batch.model.states import LetterState, LifeState, PersonState
from batch.people.acting import Actor
from batch.people.operators import enrol
from batch.people.separation import Act, apart
from batch.production.lives_back import take_lives_back
from batch.production.revocation import ask_for
from batch.production.revoking import Ground, revoke
from batch.store import field, items, letters, lives, registry, revocations
from batch.store.clock import now
from batch.store.copying import copy
from batch.store.database import Records
from drivers.authorities.port import Reason
from layouts.library import Library
from layouts.life import Consent, LifeRule
from layouts.token import TokenLayout
from tests.unit.field_kit import NUMBER, produced
from tests.unit.people_kit import actor, as_known
from tests.unit.warrant_kit import Case

AT = datetime(2026, 11, 20, 15, tzinfo=UTC)
TODAY = AT.date()
LIBRARY = Library()
GROUP, PERSONAL = LIBRARY.token("group-usb:p-256"), LIBRARY.token("personal-card:p-256")
ALL = Consents(tuple(Consent), "ab" * 32)
HOLDERS_NAME = "Noor de Vries"


@dataclass
class Desk:
    """A desk whose first token is finished, as one of a group or a person."""

    case: Case
    item: Item

    @property
    def records(self) -> Records:
        return self.case.records

    def state(self) -> LifeState:
        return lives.life(self.records, self.item.id).state

    def personal(self) -> TokenLayout:
        """Let it be a person's."""
        named = "UPDATE items SET fields = json_set(fields, '$.given_name', ?, '$.surname', ?)"
        self.case.edit(named, "Noor", "de Vries")
        self.item = items.item(self.records, NUMBER)
        return PERSONAL

    def moved(self, *states: LifeState) -> None:
        with self.records.transaction():
            for state in states:
                lives.set_state(self.records, self.item.id, state, AT)
            log(self.records, Event("prepared", "ann"))

    def letter_sent(self, at: datetime = AT - timedelta(days=3), by: str = "carl") -> None:
        with self.records.transaction():
            letters.set_state(self.records, NUMBER, LetterState.PRINTING, printer="p", operator=by)
            letters.set_state(self.records, NUMBER, LetterState.PRINTED, printer="p", operator=by)
            letters.set_state(self.records, NUMBER, LetterState.CONFIRMED, printer="p", operator=by)
            letters.set_state(self.records, NUMBER, LetterState.SENT, printer="p", operator=by)
            letters.post(self.records, NUMBER, by=by, how="post", reference=None, at=at)
            log(self.records, Event("prepared", by))

    def revoked(self) -> None:
        with self.records.transaction():
            ask_for(self.records, self.item, Reason.KEY_COMPROMISE, "rob")
            log(self.records, Event("prepared", "rob"))

    def hand(
        self, layout: TokenLayout, to: str, consents: Consents = ALL, by: str = "dirk", at: datetime = AT
    ) -> None:
        hand_over(self.records, self.item, layout, to=to, consents=consents, operator=by, at=at)

    def activate(self, layout: TokenLayout) -> None:
        activate(self.records, self.item, layout, operator="dirk", at=AT)

    def report(self, act: FieldAct) -> None:
        report(self.records, self.item, act, operator="dirk", why="as the holder told", at=AT)

    def due(self, on: date = TODAY) -> list[tuple[Role, str, date]]:
        return [(one.role, one.command, one.by) for one in duties(self.records, LIBRARY.token, on)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    case = Case.make(tmp_path)
    with closing(case.records) as records:
        yield Desk(case, produced(records))


def manager(desk: Desk) -> str:
    """The registered manager of the group."""
    with desk.records.transaction():
        (person,) = registry.people_of(desk.records, "NTRNL-90001234")
        registry.put_person(desk.records, replace(person, state=PersonState.REGISTERED))
        log(desk.records, Event("prepared", "ada"))
    return person.number


def test_a_holder_gets_a_token_whose_letter_left_and_whose_gap_has_passed_and_consents(desk: Desk) -> None:
    layout = desk.personal()
    with pytest.raises(Refused, match="its letter goes first and is sealed"):
        desk.hand(layout, HOLDERS_NAME)
    desk.letter_sent()
    with pytest.raises(Refused, match="2 days are to lie between"):
        desk.hand(layout, HOLDERS_NAME, at=AT - timedelta(days=2))
    for lacking in Consent:
        given = tuple(one for one in Consent if one is not lacking)
        with pytest.raises(Refused, match=f"consent is missing: {lacking}"):
            desk.hand(layout, HOLDERS_NAME, Consents(given, "ab" * 32))
    with pytest.raises(Refused, match="what was signed is not named"):
        desk.hand(layout, HOLDERS_NAME, Consents(tuple(Consent)))
    with pytest.raises(Refused, match="not the name of its holder"):
        desk.hand(layout, "Noor Vries")
    with pytest.raises(Refused, match="to themselves"):
        desk.hand(layout, HOLDERS_NAME, by="noor de vries")
    assert desk.state() is LifeState.AT_DESK
    assert field.of_item(desk.records, desk.item.id) == []

    desk.hand(layout, "noor  DE Vries")
    assert desk.state() is LifeState.HANDED_OVER
    (done,) = field.of_item(desk.records, desk.item.id)
    assert (done.recipient, done.consents, done.signed) == (HOLDER, tuple(Consent), "ab" * 32)
    desk.activate(layout)
    assert desk.state() is LifeState.ACTIVE


def test_a_group_token_goes_to_a_registered_manager_of_its_subscriber_and_nobody_else(desk: Desk) -> None:
    person = registry.people_of(desk.records, "NTRNL-90001234")[0]
    for stranger in (person.number, person.email, "nobody@example.org", "C-999999"):
        with pytest.raises(Refused, match="no registered manager"):
            desk.hand(GROUP, stranger)
    number = manager(desk)
    with pytest.raises(Refused, match="to themselves"):
        desk.hand(GROUP, number, by=person.name.upper())
    desk.hand(GROUP, person.email)
    assert field.of_item(desk.records, desk.item.id)[0].recipient == number


def test_who_registered_or_had_the_letter_does_not_hand_over(desk: Desk) -> None:
    desk.letter_sent(by="carl")
    before = before_hand_over(desk.records, desk.item)
    for name in ("ada", "carl"):
        with pytest.raises(Refused, match=r"R35|R1"):
            apart(Act.HAND_OVER, name, where=NUMBER, before=before)
    apart(Act.HAND_OVER, "dirk", where=NUMBER, before=before)


def test_who_handed_a_token_over_is_known_to_who_asks_for_its_letter(desk: Desk) -> None:
    desk.hand(GROUP, manager(desk))
    handed = field.by_whom(desk.records, desk.item.id, FieldAct.HANDED_OVER)
    with pytest.raises(Refused, match="R1"):
        apart(Act.SEND_LETTER, "Dirk", where=NUMBER, before={Act.HAND_OVER: handed})


def test_a_token_is_activated_once_it_is_acknowledged_or_handed_over(desk: Desk) -> None:
    with pytest.raises(Transition):
        desk.activate(GROUP)
    desk.moved(LifeState.DISPATCHED)
    with pytest.raises(Transition):
        desk.activate(GROUP)
    desk.moved(LifeState.ACKNOWLEDGED)
    with pytest.raises(Refused, match="never handed over"):
        desk.activate(replace(GROUP, life=LifeRule(consents=(Consent.TERMS,))))
    desk.activate(GROUP)
    with pytest.raises(Transition):
        desk.activate(GROUP)


def test_a_token_whose_certificates_are_to_be_revoked_is_given_to_nobody(desk: Desk) -> None:
    number = manager(desk)
    desk.revoked()
    with pytest.raises(Refused, match="not handed over any more"):
        desk.hand(GROUP, number)
    desk.moved(LifeState.DISPATCHED, LifeState.ACKNOWLEDGED)
    with pytest.raises(Refused, match="not activated any more"):
        desk.activate(GROUP)
    assert life_facts(desk.records, desk.item)["certificates"] == "revocation-pending"


def test_nothing_is_done_with_a_token_that_is_not_finished(desk: Desk) -> None:
    planned = items.item(desk.records, "000002")
    for act in (FieldAct.LOST, FieldAct.RETURNED):
        with pytest.raises(Refused, match="it is planned"):
            report(desk.records, planned, act, operator="dirk", why="-", at=AT)


def test_a_token_comes_back_and_is_destroyed_before_a_witness_who_types_its_serial(desk: Desk) -> None:
    desk.moved(LifeState.DISPATCHED)
    desk.report(FieldAct.LOST)
    desk.report(FieldAct.RETURNED)
    with pytest.raises(Refused, match="not its serial"):
        desk_destroys(desk, "another")
    assert desk.state() is LifeState.RETURNED
    desk_destroys(desk, str(desk.item.token_serial))
    assert desk.state() is LifeState.DESTROYED
    # Its letter, which can never be printed, keeps no order open.
    assert letters.state_of(desk.records, NUMBER) is LetterState.VOID
    with pytest.raises(Transition):
        desk.report(FieldAct.RETURNED)
    for why in ("", " ", "one\nline more", "\x1b[2J"):
        with pytest.raises(FaultyValue):
            report(desk.records, desk.item, FieldAct.LOST, operator="dirk", why=why, at=AT)
        with pytest.raises(FaultyValue):
            Ground.told(why)
    (done,) = field.of_item(desk.records, desk.item.id, FieldAct.DESTROYED)
    assert (done.operator, done.other) == ("dirk", "pia")
    with pytest.raises(Refused, match="does not witness it"):
        apart(Act.WITNESS, "dirk", where=NUMBER, before={Act.DESTROY: ["dirk"]})


def desk_destroys(desk: Desk, typed: str) -> None:
    destroy(desk.records, desk.item, operator="dirk", witness="pia", confirmed=typed, why="worn out", at=AT)


def test_what_is_due_is_told_with_its_day_and_role(desk: Desk) -> None:
    today, tomorrow = TODAY, TODAY + timedelta(days=1)
    assert desk.due() == []
    desk.moved(LifeState.LOST)
    assert desk.due() == [
        (Role.REVOCATION_OFFICER, f"station token revoke {NUMBER} --reason keyCompromise", tomorrow)
    ]
    # What ended by itself, or was forgotten after its time, is not to be revoked for ever.
    assert desk.due(date(2199, 1, 1)) == []
    desk.revoked()
    ((role, command, by),) = desk.due()
    assert (role, command) == (Role.REVOCATION_OFFICER, "station ca crl")
    assert by >= today
    desk.moved(LifeState.RETURNED)
    assert (Role.DISPATCHER, f"station token destroy {NUMBER} --witness NAME") in {
        (role, command) for role, command, _ in desk.due()
    }


def test_a_personal_token_whose_letter_left_is_due_to_be_handed_over_from_the_first_day(desk: Desk) -> None:
    desk.personal()
    desk.case.edit("UPDATE items SET layout = 'personal-card:p-256'")
    assert desk.due() == []
    desk.letter_sent(at=AT)
    assert desk.due(TODAY + timedelta(days=1)) == []
    ((role, command, _),) = desk.due(TODAY + timedelta(days=2))
    assert (role, command) == (Role.DISPATCHER, f"station token hand-over {NUMBER} --to HOLDER")


def test_a_restored_desk_knows_who_has_its_tokens(desk: Desk, tmp_path: Path) -> None:
    copy(desk.records, tmp_path / "copy.db")
    number = manager(desk)
    desk.hand(GROUP, number)
    desk.activate(GROUP)
    desk.report(FieldAct.LOST)
    done = field.of_item(desk.records, desk.item.id)
    life = lives.life(desk.records, desk.item.id)
    with closing(Records(tmp_path / "copy.db")) as restored:
        lines = afterwards(restored, desk.records.ledger.path)
        with restored.transaction():
            take_lives_back(restored, lines, "ann")
        assert lives.life(restored, desk.item.id).state is life.state
        assert [one.act for one in field.of_item(restored, desk.item.id)] == [one.act for one in done]
        assert field.of_item(restored, desk.item.id)[0].consents == tuple(Consent)
        assert revocations.waiting(restored) == []


def test_the_log_tells_numbers_and_no_names(desk: Desk) -> None:
    number = manager(desk)
    desk.hand(GROUP, number)
    said = "".join(body for (body,) in desk.records.rows("SELECT body FROM audit WHERE sequence > 20"))
    assert number in said
    assert "Noëlle" not in said
    assert not [one for one in verify(desk.records).findings if "hand" in one.what]


def test_a_revocation_that_one_officer_signed_is_due_while_another_may_complete_it(desk: Desk) -> None:
    rob = enrolled(desk, "rob")
    revoke(desk.records, NUMBER, rob, Reason.KEY_COMPROMISE, Ground.told("reported as lost"))
    desk.moved(LifeState.LOST)
    today = now().date()
    assert [command for _, command, _ in desk.due(today)] == [f"station token revoke {NUMBER}"]
    later = [command for _, command, _ in desk.due(today + timedelta(days=9))]
    assert later == [f"station token revoke {NUMBER} --reason keyCompromise"]


def enrolled(desk: Desk, name: str) -> Actor:
    """A revocation officer of this desk."""
    made = actor(name, Role.REVOCATION_OFFICER)
    for administrator in desk.case.people.administrators:
        enrol(desk.records, administrator, made.operator, anchor=desk.case.anchors)
    return as_known(desk.records, made)


def test_the_log_finds_out_who_moves_a_token_or_takes_a_revocation_off_the_records(desk: Desk) -> None:
    desk.hand(GROUP, manager(desk))
    rob, ria = enrolled(desk, "rob"), enrolled(desk, "ria")
    for officer in (rob, ria):
        revoke(desk.records, NUMBER, officer, Reason.KEY_COMPROMISE, Ground.told("published"))
    found = [one.what for one in verify(desk.records).findings]
    desk.case.edit("UPDATE lives SET state = 'at-desk'")
    desk.case.edit("DELETE FROM revocations")
    more = [one.what for one in verify(desk.records).findings if one.what not in found]
    assert more == [
        f"token {NUMBER} was to be revoked, as the log tells, but not on record",
        f"token {NUMBER} is at-desk on record, but handed-over, as the log tells",
    ]
