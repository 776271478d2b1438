"""Certificates that end: found fast, whoever holds them reminded in time and in their language."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlite_utils import Database

from batch.audit.log import log
from batch.life.renewal import renewing
from batch.life.renewal.expiring import duties, listed, reminders
from batch.model.events import Event
from batch.model.people import Role
from batch.model.renewals import Pause
from batch.model.states import LifeState
from batch.people import registry
from batch.store import expiry, journal, revocations
from batch.store.database import stamp
from batch.store.schema import migrations
from drivers.authorities.port import Reason
from layouts.library import Library
from tests.unit.certificate_kit import certificate
from tests.unit.renewal_kit import ENDS, IN_TIME, Desk

LIBRARY = Library()
DUE = date(2029, 9, 21)
"""Sixty days before the end."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk.make(tmp_path)
    with closing(made.records):
        yield made


def numbers(desk: Desk, days: int, at: datetime = IN_TIME) -> list[str]:
    return [one.item.mailer_number for one in listed(desk.records, timedelta(days=days), at)]


def ends(desk: Desk, at: int, days: int) -> None:
    """Let a certificate of a token end so many days after the others."""
    item = desk.item(at)
    with desk.records.transaction():
        desk.records.write(
            "UPDATE keys SET not_after = ? WHERE item_id = ?", (stamp(ENDS + timedelta(days=days)), item.id)
        )
        log(desk.records, Event("test", "ada"))


def test_what_ends_within_a_time_is_listed_the_next_first_with_the_days_left(desk: Desk) -> None:
    ends(desk, 0, 5)
    ends(desk, 2, -5)
    assert numbers(desk, 36) == ["000003"]
    assert numbers(desk, 60) == ["000003", "000002", "000001"]
    assert numbers(desk, 60, ENDS) == ["000002", "000001"], "what ended before is over"
    first = listed(desk.records, timedelta(days=60), IN_TIME)[0]
    assert first.expiring.days(IN_TIME) == (ENDS - IN_TIME).days - 5


def test_what_nobody_renews_is_left_out(desk: Desk) -> None:
    desk.move(LifeState.LOST, at=0)
    key = journal.keys(desk.records, desk.item(1).id)["authentication"]
    with desk.records.transaction():
        reason = Reason.SUPERSEDED
        revocations.ask(desk.records, "x", desk.item(1).id, key.certificate, reason=reason, by="rev")
        log(desk.records, Event("revocation.ordered", "rev"))
    assert numbers(desk, 60) == ["000003"]


def test_the_list_is_read_by_index_over_any_number_of_tokens(desk: Desk) -> None:
    given = ("2029", "2030", "lost", "damaged", "destroyed")
    plan = desk.records.rows(f"EXPLAIN QUERY PLAN {expiry.EXPIRING}", given)
    assert any("keys_by_expiry" in row[3] for row in plan)


def test_every_way_in_which_a_certificate_comes_on_record_tells_its_end(desk: Desk) -> None:
    records, item = desk.records, desk.item()
    with records.transaction():
        journal.set_generated(records, item.id, "authentication", b"key", "{}")
        assert records.rows("SELECT not_after FROM keys WHERE name = 'authentication' AND item_id = 1") == [
            (None,)
        ]
        journal.set_lost(records, item.id, "authentication", 7, certificate(serial=70))
        assert expiry.expiry(records, item.id) == ENDS
        log(records, Event("test", "ada"))


def test_certificates_on_record_before_there_was_such_a_list_are_in_it(tmp_path: Path) -> None:
    db = Database(tmp_path / "old.db")
    names = [one.name for one in migrations.pending(db)]
    earlier = names[: names.index("m018_renewals")]
    for one in migrations.pending(db):
        if one.name in earlier:
            one.fn(db)
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute(
        "INSERT INTO keys (item_id, name, slot, certificate) VALUES (1, 'a', '01', ?), (2, 'b', '01', NULL)",
        [certificate()],
    )
    next(one for one in migrations.pending(db) if one.name == "m018_renewals").fn(db)
    assert db.execute("SELECT not_after FROM keys ORDER BY item_id").fetchall() == [(stamp(ENDS),), (None,)]


def test_whoever_holds_certificates_that_end_gets_one_text_with_all_of_them(desk: Desk) -> None:
    assert reminders(desk.records, LIBRARY, DUE - timedelta(days=1), "ada") == []
    (one,) = reminders(desk.records, LIBRARY, DUE, "ada")
    assert one.to == (("Noëlle van der Testen", "n@voorbeeld.example.org"),)
    for at in range(3):
        assert desk.item(at).mailer_number in one.notice.body
    assert "over 60 dagen" in one.notice.body
    assert one.notice.language == "nl"
    assert b"X-Unsent: 1" in one.message()
    told = desk.records.rows("SELECT body FROM audit WHERE body LIKE '%renewal.reminders%'")
    assert len(told) == 1
    assert "Testen" not in told[0][0]


def test_nobody_is_reminded_twice_of_the_same_but_again_before_the_end(desk: Desk) -> None:
    assert len(reminders(desk.records, LIBRARY, DUE, "ada")) == 1
    assert reminders(desk.records, LIBRARY, DUE + timedelta(days=3), "ada") == []
    assert len(reminders(desk.records, LIBRARY, DUE + timedelta(days=3), "ada", again=True)) == 1
    for days in (30, 7):
        assert len(reminders(desk.records, LIBRARY, ENDS.date() - timedelta(days=days), "ada")) == 1
        assert reminders(desk.records, LIBRARY, ENDS.date() - timedelta(days=days - 1), "ada") == []


def test_nobody_is_reminded_of_what_is_being_renewed(desk: Desk) -> None:
    desk.start(0)
    (one,) = reminders(desk.records, LIBRARY, DUE, "ada")
    assert "000001" not in one.notice.body
    assert "000002" in one.notice.body


@pytest.mark.parametrize(("language", "word"), [("en", "Dear"), ("it", "Gentile")])
def test_a_reminder_is_in_the_subscribers_language(desk: Desk, language: str, word: str) -> None:
    known = registry.subscriber(desk.records, desk.case.order.organisation)
    assert known is not None
    registry.change_subscriber(desk.records, replace(known, language=language), operator="ada")
    (one,) = reminders(desk.records, LIBRARY, DUE, "ada")
    assert word in one.notice.body


def test_every_state_that_waits_for_somebody_is_due_for_a_role(desk: Desk) -> None:
    def due(on: date = date(2029, 10, 15)) -> list[tuple[Role, str]]:
        return [(one.role, one.command) for one in duties(desk.records, LIBRARY.token, on)]

    assert due(DUE - timedelta(days=1)) == []
    assert due() == [(Role.ORDER_OFFICER, "station renew reminders")]
    reminders(desk.records, LIBRARY, date(2029, 10, 15), "ada")
    assert due() == []
    renewal = desk.start()
    assert due() == [(Role.ORDER_OFFICER, "station renew confirm R-000001 --holds all")]
    desk.held(renewal)
    assert due() == [(Role.APPROVER, "station renew approve R-000001")]
    renewing.pause(desk.records, renewal.number, desk.officer, Pause.APPROVAL, date(2029, 10, 20))
    later = date(2029, 10, 21)
    (one,) = (one for one in duties(desk.records, LIBRARY.token, later) if one.about == renewal.number)
    assert one.overdue(later)
    renewing.resume(desk.records, renewal.number, desk.officer)
    renewing.approve(desk.records, renewal.number, desk.layout, desk.approver)
    assert due() == [(Role.PERSONALISER, "station renew carry-out R-000001 --seat SEAT")]
