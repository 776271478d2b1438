"""A log that nobody looked after for 31 days is told of (R38)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from batch.audit import checkpoints
from batch.audit.care import neglected
from batch.audit.checkpoints import Signer
from batch.audit.log import log
from batch.audit.verification import note_verified, verify
from batch.model.events import Event
from batch.store.clock import now
from batch.store.database import Records
from tests.unit.tampering import Tamper


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with closing(Records.create(tmp_path / "station.db")) as records:
        with records.transaction():
            log(records, Event("station.made", "ada"))
        yield records


def told(records: Records, when: datetime) -> list[str]:
    return [what for what, _ in neglected(records, when)]


def test_a_new_log_has_31_days_and_then_both_are_missed(records: Records) -> None:
    assert told(records, now() + timedelta(days=30)) == []
    assert told(records, now() + timedelta(days=32)) == ["not verified yet", "not signed in a checkpoint yet"]


def test_what_was_done_counts_from_then_on(records: Records) -> None:
    private = Ed25519PrivateKey.generate()
    signer = Signer(private.public_key().public_bytes_raw(), private.sign)
    checkpoints.make(records, signer, origin="desk/audit", operator="ada")
    note_verified(records, verify(records), "ada")
    assert told(records, now() + timedelta(days=30)) == []
    late = now() + timedelta(days=33, seconds=1)
    assert told(records, late) == ["not verified for 33 days", "not signed in a checkpoint for 33 days"]


def test_a_log_whose_beginning_was_changed_is_missed_at_once(records: Records) -> None:
    with Tamper(records.path) as tamper:
        tamper.bodies[0] = '{"n":1,"at":"in the beginning"}'
    assert told(records, now()) == ["not verified yet", "not signed in a checkpoint yet"]
