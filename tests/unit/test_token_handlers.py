"""Who had a token in hand has no letter of it: nobody takes their name off the records unnoticed (R1)."""

from __future__ import annotations

from pathlib import Path

from batch.audit.log import log
from batch.audit.verification import verify
from batch.model.events import Event
from batch.store.database import Records
from tests.unit.dispatch_kit import ready, sent


def test_the_log_finds_out_who_takes_their_name_off_a_token(tmp_path: Path) -> None:
    records = Records.create(tmp_path / "station.db")
    sent(records, ready(records, 1), by="Dirk")
    before = {one.what for one in verify(records).findings}
    assert not [one for one in before if "in hand" in one]
    with records.transaction():
        records.write("DELETE FROM token_handlers")
        log(records, Event("prepared", "dirk"))
    (found,) = {one.what for one in verify(records).findings} - before
    assert found == "dirk had token 000001 in hand, as the log tells, but not on record"
