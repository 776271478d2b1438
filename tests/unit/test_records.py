"""The records: all or nothing, readable beside a writer, and plain words where the file does not let us."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from batch.audit.log import log
from batch.model.errors import NotFound, RecordsDamaged, RecordsShut
from batch.model.events import Event
from batch.store import audit, database
from batch.store.database import Records


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "station.db"
    Records.create(path).close()
    return path


@pytest.fixture
def records(path: Path) -> Iterator[Records]:
    with closing(Records(path)) as records:
        yield records


def write(records: Records, *names: str) -> None:
    with records.transaction():
        log(records, *(Event(name, "ada") for name in names))


def twice(records: Records, sequence: int) -> None:
    with records.transaction():
        for _ in range(2):
            records.write("INSERT INTO audit VALUES (?, '{}', x'00')", (sequence,))


def test_of_a_transaction_that_fails_nothing_stays(records: Records) -> None:
    write(records, "first")
    with pytest.raises(sqlite3.IntegrityError):
        twice(records, 2)
    assert [entry.sequence for entry in audit.entries(records)] == [1]
    write(records, "second")
    assert [entry.sequence for entry in audit.entries(records)] == [1, 2]


def test_nothing_is_written_outside_a_transaction(records: Records) -> None:
    with pytest.raises(RuntimeError):
        log(records, Event("loose", "ada"))


def test_lists_are_read_while_another_writes(path: Path, records: Records) -> None:
    write(records, "first")
    with records.transaction():
        log(records, Event("second", "ada"))
        with closing(Records(path)) as reader:
            assert [entry.sequence for entry in audit.entries(reader)] == [1]


def test_a_writer_who_never_ends_is_told_of_not_called_damage(
    path: Path, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_WAIT", 0.05)
    with closing(Records(path)) as other, records.transaction():
        with pytest.raises(RecordsShut, match="locked") as told, other.transaction():
            pass
        assert "Ctrl-Z" in str(told.value.next)


def test_a_full_disk_is_told_and_the_records_go_on_when_there_is_room(records: Records) -> None:
    write(records, "first")
    (pages,) = records.row("PRAGMA page_count") or (0,)
    records.db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(RecordsShut, match="full"):
        write(records, "x" * 100_000)
    records.db.execute(f"PRAGMA max_page_count = {pages + 1000}")
    write(records, "second")
    assert [entry.sequence for entry in audit.entries(records)] == [1, 2]


def test_a_file_that_is_no_database_is_damage(path: Path) -> None:
    path.write_bytes(b"no database at all, " * 1000)
    with pytest.raises(RecordsDamaged):
        Records(path)


def test_a_place_that_cannot_be_opened_is_told_of_not_called_damage(path: Path) -> None:
    """SQLite keeps two files beside its database; here they cannot be made."""
    (path.parent / "station.db-wal").mkdir()
    with pytest.raises(RecordsShut):
        Records(path)


def test_missing_records_are_not_made_in_passing(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Records(tmp_path / "station.db")
    assert not list(tmp_path.iterdir())


def test_a_broken_rule_of_the_tables_stays_what_it_is(records: Records) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        twice(records, 1)
