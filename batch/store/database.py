"""One connection to the records, and the one kind of transaction there is.

Every transaction is BEGIN IMMEDIATE, so that nobody reads, waits and then writes over another's fact; WAL
with synchronous=FULL, so that what was acknowledged survives a kill and a power cut.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from batch.model.errors import BatchError, NotFound, RecordsDamaged, RecordsShut
from batch.store.schema import migrations

_WAIT = 30.0
"""Seconds to wait for another writer; transactions here take milliseconds."""

_SHUT = {
    "SQLITE_BUSY": "look for a `station` command that hangs or was stopped with Ctrl-Z, then run this again",
    "SQLITE_FULL": "make room on the disk, then run this again; all that was done before is on record",
    "SQLITE_IOERR": "look at the disk and its room, then run this again",
    "SQLITE_READONLY": "let the owner of the home write to it, then run this again",
    "SQLITE_CANTOPEN": "let the owner of the home read and write in it, then run this again",
    "SQLITE_PERM": "let the owner of the home write to it, then run this again",
}
"""What to do about errors that are not the records' own, by the beginning of SQLite's name for them."""

_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


class Records:
    """The desk's records in one SQLite file; one instance belongs to one thread."""

    def __init__(self, path: Path) -> None:
        """Open existing records; raises `NotFound` where none are.

        This and every other method raises `RecordsShut` or `RecordsDamaged` where the file does not let us.
        """
        if not path.is_file():
            raise NotFound("there are no records here", where=str(path), next="run `station init` first")
        self.path = path
        self._writing = False
        with self._file():
            self._connection = sqlite3.connect(path, timeout=_WAIT, isolation_level=None)
            self.db = Database(self._connection)
            for pragma in (
                "journal_mode=WAL",
                "synchronous=FULL",
                "foreign_keys=ON",
                "secure_delete=ON",
                "temp_store=MEMORY",
                "trusted_schema=OFF",
            ):
                self.db.execute(f"PRAGMA {pragma}").fetchall()
            # Looked at first, so that reading waits for no writer.
            if migrations.pending(self.db):
                with self._immediate():
                    migrations.apply(self.db)

    @classmethod
    def create(cls, path: Path) -> Records:
        """New, empty records, readable by their owner only; raises `FileExistsError`."""
        path.touch(mode=0o600, exist_ok=False)
        return cls(path)

    def close(self) -> None:
        """Close the connection; committed facts are safe before."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is written inside, or nothing; begins at once, so that reads inside stay true."""
        with self._immediate():
            yield

    def write(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Write inside a transaction and return how many rows were touched."""
        if not self._writing:
            raise RuntimeError("facts are written inside a transaction only")
        with self._file():
            return self.db.execute(sql, parameters).rowcount

    def insert(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Insert one row inside a transaction and return its id."""
        if not self._writing:
            raise RuntimeError("facts are written inside a transaction only")
        with self._file():
            row = self.db.execute(sql, parameters).lastrowid
        assert row is not None
        return row

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._file():
            return self.db.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row of a query, None where there is none."""
        with self._file():
            row: tuple[Any, ...] | None = self.db.execute(sql, parameters).fetchone()
        return row

    def check(self) -> list[str]:
        """SQLite's own findings about the file, empty where it is sound."""
        found = [str(row[0]) for row in self.rows("PRAGMA integrity_check(20)")]
        return [] if found == ["ok"] else found

    @contextmanager
    def _immediate(self) -> Iterator[None]:
        if self._writing:
            raise RuntimeError("transactions do not nest")
        with self._file():
            self.db.execute("BEGIN IMMEDIATE")
        self._writing = True
        try:
            yield
            with self._file():
                self.db.execute("COMMIT")
        except BaseException:
            # A full disk may have ended the transaction already.
            if self._connection.in_transaction:
                self.db.execute("ROLLBACK")
            raise
        finally:
            self._writing = False

    @contextmanager
    def _file(self) -> Iterator[None]:
        """Tells what is wrong with the file in our words; a broken rule of the tables stays what it is."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            told = _told(error, self.path)
            if told is None:
                raise
            raise told from error


def _told(error: sqlite3.DatabaseError, path: Path) -> BatchError | None:
    name = str(getattr(error, "sqlite_errorname", ""))
    if name.startswith(_DAMAGED):
        return RecordsDamaged(str(error), where=str(path), next="restore a backup")
    for known, advice in _SHUT.items():
        if name.startswith(known):
            return RecordsShut(str(error), where=str(path), next=advice)
    return None


def now() -> datetime:
    """This moment in UTC."""
    return datetime.now(UTC)


def stamp(at: datetime | None = None) -> str:
    """A moment as the records write it: ISO 8601, UTC, microseconds."""
    return (at or now()).astimezone(UTC).isoformat(timespec="microseconds")


def moment(text: str | None) -> datetime | None:
    """A moment as the records wrote it."""
    return datetime.fromisoformat(text) if text else None
