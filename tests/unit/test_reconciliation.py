"""After a restore, whatever may have happened since the backup did, unless it is known that it did not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from batch.audit.afterwards import RESTORED, afterwards
from batch.audit.agreement import Agreement
from batch.audit.log import log
from batch.audit.verification import verify
from batch.letters import accounting, stock
from batch.letters.accounting import Seen, confirm
from batch.letters.releasing import reprint, reprints
from batch.model.errors import Refused, Transition
from batch.model.events import Event
from batch.model.forms import FormNumber
from batch.model.orders import Order
from batch.model.quarantine import Cause
from batch.model.states import FormState, ItemState, LetterState, LifeState, OrderState
from batch.orders.decisions import receive, reject
from batch.production.quarantine import set_aside, ways
from batch.production.reconciliation import (
    MAILERS_LEFT_OUT,
    Evidence,
    Found,
    Issued,
    certified,
    reconcile,
)
from batch.production.reset import Held, resettable
from batch.production.seats import Seat
from batch.store import audit, forms, items, journal, letters, lives, orders, quarantine, restores
from batch.store.clock import now
from batch.store.copying import copy
from batch.store.database import Records
from drivers.feeders.port import Feeder
from station.cli.restore import _evidence
from tests.unit.forms_kit import finish
from tests.unit.restore_kit import draft
from tests.unit.warrant_kit import LIBRARY, Case


@pytest.fixture
def order(records: Records) -> Order:
    """Six items: produced, the letter under seal (1, 2); under way (3); in quarantine (4); planned (5, 6)."""
    order = receive(records, draft("A-1", 6), "ada")
    for number, state in {
        "000001": ItemState.PRODUCED,
        "000002": ItemState.PRODUCED,
        "000003": None,
        "000004": ItemState.QUARANTINED,
    }.items():
        begin(records, number)
        if state is not None:
            end(records, number, state)
    return order


def begin(records: Records, number: str) -> None:
    item = items.item(records, number)
    with records.transaction():
        items.begin_item(records, item, "piv-1", "piv", f"serial-{number}")
        log(records, Event("item.begun", "ada", item=number, seat="piv-1", token=f"serial-{number}"))


def end(records: Records, number: str, state: ItemState) -> None:
    item = items.item(records, number)
    with records.transaction():
        items.end_item(records, item.id, state)
        if state is ItemState.PRODUCED:
            letters.add(records, number, item.id)
        else:
            quarantine.enter(records, item.id, put_by="ada", cause=Cause.OTHER, step=None, reason="broken")
        log(records, Event(f"item.{state}", "ada", item=number, token=f"serial-{number}"))


def print_letter(records: Records, number: str, *states: LetterState) -> None:
    for state in states:
        with records.transaction():
            letters.set_state(records, number, state, printer="device", operator="carl")
            log(records, Event(f"letter.{state}", "carl", item=number, detail={"printer": "device"}))


@pytest.fixture
def backup(records: Records, order: Order, tmp_path: Path) -> Iterator[Records]:
    """The records as they were, restored; what is done with `records` after this is what was lost."""
    copy(records, tmp_path / "copy.db")
    with closing(Records(tmp_path / "copy.db", beside=tmp_path / "new" / "station.db")) as backup:
        (tmp_path / "new").mkdir()
        with backup.transaction():
            restores.add(backup, operator="ada", made_at=now(), entries=1, ledger=True, ca=True)
            log(backup, Event(RESTORED, "ada"))
        yield backup


def of_ledger(backup: Records, records: Records, *, complete: bool = True) -> Evidence:
    return Evidence(afterwards(backup, records.ledger.path), complete)


def found(backup: Records, evidence: Evidence) -> Found:
    return reconcile(backup, evidence, "ada", lambda layout: "piv")


def states(records: Records) -> dict[str, str]:
    return {item.mailer_number: str(item.state) for item in items.items(records)}


def letter_states(records: Records) -> dict[str, str]:
    return {letter.mailer_number: str(letter.state) for letter in letters.letters(records)}


def test_what_the_ledger_tells_of_is_set_aside_and_what_it_does_not_goes_on(
    records: Records, backup: Records
) -> None:
    begin(records, "000005")
    end(records, "000005", ItemState.PRODUCED)
    print_letter(records, "000005", LetterState.PRINTING)
    print_letter(records, "000001", LetterState.PRINTING, LetterState.PRINTED)
    result = found(backup, of_ledger(backup, records))
    assert states(backup) == {
        "000001": "produced",
        "000002": "produced",
        "000003": "quarantined",
        "000004": "quarantined",
        "000005": "quarantined",
        "000006": "planned",
    }
    assert letter_states(backup) == {"000001": "printed", "000002": "sealed", "000005": "unknown"}
    assert "under way when the backup was made" in result.tokens["000003"]
    again = items.item(backup, "000005")
    assert again.token_serial == "serial-000005"
    stay = quarantine.last_stay(backup, again.id)
    assert stay is not None
    assert stay.cause is Cause.RESTORED
    assert "resume" not in ways(backup, again, stay)


def test_what_went_on_from_quarantine_after_the_backup_is_not_resumed_again(
    records: Records, backup: Records
) -> None:
    with records.transaction():
        log(records, Event("item.resumed", "ada", item="000004"))
    found(backup, of_ledger(backup, records))
    stays = quarantine.stays(backup, items.item(backup, "000004").id)
    assert [stay.cause for stay in stays] == [Cause.OTHER, Cause.RESTORED]


def test_without_a_whole_ledger_letters_are_doubted_and_numbers_passed_over(
    records: Records, backup: Records
) -> None:
    found(backup, Evidence(certified={}))
    assert letter_states(backup) == {"000001": "unknown", "000002": "unknown"}
    new = receive(backup, draft("A-9", 1), "ada")
    assert [item.id for item in items.items(backup, new)] == [6 + MAILERS_LEFT_OUT + 1]
    assert int(new.number[5:]) > 1000


def test_orders_come_back_under_their_numbers_and_as_they_were_decided(
    records: Records, backup: Records
) -> None:
    lost = receive(records, draft("A-2", 2), "ada")
    rejected = receive(records, draft("A-3", 1), "ada")
    reject(records, rejected.number, "bob", "twice")
    result = found(backup, of_ledger(backup, records))
    assert result.orders == [lost.number, rejected.number]
    assert orders.order(backup, lost.number).state is OrderState.RECEIVED
    again = orders.order(backup, rejected.number)
    assert (again.state, again.decided_by, again.reason) == (OrderState.REJECTED, "bob", "twice")
    assert [item.id for item in items.items(backup, receive(backup, draft("A-4", 1), "ada"))] == [10]
    agreement = Agreement()
    for entry in audit.entries(backup):
        agreement.hear(json.loads(entry.body))
    assert not [one for one in agreement.findings(backup) if lost.number in one.what]


def test_what_a_person_saw_is_enough_where_nothing_else_tells(records: Records, backup: Records) -> None:
    with pytest.raises(Refused, match="--made"):
        found(backup, Evidence())
    assert restores.open_restore(backup) is not None
    result = found(backup, Evidence(seen={"000006", "000031"}))
    assert states(backup)["000006"] == "quarantined"
    assert states(backup)["000005"] == "planned"
    assert result.strangers == ["000031"]
    assert restores.open_restore(backup) is None
    with pytest.raises(Refused, match="reconciled"):
        found(backup, Evidence(seen={}))


def test_a_ledger_that_misses_what_the_ca_or_the_bench_knows_is_not_whole(
    records: Records, backup: Records
) -> None:
    def gathered(certified: Mapping[str, list[Issued]], resumable: set[str]) -> bool:
        return Evidence.gathered(
            backup, (), complete=True, certified=certified, resumable=resumable, seen=None
        ).complete

    issued = [Issued("authentication", "9a", 1, b"certificate")]
    assert gathered({}, {"000003", "000004"})
    assert not gathered({"000005": issued}, set())
    assert not gathered({}, {"000006"})
    assert not gathered({"000099": issued}, set())


def test_the_ca_is_asked_for_unfinished_items_and_beyond_the_last_number(
    records: Records, backup: Records
) -> None:
    known = {"000005/authentication/2": b"five", "000007/authentication/1": b"seven"}
    told = certified(backup, known.get, lambda layout: {"authentication": "9a"})
    assert {number: [one.generation for one in issued] for number, issued in told.items()} == {
        "000005": [2],
        "000007": [1],
    }
    found(backup, Evidence(certified=told))
    (key,) = journal.keys(backup, items.item(backup, "000005").id).values()
    assert (key.generations, key.certificate) == (2, b"five")


def spoil(records: Records, number: str, how: str) -> None:
    """As another restore of these records had it done: the item was in quarantine there."""
    with records.transaction():
        log(records, Event("item.quarantined", "ada", item=number, token=f"serial-{number}"))
        log(
            records,
            Event("item.spoiled", "ada", item=number, token=f"serial-{number}", detail={"how": how}),
        )


def disagreements(records: Records) -> list[str]:
    agreement = Agreement()
    for entry in audit.entries(records):
        agreement.hear(json.loads(entry.body))
    return [one.what for one in agreement.findings(records) if one.what.startswith("token")]


def test_what_was_produced_and_is_spoiled_after_the_backup_is_produced_no_more(
    records: Records, backup: Records
) -> None:
    print_letter(records, "000002", LetterState.PRINTING)
    spoil(records, "000001", "destroyed")
    with records.transaction():
        log(records, Event("item.quarantined", "ada", item="000002"))
    result = found(backup, of_ledger(backup, records))
    assert {number: states(backup)[number] for number in ("000001", "000002")} == {
        "000001": "quarantined",
        "000002": "quarantined",
    }
    assert letter_states(backup) == {"000001": "void", "000002": "unknown"}
    assert "spoiled (destroyed)" in result.tokens["000001"]
    stay = quarantine.last_stay(backup, items.item(backup, "000001").id)
    assert stay is not None
    assert stay.cause is Cause.RESTORED
    assert disagreements(backup) == []


def test_its_letter_is_in_doubt_where_the_ledger_is_not_whole(records: Records, backup: Records) -> None:
    spoil(records, "000001", "destroyed")
    reconcile(backup, replace(of_ledger(backup, records, complete=False), seen=set()), "ada", lambda _: "piv")
    assert states(backup)["000001"] == "quarantined"
    assert letter_states(backup)["000001"] == "unknown"


def test_a_letter_no_printer_took_is_withheld_where_its_token_is_set_aside(
    records: Records, backup: Records
) -> None:
    begin(records, "000005")
    end(records, "000005", ItemState.PRODUCED)
    print_letter(records, "000005", LetterState.PRINTING, LetterState.SEALED)
    found(backup, of_ledger(backup, records))
    assert letter_states(backup)["000005"] == "void"


@pytest.mark.parametrize("first", ["000002", "000006"])
def test_a_token_that_was_reset_and_begun_again_belongs_to_one_item(
    records: Records, backup: Records, first: str
) -> None:
    """Produced in the backup or planned in it, and of a lower or a higher number than the other item."""
    serial = f"serial-{first}"
    if first == "000006":
        begin(records, first)
    spoil(records, first, "reset")
    with records.transaction():
        log(records, Event("item.begun", "ada", item="000005", seat="piv-1", token=serial))
    result = found(backup, of_ledger(backup, records))
    owner = items.item_of_token(backup, "piv", serial)
    assert owner is not None
    assert owner.mailer_number == "000005"
    before = items.item(backup, first)
    assert (before.token_serial, before.token_free) == (serial, True)
    assert "begun for another item" in result.tokens[first]
    stay = quarantine.last_stay(backup, before.id)
    assert stay is not None
    assert [str(way) for way in ways(backup, before, stay)] == ["destroy", "write-off"]
    seat = Seat("piv-1", "piv", {}, cast(Feeder, None))
    with pytest.raises(Refused, match="another item's"):
        resettable(before, seat, cast(Held, None))


def test_nothing_but_a_restore_undoes_what_was_produced(records: Records, order: Order) -> None:
    item = items.item(records, "000001")
    with pytest.raises(Transition, match="final"), records.transaction():
        set_aside(records, item, Cause.OTHER, "why", "ada")
    assert items.item(records, "000001").state is ItemState.PRODUCED


@pytest.mark.parametrize("cause", ["restored", "other"])
def test_the_log_must_tell_that_a_restore_undid_what_was_produced(
    records: Records, order: Order, cause: str
) -> None:
    """An item that somebody with the disk made quarantined, or left produced, is told."""
    before = disagreements(records)
    with records.transaction():
        log(records, Event("item.quarantined", "ada", item="000001", detail={"cause": cause}))
    left = [one for one in disagreements(records) if one not in before]
    assert bool([one for one in left if "000001 is produced, but was set aside" in one]) is (
        cause == "restored"
    )
    with records.transaction():
        items.end_item(records, items.item(records, "000001").id, ItemState.QUARANTINED)
        log(records, Event("something.else", "ada"))
    left = [one for one in disagreements(records) if one not in before]
    assert bool([one for one in left if "000001 is quarantined, but was produced" in one]) is (
        cause == "other"
    )


class Desk:
    """A desk whose CA knows some certificates by transaction; a real one is asked on the bench."""

    def __init__(self, issued: Mapping[str, bytes]) -> None:
        self._issued = issued

    @contextmanager
    def authority(self) -> Iterator[Desk]:
        yield self

    def ask(self, method: str, transaction: str, timeout: float) -> bytes | None:
        assert method == "find"
        return self._issued.get(transaction)

    def key_slots(self, layout: str | None) -> Mapping[str, str]:
        return {"authentication": "9a"}


def test_a_ca_whose_records_came_with_the_backup_tells_what_it_knows_and_no_more(
    records: Records, backup: Records
) -> None:
    again(backup, ledger=False, ca=False)
    issued = {"000005": [Issued("authentication", "9a", 1, b"five")]}
    with pytest.raises(Refused, match="--made"):
        found(backup, Evidence(certified=issued))
    restored = restores.open_restore(backup)
    evidence = _evidence(Desk({"000005/authentication/1": b"five"}), backup, restored, (), set(), ("bench",))  # type: ignore[arg-type]
    assert evidence.certified == issued
    found(backup, evidence)
    assert states(backup)["000005"] == "quarantined"
    assert states(backup)["000006"] == "planned"


def again(backup: Records, *, ledger: bool, ca: bool) -> None:
    with backup.transaction():
        restores.add(backup, operator="ada", made_at=now(), entries=7, ledger=ledger, ca=ca)
        log(backup, Event(RESTORED, "ada"))


@pytest.mark.parametrize("worst_first", [True, False])
def test_a_restore_that_was_open_when_the_backup_was_made_counts_too(
    records: Records, order: Order, worst_first: bool
) -> None:
    """The CA's records that are there are those of the first backup, however they got there."""
    again(records, ledger=not worst_first, ca=not worst_first)
    again(records, ledger=worst_first, ca=worst_first)
    restored = restores.open_restore(records)
    assert restored is not None
    assert (restored.ledger, restored.ca) == (False, False)
    with pytest.raises(Refused, match="--made"):
        found(records, Evidence(certified={}))
    found(records, Evidence(seen=set()))
    again(records, ledger=True, ca=True)
    restored = restores.open_restore(records)
    assert restored is not None
    assert restored.ca


def test_letters_and_forms_are_where_the_ledger_tells_they_went(records: Records, backup: Records) -> None:
    forms_to = (FormNumber.read("A-001"), FormNumber.read("A-050"))
    stock.receive(records, "device", *forms_to, "carl", "note 7")
    print_letter(records, "000001", LetterState.PRINTING, LetterState.PRINTED)
    print_letter(records, "000002", LetterState.PRINTING, LetterState.PRINTED)
    seen = [Seen("000001", FormNumber.read("A-001")), Seen("000002", FormNumber.read("A-003"))]
    confirm(records, seen, "carl", numbered=True)
    stock.spoil(records, [FormNumber.read("A-002")], "carl", "double feed")
    with records.transaction():
        letters.set_state(records, "000001", LetterState.SENT, printer="device", operator="dora")
        letters.post(records, "000001", by="dora", how="post", reference="3SABC")
        forms.set_state(records, FormNumber.read("A-001"), FormState.MAILED, operator="dora")
        detail = {"how": "post", "reference": "3SABC"}
        log(records, Event("letter.sent", "dora", item="000001", detail=detail))
    accounting.lose(records, "000002", "carl", "not in the safe")

    found(backup, of_ledger(backup, records))

    assert letter_states(backup) == {"000001": "sent", "000002": "lost"}
    assert str(forms.balance(backup)) == str(forms.balance(records))
    lost = forms.of_letter(backup, "000002")
    assert lost is not None
    assert (str(lost.number), lost.state) == ("A-003", FormState.MISSING)
    (posted,) = letters.postings(backup, "000001")
    assert (posted.sent_by, posted.how, posted.reference) == ("dora", "post", "3SABC")
    assert not [one for one in verify(backup).findings if one.more.startswith(("letter", "form"))]
    with pytest.raises(Refused, match="were received on"):
        stock.receive(backup, "device", *forms_to, "carl")


def test_a_letter_that_two_officers_have_printed_again_stays_so_and_counts(tmp_path: Path) -> None:
    case = Case.make(tmp_path)
    with closing(case.records):
        finish(case.records, case.order)
        with case.records.transaction():
            for state in (LifeState.DISPATCHED, LifeState.ACKNOWLEDGED):
                lives.set_state(case.records, 1, state)
            log(case.records, Event("token.acknowledged", "emil", item="000001"))
        print_letter(case.records, "000001", LetterState.PRINTING, LetterState.PRINTED)
        accounting.spoil(case.records, "000001", "carl", "torn")
        copy(case.records, tmp_path / "copy.db")
        (tmp_path / "new").mkdir()
        for officer in (case.people.pin, case.people.pin2):
            reprint(case.records, "000001", officer, LIBRARY.token, "torn")
        with closing(Records(tmp_path / "copy.db", beside=tmp_path / "new" / "station.db")) as backup:
            with backup.transaction():
                restores.add(backup, operator="ada", made_at=now(), entries=1, ledger=True, ca=True)
                log(backup, Event(RESTORED, "ada"))
            found(backup, of_ledger(backup, case.records))
            assert letter_states(backup)["000001"] == "sealed"
            assert len(reprints(backup, "000001")) == 1
