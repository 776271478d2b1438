"""Who does not acknowledge is reminded, then told of the end, then the certificates are revoked (R4).

Who has a device too long is reminded of that. Each reminder is written once.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from batch.audit.log import log
from batch.life.dispatch import loans, parcels, reminders
from batch.life.dispatch.due import duties
from batch.model.dispatch import Device
from batch.model.errors import Refused, Transition
from batch.model.events import Event
from batch.model.people import Role
from batch.model.states import LifeState, LoanState
from batch.store import audit, items, journal, lives, revocations
from batch.store.database import Records
from tests.unit.dispatch_kit import LAYOUT_OF, LIBRARY, MANAGER, MONDAY, NOON, packed, quoted, ready, sent

SUBSCRIBER = "aanvragen@example.org"


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records.create(tmp_path / "station.db")


def day(number: int) -> date:
    """So many days after the parcel went."""
    return MONDAY + timedelta(days=number)


def written(records: Records, on: date) -> list[tuple[str, tuple[str, ...]]]:
    return [
        (one.kind, tuple(email for _, email in one.to))
        for one in reminders.write(records, LIBRARY, "dirk", on)
    ]


def test_reminders_are_written_on_their_days_and_each_once(records: Records) -> None:
    sent(records, ready(records, 2))
    assert written(records, day(13)) == []
    assert written(records, day(14)) == [("acknowledge", (MANAGER,))]
    assert written(records, day(20)) == []
    assert written(records, day(28)) == [("acknowledge", (MANAGER,))]
    assert written(records, day(41)) == []
    assert written(records, day(42)) == [("unacknowledged", (MANAGER, SUBSCRIBER))]
    assert written(records, day(400)) == []


def test_who_was_not_reminded_in_time_is_reminded_of_the_last_only(records: Records) -> None:
    sent(records, ready(records, 1))
    assert written(records, day(30)) == [("acknowledge", (MANAGER,))]
    assert written(records, day(31)) == []


def test_a_reminder_names_parcel_certificates_and_day_but_no_number_that_acknowledges(
    records: Records,
) -> None:
    parcel = sent(records, ready(records, 2))
    (one,) = reminders.write(records, LIBRARY, "dirk", day(15))
    for words in (parcel.number, "Zeehavens", "PostNL, 3SABC", "2027-04-12", "Geachte Noëlle"):
        assert words in one.text, words
    assert all(quoted(records, token) not in one.text for token in ("000001", "000002"))
    (last,) = reminders.write(records, LIBRARY, "dirk", day(42))
    assert "2027-04-26" in last.text
    told = "".join(entry.body for entry in audit.entries(records))
    assert '"acknowledgement.reminded"' in told
    assert MANAGER not in told


def test_who_acknowledged_and_whose_certificates_are_revoked_is_not_reminded(records: Records) -> None:
    sent(records, ready(records, 3))
    key = journal.keys(records, 2)["authentication"]
    with records.transaction():
        lives.set_state(records, 1, LifeState.ACKNOWLEDGED)
        revocations.ask(records, "r", 2, key.certificate, reason="keyCompromise", by="rita")
        log(records, Event("test", "ada"))
    (late,) = reminders.late(records, LAYOUT_OF, day(20))
    assert [item.mailer_number for item in late.tokens] == ["000003"]


def test_past_all_reminders_the_revocation_officer_is_to_revoke(records: Records) -> None:
    sent(records, ready(records, 1))

    def roles(on: date) -> set[Role]:
        return {one.role for one in duties(records, LAYOUT_OF, on)}

    assert roles(day(13)) == set()
    assert roles(day(14)) == {Role.DISPATCHER}
    assert roles(day(42)) == {Role.ORDER_OFFICER}
    assert roles(day(56)) == {Role.ORDER_OFFICER, Role.REVOCATION_OFFICER}
    written(records, day(56))
    (due,) = duties(records, LAYOUT_OF, day(60))
    assert (due.about, due.by) == ("token 000001", day(56))
    assert due.command.startswith("station token revoke 000001")
    assert due.overdue(day(60))


def test_a_token_that_came_back_and_goes_again_has_its_time_anew(records: Records) -> None:
    order = ready(records, 1)
    sent(records, order)
    written(records, day(14))
    with records.transaction():
        lives.set_state(records, 1, LifeState.RETURNED)
        log(records, Event("token.returned", "dirk", item="000001"))
    assert reminders.late(records, LAYOUT_OF, day(60)) == []
    sent(records, order, at=NOON + timedelta(days=92))
    assert reminders.late(records, LAYOUT_OF, date(2027, 6, 14)) == []
    assert len(reminders.late(records, LAYOUT_OF, date(2027, 6, 15))) == 1


def test_a_loan_is_known_by_its_own_number_and_its_device_away_once(records: Records) -> None:
    order = ready(records, 1)
    parcel = packed(records, order)
    one = loans.lend(records, Device.READER, "R-1", parcel.number, day(90), "dirk", MONDAY)
    two = loans.lend(records, Device.USB_STICK, "R-1", parcel.number, day(90), "dirk", MONDAY)
    assert (one.number, two.number) == ("L-000001", "L-000002")
    assert one.person is not None
    with pytest.raises(Refused, match="is not to come"):
        loans.lend(records, Device.READER, "R-2", parcel.number, MONDAY, "dirk", MONDAY)
    parcels.close(records, parcel.number, LAYOUT_OF, "dirk", MONDAY)
    with pytest.raises(Refused, match="nothing is put into it"):
        loans.lend(records, Device.READER, "R-2", parcel.number, day(9), "dirk", MONDAY)
    assert loans.end(records, two.number, LoanState.LOST, "dirk", "says the manager").state is LoanState.LOST
    assert loans.end(records, two.number, LoanState.RETURNED, "dirk").state is LoanState.RETURNED
    with pytest.raises(Transition):
        loans.end(records, two.number, LoanState.LOST, "dirk", "again")
    lent_to_person = loans.lend(records, Device.USB_STICK, "R-1", one.person, day(30), "dirk", MONDAY)
    assert lent_to_person.parcel_id is None


def test_who_has_a_device_is_reminded_before_its_day_and_every_fortnight_after(records: Records) -> None:
    order = ready(records, 1)
    parcel = packed(records, order)
    loan = loans.lend(records, Device.READER, "R-77", parcel.number, day(90), "dirk", MONDAY)

    def reminded(on: date) -> list[str]:
        return [
            email for one in reminders.write_of_loans(records, LIBRARY, "dirk", on) for _, email in one.to
        ]

    assert reminded(day(100)) == []  # it never left
    parcels.close(records, parcel.number, LAYOUT_OF, "dirk", MONDAY)
    parcels.send(records, parcel.number, LAYOUT_OF, "dirk", courier="P", reference="1")
    assert reminded(day(82)) == []
    assert reminded(day(83)) == [MANAGER]
    assert reminded(day(90)) == []
    assert reminded(day(91)) == [MANAGER]
    assert reminded(day(104)) == []
    assert reminded(day(105)) == [MANAGER]
    (due,) = [one for one in duties(records, LAYOUT_OF, day(91)) if one.about == f"loan {loan.number}"]
    assert due.overdue(day(91))
    loans.extend(records, loan.number, day(200), "dirk")
    assert reminded(day(120)) == []
    (again,) = reminders.write_of_loans(records, LIBRARY, "dirk", day(193))
    assert "kaartlezer R-77" in again.text
    loans.end(records, loan.number, LoanState.RETURNED, "dirk")
    assert reminded(day(300)) == []
    assert items.item(records, "000001").token_serial is not None
