"""The records: all or nothing, readable beside a writer, and plain words where the file does not let us."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from batch.audit.chain import append
from batch.audit.log import log
from batch.model.errors import NotFound, NotLogged, RecordsDamaged, RecordsShut
from batch.model.events import Event
from batch.store import audit, database
from batch.store.clock import now
from batch.store.database import Records


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


FACT = "INSERT INTO verifications (at, operator, entries) VALUES ('', 'ada', 0)"


def test_a_fact_without_its_event_is_not_stored(records: Records) -> None:
    """R37: no way of writing gets past the log, whatever function was forgotten to tell of its fact."""
    for write_it in (records.write, records.insert, records.db.execute):
        with pytest.raises(RuntimeError, match="without an event"), records.transaction():
            write_it(FACT)
    assert records.rows("SELECT * FROM verifications") == []
    with records.transaction():
        records.write(FACT)
        log(records, Event("told", "ada"))
    assert len(records.rows("SELECT * FROM verifications")) == 1


def test_one_event_does_not_stand_in_for_the_facts_of_another_lane(records: Records) -> None:
    def two_lanes() -> None:
        with records.transaction():
            log(records, Event("first lane", "ada"))
            records.write(FACT)
            records.check_told()
            records.write(FACT)
            records.check_told()

    with pytest.raises(RuntimeError, match="without an event"):
        two_lanes()
    assert records.rows("SELECT * FROM audit") == []


@pytest.mark.parametrize(
    "cause",
    [
        "CREATE TRIGGER closed BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'closed'); END",
        "INSERT INTO audit SELECT sequence + 1, '{}', x'00' FROM audit",
        "ALTER TABLE audit ADD COLUMN more TEXT NOT NULL DEFAULT ''",
        "DROP TABLE audit",
    ],
)
def test_an_event_that_cannot_be_logged_takes_its_fact_with_it(records: Records, cause: str) -> None:
    write(records, "first")

    def work() -> None:
        with records.transaction():
            records.write(FACT)
            head = audit.head(records)
            if cause.startswith("INSERT"):
                records.db.execute(cause)
            assert head is not None
            audit.add(records, append(head, Event("second", "ada"), now()))

    if not cause.startswith("INSERT"):
        records.db.execute(cause)
    with pytest.raises((NotLogged, sqlite3.OperationalError)):
        work()
    assert records.rows("SELECT * FROM verifications") == []


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
