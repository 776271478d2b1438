"""Damaged records are told of before anything is written on top of them."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from batch.audit.log import log
from batch.audit.soundness import look
from batch.model.errors import BatchError, RecordsDamaged, RecordsShut
from batch.model.events import Event
from batch.store.database import Records


def write(path: Path, *, times: int = 1) -> None:
    with closing(Records(path)) as records:
        more(records, times)


def more(records: Records, times: int = 1) -> None:
    for _ in range(times):
        with records.transaction():
            log(records, *(Event("something", "ada", detail={"text": "x" * 500}) for _ in range(20)))


@pytest.fixture
def path(path: Path) -> Path:
    """The file of records with entries."""
    write(path, times=20)
    return path


def fail_to_commit(records: Records) -> None:
    """What a crash does between the ledger and the commit."""
    with records.transaction():
        log(records, Event("something", "ada"))
        records.ledger.append(records._lines)
        raise ZeroDivisionError


def found(path: Path, *, thorough: bool = True) -> BatchError:
    with pytest.raises(BatchError) as told, closing(Records(path)) as records:
        look(records, thorough=thorough)
    assert "restore" in str(told.value.next)
    return told.value


def test_sound_records_pass_whatever_was_cut_off(path: Path) -> None:
    with closing(Records(path)) as records:
        look(records, thorough=True)
        with pytest.raises(ZeroDivisionError):
            fail_to_commit(records)
        look(records, thorough=True)


def test_a_damaged_page_in_the_middle_is_found_by_the_thorough_look(path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = bytes(4096)
    path.write_bytes(content)
    assert isinstance(found(path), RecordsDamaged)


def test_a_truncated_file_is_damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8192])
    assert isinstance(found(path, thorough=False), RecordsDamaged)


def _without_log(path: Path, kept: Path) -> None:
    shutil.copy(kept / "station.db", path)


def _other_log(path: Path, kept: Path) -> None:
    shutil.copy(kept / "station.db", path)
    other = kept / "other" / "station.db"
    other.parent.mkdir()
    Records.create(other).close()
    with closing(Records(other)) as records:
        more(records)
        shutil.copy(other.with_name("station.db-wal"), path.with_name("station.db-wal"))


def _older(path: Path, kept: Path) -> None:
    shutil.copy(kept / "old.db", path)


@pytest.mark.parametrize("put", [_without_log, _other_log, _older])
def test_records_that_lost_their_end_are_known_by_the_ledger(
    path: Path, tmp_path: Path, put: Callable[[Path, Path], None]
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    shutil.copy(path, kept / "old.db")
    with closing(Records(path)) as records:
        more(records, 2)
        shutil.copy(path, kept / "station.db")
        assert path.with_name("station.db-wal").stat().st_size
    put(path, kept)
    assert isinstance(found(path, thorough=False), RecordsDamaged)


def test_a_changed_entry_at_the_end_of_the_log_is_found(path: Path) -> None:
    with closing(sqlite3.connect(path)) as changed, changed:
        changed.execute("UPDATE audit SET body = replace(body, 'ada', 'eve') WHERE sequence = 395")
    assert "entry 395" in found(path, thorough=False).what


def test_records_of_a_newer_release_are_not_opened(path: Path) -> None:
    with closing(sqlite3.connect(path)) as newer, newer:
        newer.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) "
            "VALUES ('station', 'm999_later', '')"
        )
    told = found(path)
    assert isinstance(told, RecordsShut)
    assert "m999_later" in told.what
