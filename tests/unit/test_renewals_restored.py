"""Renewals after a restore: what was given out for good after the backup is neither lost nor given again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from batch.audit.log import log
from batch.life.renewal import renewing, vouchers
from batch.model.errors import Refused
from batch.model.events import Event
from batch.model.renewals import RenewalKey
from batch.people.acting import register_of
from batch.people.separation import Act
from batch.people.statements import read as read_statement
from batch.production.parcels_back import leave_out_numbers
from batch.production.renewals_back import take_renewals_back
from batch.production.revocation import ask_for
from batch.store import forgetting, journal, renewals, revocations, statements
from batch.store import vouchers as stored
from batch.store.clock import now
from batch.store.database import Records
from batch.store.ledger import Line, read
from drivers.authorities.port import Reason
from tests.unit.certificate_kit import certificate
from tests.unit.renewal_kit import Desk

CODE = b"code\nAAAA-BBBB-CCCC\n"
NEW = certificate(serial=77)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk.make(tmp_path)
    with closing(made.records):
        vouchers.take(made.records, CODE, source="v.csv", batch="1", who=made.officer)
        yield made


def backed_up(desk: Desk, path: Path) -> Records:
    """Records as a backup of this moment holds them."""
    path.mkdir()
    desk.records.db.execute("VACUUM INTO ?", [str(path / "station.db")])
    return Records(path / "station.db")


def renewed(desk: Desk) -> None:
    """A renewal that was paid by a voucher, and made up to its first key."""
    renewal = desk.approved()
    renewing.pay(
        desk.records, renewal.number, desk.officer, voucher="AAAABBBBCCCC", paid=None, on=date(2029, 10, 15)
    )
    key = RenewalKey(renewal.id, "authentication", "01", "0102", "01", now(), 2, b"spki", "{}", b"csr", NEW)
    with desk.records.transaction():
        renewals.add_key(desk.records, key)
        told = {"key": key.name, "generation": 2}
        renewing.tell(desk.records, "renewal.key-reserved", "pia", renewal, told)
    with desk.records.transaction():
        renewals.take_place(desk.records, renewal, key, "0102", "01")
        kept = {"renewed": renewals.whole_key(desk.records, renewal, key.name)}
        detail = {**told, "certificates": {}}
        renewing.tell(desk.records, "renewal.key-replaced", "pia", renewal, detail, kept)


def since(desk: Desk, records: Records) -> list[Line]:
    """What the ledger tells of the time after a backup."""
    (last,) = records.rows("SELECT max(sequence) FROM audit")
    return [line for line in read(desk.case.path.parent / "ledger.jsonl") if line.sequence > last[0]]


def test_a_key_that_took_its_place_has_it_and_the_old_one_is_a_former_key(desk: Desk, tmp_path: Path) -> None:
    with closing(backed_up(desk, tmp_path / "backup")) as restored:
        before = journal.keys(restored, 1)["authentication"]
        renewed(desk)
        lines = since(desk, restored)
        for _ in range(2):
            with restored.transaction():
                take_renewals_back(restored, lines, "ada")
                log(restored, Event("records.reconciled", "ada"))
        assert journal.keys(restored, 1) == journal.keys(desk.records, 1)
        (former,) = renewals.former_keys(restored, 1)
        assert (former.slot, former.certificate) == ("01", before.certificate)


def test_what_was_signed_for_a_renewal_is_kept_in_the_ledger(desk: Desk, tmp_path: Path) -> None:
    with closing(backed_up(desk, tmp_path / "backup")) as restored:
        renewed(desk)
        kept = [
            line.kept["statement"] for line in since(desk, restored) if line.kept and "statement" in line.kept
        ]
        with restored.transaction():
            for one in kept:
                statements.take_back(restored, one)
            log(restored, Event("records.reconciled", "ada"))
        for act in (Act.RENEW, Act.APPROVE_RENEWAL):
            (signed,) = statements.of_subject(restored, act, "R-000001")
            register_of(restored).check_signatures(signed, read_statement(signed))
            assert b"Verzonnenlaan" not in signed.text


def test_neither_number_nor_request_nor_voucher_is_given_again(desk: Desk, tmp_path: Path) -> None:
    with closing(backed_up(desk, tmp_path / "backup")) as restored:
        renewed(desk)
        lines = since(desk, restored)
        with restored.transaction():
            take_renewals_back(restored, lines, "ada")
            leave_out_numbers(restored, lines, 0)
            log(restored, Event("records.reconciled", "ada"))
        assert renewals.next_generation(restored, 1, "authentication") == 3
        assert [one.left for one in stored.vouchers(restored)] == [0]
        there = Desk(desk.case.__class__(**{**vars(desk.case), "records": restored}), desk.layout)
        second = there.start(1)
        assert second.number == "R-000002"
        with pytest.raises(Refused, match="the voucher was spent"):
            renewing.pay(
                restored,
                second.number,
                desk.officer,
                voucher="AAAABBBBCCCC",
                paid=None,
                on=date(2029, 10, 15),
            )


def test_all_that_was_ever_asked_of_the_ca_for_a_token_is_revoked_with_it(desk: Desk) -> None:
    """A key of a renewal under way, or cancelled, as well as the one in use."""
    renewed(desk)
    renewal = renewals.renewal(desk.records, "R-000001")
    with desk.records.transaction():
        more = RenewalKey(renewal.id, "confidentiality", "02", "0202", "02", now(), 2)
        renewals.add_key(desk.records, more)
        ask_for(desk.records, desk.item(), Reason.KEY_COMPROMISE, "rev")
        log(desk.records, Event("revocation.ordered", "rev"))
    asked = {one.request: one.certificate for one in revocations.of_item(desk.records, 1)}
    assert asked.keys() == {
        f"000001/{name}/{at}" for name in ("authentication", "confidentiality") for at in (1, 2)
    }
    assert asked["000001/authentication/2"] == NEW


def test_what_a_renewal_tells_of_persons_is_forgotten_with_its_token(desk: Desk) -> None:
    renewal = desk.held(desk.start(1), address_2="Geheimlaan 1")
    renewed(desk)
    with desk.records.transaction():
        for at in range(2):
            forgetting.forget_item(desk.records, desk.item(at), "digest")
        log(desk.records, Event("order.forgotten", "ada"))
    assert renewals.renewal(desk.records, renewal.number).changes == {}
    assert [one.certificate for one in renewals.former_keys(desk.records, 1)] == [None]
    held = desk.records.rows(
        "SELECT count(*) FROM renewal_keys WHERE certificate IS NOT NULL OR csr IS NOT NULL"
    )
    assert held == [(0,)]
