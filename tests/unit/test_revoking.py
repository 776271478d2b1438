"""Without its revocation code a token is revoked where two revocation officers sign for it (R22, R23)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from batch.audit.log import log
from batch.audit.verification import verify
from batch.model.errors import Refused
from batch.model.events import Event
from batch.model.people import Role
from batch.model.states import ItemState
from batch.people.acting import Actor
from batch.people.operators import enrol
from batch.people.statements import read
from batch.production.revoking import Ground, revoke, take_back
from batch.store import items, journal, revocations, statements
from batch.store.copying import copy
from batch.store.database import Records
from drivers.authorities.port import Reason
from tests.unit.people_kit import actor, as_known
from tests.unit.registry_kit import certificate, der
from tests.unit.warrant_kit import Case

NUMBER, PLANNED = "000001", "000002"
REQUEST = Ground.request(b"a signed request")


@dataclass(frozen=True)
class Desk:
    """A desk whose first token is produced, and its revocation officers."""

    case: Case
    officers: tuple[Actor, Actor]

    @property
    def records(self) -> Records:
        return self.case.records

    def waiting(self) -> list[tuple[str, str]]:
        return [(one.request, one.reason) for one in revocations.waiting(self.records)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    case = Case.make(tmp_path)
    with closing(case.records) as records:
        found = [actor(name, Role.REVOCATION_OFFICER) for name in ("rob", "ria")]
        for one in found:
            for administrator in case.people.administrators:
                enrol(records, administrator, one.operator, anchor=case.anchors)
        item = items.item(records, NUMBER)
        with records.transaction():
            items.begin_item(records, item, "usb-1", "pkcs11", "123")
            journal.add_key(records, item.id, "signing", "01")
            journal.set_generated(records, item.id, "signing", b"public", "{}")
            journal.set_certificate(records, item.id, "signing", der(certificate()))
            items.end_item(records, item.id, ItemState.PRODUCED)
            log(records, Event("item.produced", "pia", item=NUMBER))
        rob, ria = (as_known(records, one) for one in found)
        yield Desk(case, (rob, ria))


def test_nothing_is_revoked_before_a_second_officer_signed_the_same(desk: Desk) -> None:
    rob, ria = desk.officers
    begun = revoke(desk.records, NUMBER, rob, Reason.KEY_COMPROMISE, REQUEST)
    assert not begun.complete
    assert desk.waiting() == []
    with pytest.raises(Refused, match="rob signed it already"):
        revoke(desk.records, NUMBER, rob)
    assert not revoke(desk.records, NUMBER, ria, Reason.SUPERSEDED).complete  # is not the same
    assert desk.waiting() == []

    done = revoke(desk.records, NUMBER, rob)
    assert done.complete
    assert desk.waiting() == [(f"{NUMBER}/signing/1", "superseded")]
    about = read(done.signed).about
    assert (about["item"], about["reason"]) == (NUMBER, "superseded")
    assert set(about["certificates"]) == {"signing"}
    assert about["request"] == REQUEST.value
    with pytest.raises(Refused, match="to be revoked already"):
        revoke(desk.records, NUMBER, ria, Reason.KEY_COMPROMISE)


def test_nobody_else_revokes_nor_anything_that_is_not_finished_nor_without_a_reason(desk: Desk) -> None:
    rob, _ = desk.officers
    with pytest.raises(Refused, match="is no revocation officer"):
        revoke(desk.records, NUMBER, desk.case.people.both, Reason.KEY_COMPROMISE, REQUEST)
    with pytest.raises(Refused, match="it is planned"):
        revoke(desk.records, PLANNED, rob, Reason.KEY_COMPROMISE)
    with pytest.raises(Refused, match="no reason"):
        revoke(desk.records, NUMBER, rob)
    with pytest.raises(Refused, match="a signed request"):
        revoke(desk.records, NUMBER, rob, Reason.KEY_COMPROMISE)
    assert statements.waiting(desk.records) == []


def test_what_was_signed_after_a_backup_is_asked_of_the_ca_again(desk: Desk, tmp_path: Path) -> None:
    copy(desk.records, tmp_path / "copy.db")
    for officer in desk.officers:
        done = revoke(desk.records, NUMBER, officer, Reason.KEY_COMPROMISE, REQUEST)
    kept = statements.whole(desk.records, done.digest)
    with closing(Records(tmp_path / "copy.db")) as restored:
        with restored.transaction():
            statements.take_back(restored, kept)
            take_back(restored, kept, "ann")
            log(restored, Event("restored", "ann"))
        assert [one.request for one in revocations.waiting(restored)] == [f"{NUMBER}/signing/1"]


def test_the_log_tells_who_had_it_revoked_and_why(desk: Desk) -> None:
    for officer in desk.officers:
        revoke(desk.records, NUMBER, officer, Reason.KEY_COMPROMISE, REQUEST)
    said = [
        body
        for (body,) in desk.records.rows("SELECT body FROM audit ORDER BY sequence")
        if "revocation.ordered" in body
    ]
    assert len(said) == 2
    assert '"officers":["rob","ria"]' in said[1]
    assert '"reason":"keyCompromise"' in said[1]
    assert REQUEST.value in said[1]
    assert not [one for one in verify(desk.records).findings if "revo" in one.what]
