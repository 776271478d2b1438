"""Every certificate is listed with how it stands, and is found by what is known of it."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from batch.audit.log import log
from batch.model.events import Event
from batch.store import journal, revocations
from batch.store.certificate_list import (
    CertificateState,
    CertificatesWanted,
    ListedCertificate,
    certificates,
)
from batch.store.clock import now
from batch.store.database import Records
from station.exit_codes import ExitCode
from tests.unit.certificate_kit import TEMPLATE
from tests.unit.cli import Cli
from tests.unit.finished_kit import finished
from tests.unit.restore_kit import home_of

NOW = now()
END = TEMPLATE.not_after


def found(
    records: Records, wanted: CertificatesWanted | None = None, at: datetime = NOW
) -> list[ListedCertificate]:
    return list(certificates(records, wanted or CertificatesWanted(), at))


def revoke(records: Records, item_id: int, outcome: str | None, request: str = "r") -> None:
    key = journal.keys(records, item_id)["authentication"]
    with records.transaction():
        revocations.ask(
            records, f"{request}{item_id}", item_id, key.certificate, reason="keyCompromise", by="rita"
        )
        if outcome is not None:
            revocations.settle(records, f"{request}{item_id}", outcome)
        log(records, Event("test", "rita"))


@pytest.fixture
def stocked(records: Records) -> Records:
    """Five certificates: valid, to be revoked, revoked, refused by the CA, and one of another order."""
    finished(records, 4)
    finished(records, 1, "MVV-2", group="Binnenhavens")
    revoke(records, 2, None)
    revoke(records, 3, "revoked 3eb")
    revoke(records, 4, "refused: not ours")
    return records


def test_each_certificate_stands_as_the_ca_answered(stocked: Records) -> None:
    assert [(one.number, one.state) for one in found(stocked)] == [
        ("000001", CertificateState.VALID),
        ("000002", CertificateState.PENDING),
        ("000003", CertificateState.REVOKED),
        ("000004", CertificateState.REFUSED),
        ("000005", CertificateState.VALID),
    ]
    later = END + timedelta(days=1)
    assert [one.state for one in found(stocked, at=later)] == [
        CertificateState.EXPIRED,
        CertificateState.PENDING,
        CertificateState.REVOKED,
        CertificateState.REFUSED,
        CertificateState.EXPIRED,
    ]


def test_of_several_requests_the_one_the_ca_carried_out_counts(stocked: Records) -> None:
    revoke(stocked, 4, "revoked 3ec", request="again")
    assert found(stocked, CertificatesWanted(item_id=4))[0].state is CertificateState.REVOKED


def test_certificates_are_found_by_what_is_known_of_them(stocked: Records) -> None:
    def numbers(wanted: CertificatesWanted, at: datetime = NOW) -> list[str]:
        return [one.number for one in found(stocked, wanted, at)]

    assert numbers(CertificatesWanted(order_id=2)) == ["000005"]
    assert numbers(CertificatesWanted(item_id=3)) == ["000003"]
    assert len(numbers(CertificatesWanted(subscriber="ministerie"))) == 5
    assert numbers(CertificatesWanted(subscriber="NTRNL-1")) == []
    for state in CertificateState:
        expected = [one.number for one in found(stocked) if one.state is state]
        assert numbers(CertificatesWanted(state=state)) == expected
    assert numbers(CertificatesWanted(state=CertificateState.EXPIRED), END + timedelta(1)) == [
        "000001",
        "000005",
    ]
    soon = END - timedelta(days=30)
    assert len(numbers(CertificatesWanted(ends_since=soon, ends_until=soon + timedelta(days=60)))) == 5
    assert numbers(CertificatesWanted(ends_since=soon, ends_until=soon + timedelta(days=20))) == []


def test_a_key_that_was_put_aside_is_listed_as_such(stocked: Records) -> None:
    with stocked.transaction():
        stocked.write(
            "INSERT INTO former_keys (item_id, name, renewal_id, slot, public_key, certificate, not_after, "
            "put_aside_at) VALUES (1, 'authentication', 1, '82', x'00', x'3000', '2026-01-01', '2026-01-01')"
        )
        log(stocked, Event("test", "rita"))
    told = [(one.key, one.slot, one.former, one.state) for one in found(stocked) if one.number == "000001"]
    assert told == [
        ("authentication", "01", False, CertificateState.VALID),
        ("authentication", "82", True, CertificateState.EXPIRED),
    ]


def test_the_command_lists_certificates(tmp_path: Path, cli: Cli) -> None:
    home = home_of(tmp_path / "home")
    with closing(Records(home.records)) as records:
        finished(records, 2)
    there = ("--home", str(home.path))
    done = cli("certificate", "list", "--token", "000004", "--on", "2028-01-01", "--json", *there)
    assert done.code == ExitCode.OK, done.err
    (one,) = json.loads(done.out)
    assert one["subject"] == "CN=Zeehavens"
    assert (one["until"], one["days"], one["state"]) == (END.date().isoformat(), 689, "valid")
    assert len(one["sha256"]) == 64
    ends = ("--on", (END - timedelta(days=30)).date().isoformat(), "--csv")
    assert len(cli("certificate", "list", "--expiring", "60d", *ends, *there).out.splitlines()) == 3
    assert len(cli("certificate", "list", "--expiring", "20d", *ends, *there).out.splitlines()) == 1
    assert cli("certificate", "list", "--expiring", "soon", *there).code == ExitCode.USAGE
    assert cli("certificate", "list", "--state", "good", *there).code == ExitCode.USAGE
