"""What operators signed after a backup is on record again once a restored desk is reconciled."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from batch.audit.afterwards import RESTORED, afterwards
from batch.audit.log import log
from batch.model.events import Event
from batch.model.people import Role
from batch.orders.decisions import receive
from batch.people.evidence import received_of
from batch.people.operators import enrol
from batch.people.register import REGISTER_ACTS, replay
from batch.production.reconciliation import Evidence, reconcile
from batch.store import orders, restores, statements
from batch.store.clock import now
from batch.store.copying import copy
from batch.store.database import Records
from tests.unit.people_kit import actor
from tests.unit.warrant_kit import Case, draft


def test_operators_and_orders_that_came_after_the_backup_are_vouched_for_again(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    case = Case.make(tmp_path, "Zeehavens")
    copy(case.records, tmp_path / "copy.db")
    newcomer = actor("nia", Role.AUDITOR)
    for administrator in case.people.administrators:
        enrol(case.records, administrator, newcomer.operator, anchor=case.anchors)
    lost = receive(case.records, draft("W-2", "Bruggen"), case.people.officer)
    with (
        closing(case.records),
        closing(Records(tmp_path / "copy.db", beside=tmp_path / "new" / "station.db")) as restored,
    ):
        with restored.transaction():
            restores.add(restored, operator="ann", made_at=now(), entries=1, ledger=True, ca=True)
            log(restored, Event(RESTORED, "ann"))

        reconcile(
            restored,
            Evidence(afterwards(restored, case.records.ledger.path), True),
            "ann",
            lambda _: "pkcs11",
        )

        register = replay(statements.chain(restored, *REGISTER_ACTS), case.trust)
        assert register.operator("nia").roles == {Role.AUDITOR}
        assert received_of(restored, orders.order(restored, lost.number)) == received_of(case.records, lost)
