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

from batch.model.errors import NotFound, RecordsDamaged
from batch.store.schema import migrations

_WAIT = 30.0
"""Seconds to wait for another writer; transactions here take milliseconds."""


class Records:
    """The desk's records in one SQLite file; one instance belongs to one thread."""

    def __init__(self, path: Path) -> None:
        """Open existing records; raises `NotFound` where none are, `RecordsDamaged` where unreadable."""
        if not path.is_file():
            raise NotFound("there are no records here", where=str(path), next="run `station init` first")
        self.path = path
        self._writing = False
        try:
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
            with self._immediate():
                migrations.apply(self.db)
        except sqlite3.DatabaseError as error:
            raise RecordsDamaged(str(error), where=str(path), next="restore a backup") from error

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
        return self.db.execute(sql, parameters).rowcount

    def insert(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Insert one row inside a transaction and return its id."""
        if not self._writing:
            raise RuntimeError("facts are written inside a transaction only")
        row = self.db.execute(sql, parameters).lastrowid
        assert row is not None
        return row

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.db.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row of a query, None where there is none."""
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
        self.db.execute("BEGIN IMMEDIATE")
        self._writing = True
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        else:
            self.db.execute("COMMIT")
        finally:
            self._writing = False


def now() -> datetime:
    """This moment in UTC."""
    return datetime.now(UTC)


def stamp(at: datetime | None = None) -> str:
    """A moment as the records write it: ISO 8601, UTC, microseconds."""
    return (at or now()).astimezone(UTC).isoformat(timespec="microseconds")


def moment(text: str | None) -> datetime | None:
    """A moment as the records wrote it."""
    return datetime.fromisoformat(text) if text else None
