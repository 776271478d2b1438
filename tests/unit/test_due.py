"""What each role must do today is told, with the command that does it."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from batch.life.due.collecting import due
from batch.life.duties import Duty
from batch.model.people import Role
from batch.model.quarantine import Cause
from batch.model.states import LetterState, LifeState
from batch.orders.decisions import receive, reject
from batch.people.forgetting import Retention
from batch.people.operators import enrol
from batch.production.quarantine import set_aside
from batch.store import items, letters, restores
from batch.store.clock import now
from batch.store.database import Records
from layouts.errors import UnknownLayout
from layouts.library import Library
from layouts.token import TokenLayout
from station.exit_codes import ExitCode
from tests.unit.certificate_kit import TEMPLATE
from tests.unit.cli import Cli, assert_command
from tests.unit.finished_kit import SENT, THERE, delivered, finished, lettered, moved
from tests.unit.order_kit import approved, draft
from tests.unit.people_kit import Anchors, actor, desk_of
from tests.unit.restore_kit import home_of

TODAY = now().date()
LAYOUTS = Library()
KEPT = Retention()


def told(records: Records, role: Role | None = None, on: date = TODAY) -> list[Duty]:
    found = due(records, LAYOUTS.token, KEPT, on=on, role=role)
    for one in found:
        assert_command(one.command)
    return [one for one in found if one.about != "log"]


def commands(records: Records, on: date = TODAY) -> list[tuple[str, str]]:
    return [(str(one.role), one.command) for one in told(records, on=on)]


def test_an_order_is_due_at_each_of_its_states(records: Records) -> None:
    number = receive(records, draft(), "ada").number
    notice = ("order-officer", f"station order notice {number}")
    assert commands(records) == [notice, ("order-officer", f"station order assess {number}")] or commands(
        records
    ) == [("order-officer", f"station order assess {number}"), notice]
    approved(records, number)
    found = told(records, Role.PERSONALISER)
    assert [(one.what, one.command) for one in found] == [("produce 3 tokens", f"station produce {number}")]
    assert [one.what for one in told(records, Role.ORDER_OFFICER)] == [
        "tell the subscriber that the order is approved"
    ]


def test_a_rejected_order_is_told_to_its_subscriber_and_no_more(records: Records) -> None:
    number = receive(records, draft(), "ada").number
    reject(records, number, "bob", "no")
    assert commands(records) == [("order-officer", f"station order notice {number}")]


def test_what_is_over_its_day_is_overdue_and_comes_first(records: Records) -> None:
    receive(records, draft(), "ada")
    assert not any(one.overdue(TODAY) for one in told(records))
    later = TODAY + timedelta(days=30)
    found = told(records, on=later)
    assert found
    assert all(one.overdue(later) for one in found)
    days = [one.by for one in found]
    assert days == sorted(days)


def test_an_order_is_to_be_closed_once_all_of_it_is_settled(records: Records) -> None:
    order = finished(records)
    close = f"station order close {order.number}"
    assert close not in [one.command for one in told(records)]
    delivered(records, order)
    (found,) = [one for one in told(records, Role.ORDER_OFFICER) if one.command == close]
    assert found.by == TODAY + timedelta(days=7)


def test_a_token_in_quarantine_waits_for_a_personaliser(records: Records) -> None:
    number = receive(records, draft(), "ada").number
    approved(records, number)
    with records.transaction():
        item = items.item(records, "000002")
        items.begin_item(records, item, "lane-1", "piv", "11aa")
        set_aside(records, items.item(records, "000002"), Cause.TAKEN_OUT, "bent", "carl")
    found = [one for one in told(records, Role.PERSONALISER) if one.about == "token 000002"]
    assert [one.command for one in found] == ["station quarantine show 000002"]


def test_every_part_of_the_work_is_collected(records: Records) -> None:
    """Dispatch, letters, the field and renewal each add what is theirs."""
    finished(records, 4)
    for number in ("000001", "000002", "000003"):
        moved(records, number, *THERE)
    lettered(records, "000002", *SENT[:2], LetterState.LOST)
    moved(records, "000003", LifeState.LOST)
    soon = TEMPLATE.not_after.date() - timedelta(days=10)
    found = {(str(one.role), one.command.split(" --")[0]) for one in told(records, on=soon)}
    assert {
        ("dispatcher", "station dispatch new 2026-0001"),
        ("pin-officer", "station letter print 2026-0001"),
        ("revocation-officer", "station token revoke 000002"),
        ("revocation-officer", "station token revoke 000003"),
        ("order-officer", "station renew reminders"),
    } <= found


def test_a_layout_that_is_gone_hides_nothing_else(records: Records) -> None:
    finished(records, 1)
    receive(records, draft("MVV-9"), "ada")

    def gone(name: str) -> TokenLayout:
        raise UnknownLayout("there is no such layout", where=name)

    found = due(records, gone, KEPT, on=TODAY)
    assert "station order assess 2026-0002" in [one.command for one in found]


def test_a_log_nobody_looked_after_waits_for_the_auditor(records: Records) -> None:
    receive(records, draft(), "ada")
    log = [one for one in due(records, LAYOUTS.token, KEPT, on=TODAY) if one.about == "log"]
    assert log == []
    later = TODAY + timedelta(days=27)
    log = [one for one in due(records, LAYOUTS.token, KEPT, on=later) if one.about == "log"]
    assert {(one.role, one.command) for one in log} == {
        (Role.AUDITOR, "station audit verify"),
        (Role.AUDITOR, "station audit checkpoint"),
    }
    assert {one.by for one in log} == {TODAY + timedelta(days=31)}


def test_what_another_began_to_sign_waits_for_the_next_one(records: Records) -> None:
    anchors = Anchors()
    ann, _ = desk_of(records, anchor=anchors)
    enrol(records, ann, actor("eve", Role.AUDITOR).operator, anchor=anchors)
    (waiting,) = told(records)
    assert waiting.command == "station operator complete eve"
    assert (waiting.role, waiting.about) == (Role.ADMINISTRATOR, "operator eve")
    assert "begun by ann" in waiting.what
    assert told(records, on=TODAY + timedelta(days=2)) == []


def test_restored_records_are_to_be_reconciled_first(records: Records) -> None:
    from batch.audit.log import log
    from batch.model.events import Event

    with records.transaction():
        restores.add(records, operator="ann", made_at=now(), entries=1, ledger=True, ca=True)
        log(records, Event("test", "ann"))
    (found,) = told(records)
    assert (found.role, found.command, found.by) == (Role.ADMINISTRATOR, "station reconcile", TODAY)


def test_personal_data_is_to_be_forgotten_when_its_time_is_over(records: Records) -> None:
    number = receive(records, draft(), "ada").number
    reject(records, number, "bob", "no")
    forget = f"station registry forget {number}"
    assert forget not in [one.command for one in told(records)]
    later = TODAY + timedelta(days=366)
    assert forget in [one.command for one in told(records, on=later)]


@pytest.mark.parametrize("as_", ["--json", "--csv"])
def test_the_command_tells_a_role_what_is_due(tmp_path: Path, cli: Cli, as_: str) -> None:
    home = home_of(tmp_path / "home")
    (home.path / "layouts" / "tokens" / "own.toml").unlink()
    done = cli("due", "--role", "order-officer", "--on", "2031-01-01", as_, "--home", str(home.path))
    assert done.code == ExitCode.OK, done.err
    rows = json.loads(done.out) if as_ == "--json" else list(csv.DictReader(io.StringIO(done.out)))
    assert {row["role"] for row in rows} == {"order-officer"}
    assert {str(row["overdue"]).lower() for row in rows} <= {"true", "yes"}
    assert "station order assess 2026-0001" in [row["command"] for row in rows]
    assert cli("due", "--role", "cook", "--home", str(home.path)).code == ExitCode.USAGE
    assert cli("due", "--on", "tomorrow", "--home", str(home.path)).code == ExitCode.USAGE


def test_what_is_due_of_tokens_at_the_desk_is_counted_not_read_one_by_one(records: Records) -> None:
    """A desk with tens of thousands of them asks as little as one with two."""
    asked: list[str] = []

    def statements() -> int:
        asked.clear()
        records.db.conn.set_trace_callback(asked.append)
        found = told(records, Role.DISPATCHER)
        records.db.conn.set_trace_callback(None)
        assert [one.command for one in found] == ["station dispatch new 2026-0001"]
        return len(asked)

    finished(records, 30)
    many = statements()
    assert [one.what for one in told(records, Role.DISPATCHER)] == ["dispatch 30 finished tokens"]
    for number in range(3, 31):
        moved(records, f"{number:06d}", *THERE)
    assert [one.what for one in told(records, Role.DISPATCHER)] == ["dispatch 2 finished tokens"]
    assert statements() == many
    moved(records, "000002", LifeState.LOST)
    assert [one.what for one in told(records, Role.DISPATCHER)] == ["dispatch 1 finished token"]


def test_letters_alike_are_judged_once_and_all_counted(records: Records) -> None:
    finished(records, 5)
    for number in ("000001", "000002", "000004"):
        moved(records, number, *THERE)
    lettered(records, "000004", *SENT[:2])
    alike = letters.alike(records, LetterState.SEALED, LetterState.PRINTED)
    assert [(one.letter.mailer_number, count) for one, count in alike] == [
        ("000001", 2),
        ("000003", 2),
        ("000004", 1),
    ]
    each = {one.letter.mailer_number: one for one in letters.outlooks(records)}
    assert all(each[one.letter.mailer_number] == one for one, _ in alike)
    assert [one.what for one in told(records, Role.PIN_OFFICER) if "order" in one.about] == [
        "read the forms of 1 letter",
        "release and print 2 letters",
    ]
