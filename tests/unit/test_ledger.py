"""The ledger: on disk before what it tells, whole after a crash, kept elsewhere too."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from batch.audit.afterwards import afterwards, reaches_back
from batch.audit.log import log
from batch.model.errors import RecordsShut
from batch.model.events import Event
from batch.store import audit, ledger
from batch.store.copying import copy
from batch.store.database import Records


def write(records: Records, *names: str) -> None:
    with records.transaction():
        log(records, *(Event(name, "ada", item="000001") for name in names))


def fail_after_logging(records: Records) -> None:
    with records.transaction():
        log(records, Event("never", "ada"))
        raise ZeroDivisionError


def fail_to_commit(records: Records) -> None:
    """What a full disk does between the ledger and the commit."""
    with records.transaction():
        log(records, Event("letter.printing", "ada", item="000009"))
        records.ledger.append(records._lines)
        raise ZeroDivisionError


def events(path: Path) -> list[str]:
    return [line.event for line in ledger.read(path)]


def test_what_is_given_out_is_on_disk_before_it_is_on_record(records: Records) -> None:
    with pytest.raises(ZeroDivisionError):
        fail_after_logging(records)
    assert not records.ledger.path.exists()
    seen: list[list[str]] = []

    def at_commit(statement: str) -> None:
        if statement == "COMMIT":
            seen.append(events(records.ledger.path))

    records.db.conn.set_trace_callback(at_commit)
    write(records, "item.begun", "step.begun")
    assert seen == [["item.begun"]]


def test_a_ledger_that_cannot_be_written_stops_the_work(records: Records) -> None:
    records.ledger.path.mkdir()
    with pytest.raises(RecordsShut, match="ledger"):
        write(records, "item.begun")
    assert audit.head(records) is None
    write(records, "step.begun")


def test_the_half_line_of_a_killed_process_is_cut_off(records: Records) -> None:
    write(records, "one")
    with records.ledger.path.open("ab") as file:
        file.write(b'{"after":[1,"00')
    assert events(records.ledger.path) == ["one"]
    write(records, "two")
    assert events(records.ledger.path) == ["one", "two"]


def test_a_lost_ledger_is_made_again_from_the_records(records: Records) -> None:
    write(records, "one", "step.done", "two")
    lines = list(ledger.read(records.ledger.path))
    records.ledger.path.unlink()
    write(records, "three")
    again = list(ledger.read(records.ledger.path))
    assert [(line.sequence, line.hash) for line in again[:2]] == [
        (line.sequence, line.hash) for line in lines
    ]
    assert [line.event for line in again] == ["one", "two", "three"]


def test_copies_follow_wherever_they_lag_and_a_foreign_one_is_refused(path: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    with closing(Records(path)) as records:
        write(records, "one")
    with closing(Records(path, (first, second))) as records:
        write(records, "two")
        second.write_bytes(second.read_bytes().splitlines(keepends=True)[0] + b'{"half')
        write(records, "three")
    whole = path.with_name(ledger.NAME).read_bytes()
    assert first.read_bytes() == second.read_bytes() == whole
    assert first.stat().st_mode & 0o777 == 0o600
    second.write_bytes(b'{"of":"another"}\n')
    with closing(Records(path, (first, second))) as records, pytest.raises(RecordsShut, match="not of these"):
        write(records, "four")
    with closing(Records(path, (tmp_path / "no folder" / "x.jsonl",))) as records:
        with pytest.raises(RecordsShut):
            write(records, "four")
        assert [entry.sequence for entry in audit.entries(records)] == [1, 2, 3]


def test_after_a_backup_the_ledger_tells_what_it_lacks_and_not_what_never_was(
    records: Records, tmp_path: Path
) -> None:
    write(records, "before")
    copy(records, tmp_path / "copy.db")
    with closing(Records(tmp_path / "copy.db")) as backup:
        assert list(afterwards(backup, records.ledger.path)) == []
        with pytest.raises(ZeroDivisionError):
            fail_to_commit(records)
        write(records, "item.begun", "step.begun")
        write(records, "item.produced")
        assert [line.event for line in afterwards(backup, records.ledger.path)] == [
            "item.begun",
            "item.produced",
        ]
        assert reaches_back(backup, records.ledger.path, 1)


def test_tokens_begun_in_one_transaction_are_all_told_after_a_backup(
    records: Records, tmp_path: Path
) -> None:
    write(records, "before")
    copy(records, tmp_path / "copy.db")
    with records.transaction():
        for number in ("000001", "000002", "000003"):
            log(records, Event("item.begun", "ada", item=number), Event("step.begun", "ada", item=number))
    with closing(Records(tmp_path / "copy.db")) as backup:
        told = [line.facts["item"] for line in afterwards(backup, records.ledger.path)]
    assert told == ["000001", "000002", "000003"]


def test_what_an_earlier_reconciliation_took_care_of_is_not_told_again(
    records: Records, path: Path, tmp_path: Path
) -> None:
    write(records, "before")
    copy(records, tmp_path / "old.db")
    write(records, "item.begun")
    with closing(Records(tmp_path / "old.db", beside=path)) as restored:
        write(restored, "records.restored")
        assert [line.event for line in afterwards(restored, restored.ledger.path)] == ["item.begun"]
        write(restored, "records.reconciled")
        copy(restored, tmp_path / "new.db")
        write(restored, "item.resumed")
    with closing(Records(tmp_path / "new.db", beside=path)) as newer:
        assert [line.event for line in afterwards(newer, newer.ledger.path)] == ["item.resumed"]
