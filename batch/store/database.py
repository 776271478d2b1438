"""One connection to the records, and the one kind of transaction there is.

Every transaction is BEGIN IMMEDIATE, so that nobody reads, waits and then writes over another's fact; WAL
with synchronous=FULL, so that what was acknowledged survives a kill and a power cut.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from batch.model.errors import BatchError, Busy, NotFound, RecordsDamaged, RecordsShut
from batch.model.events import Entry
from batch.store import ledger
from batch.store.clock import now
from batch.store.schema import migrations, unknown

_WAIT = 30.0
"""Seconds to wait for another writer; transactions here take milliseconds."""

_SHUT = {
    "SQLITE_BUSY": "look for a `station` command that hangs or was stopped with Ctrl-Z, then run this again",
    "SQLITE_FULL": "make room on the disk, then run this again; all that was done before is on record",
    "SQLITE_IOERR": "look at the disk and its room, then run this again",
    "SQLITE_READONLY": "let the owner of the home write to it, then run this again",
    "SQLITE_CANTOPEN": "let the owner of the home read and write in it, then run this again",
    "SQLITE_INTERRUPT": "it was cut off; ask again",
    "SQLITE_PERM": "let the owner of the home write to it, then run this again",
}
"""What to do about errors that are not the records' own, by the beginning of SQLite's name for them."""

_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


class Records:
    """The desk's records in one SQLite file; one instance belongs to one thread."""

    def __init__(self, path: Path, ledgers: Sequence[Path] = (), *, beside: Path | None = None) -> None:
        """Open existing records; raises `NotFound` where none are, `Busy` while they are being replaced.

        `ledgers` are kept besides the one beside the file, or `beside` another. This and every other method
        raises `RecordsShut` or `RecordsDamaged` where the file does not let us.
        """
        if replacing(path).exists():
            raise RecordsShut(
                "a restore of these records was cut off", where=str(path), next="run `station restore` again"
            )
        if not path.is_file():
            raise NotFound(
                "there are no records here",
                where=str(path),
                next="restore a backup (`station restore`); where there never were any, run `station init`",
            )
        self.path = path
        self.ledger = ledger.Ledger((beside or path).with_name(ledger.NAME), ledgers)
        self._writing = False
        self._unchanged, self._told = 0, False
        self._before: tuple[int, bytes] | None = None
        self._lines: list[bytes] = []
        self._lock = _shared(lock_of(path))
        try:
            self._open(path)
        except BaseException:
            os.close(self._lock)
            raise

    def _open(self, path: Path) -> None:
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
            if newer := unknown(self.db):
                raise RecordsShut(
                    f"the records were written by a newer station ({', '.join(newer)})",
                    where=str(path),
                    next="use that release, or restore a backup of this one",
                )
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
        os.close(self._lock)

    def interrupt(self) -> None:
        """Cut off the query that runs, which raises `RecordsShut`; the one thing another thread may call."""
        self._connection.interrupt()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is written inside, or nothing; begins at once, so that reads inside stay true.

        Facts without an event that tells of them are refused, with all else in it (R37).
        """
        with self._immediate():
            self._unchanged, self._told = self._connection.total_changes, False
            yield
            self.check_told()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Reads inside see the records as they are now, whatever others write meanwhile."""
        with self._file():
            self.db.execute("BEGIN")
        try:
            self.row("SELECT 1 FROM sqlite_schema")  # the moment is that of the first read
            yield
        finally:
            self.db.execute("ROLLBACK")

    def check_told(self) -> None:
        """Raises `RuntimeError` where facts were written since the last look and no event: the log would not
        know of them.
        """
        changes = self._connection.total_changes
        if changes != self._unchanged and not self._told:
            raise RuntimeError("facts were written without an event in the audit log")
        self._unchanged, self._told = changes, False

    def write(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Write inside a transaction and return how many rows were touched."""
        if not self._writing:
            raise RuntimeError("facts are written inside a transaction only")
        with self._file():
            return self.db.execute(sql, parameters).rowcount

    def write_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Write once for each row of parameters, inside a transaction."""
        if not self._writing:
            raise RuntimeError("facts are written inside a transaction only")
        with self._file():
            self._connection.executemany(sql, rows)

    def tell(self, sql: str, parameters: Sequence[Any]) -> None:
        """Write an event that tells of what is written in this transaction."""
        self.write(sql, parameters)
        self._told = True

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

    def version(self) -> int:
        """Another number whenever anybody else has written to the records; one page of the file is read."""
        row = self.row("PRAGMA data_version")
        assert row is not None
        return int(row[0])

    def enter(self, before: Entry | None, entry: Entry, kept: Mapping[str, Any] | None, *, out: bool) -> None:
        """Take note of an audit entry made in this transaction and of the one before it.

        With `out` it is on disk in the ledger, with what is `kept` beside it, before the transaction is.
        """
        if self._before is None:
            self._before = (before.sequence, before.hash) if before else (0, b"")
        if out:
            self._lines.append(ledger.text(entry, self._before, kept))

    def scrub(self) -> bool:
        """Overwrite what was deleted or written over, in the write-ahead log too.

        False while somebody reads an older state; then it is done when they are gone, by whoever writes.
        """
        row = self.row("PRAGMA wal_checkpoint(TRUNCATE)")
        return row is not None and row[0] == 0

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
            if self._lines and self._before is not None:
                self.ledger.append(self._lines, self._written(self._before[0]))
            with self._file():
                self.db.execute("COMMIT")
        except BaseException:
            # A full disk may have ended the transaction already.
            if self._connection.in_transaction:
                self.db.execute("ROLLBACK")
            raise
        finally:
            self._writing = False
            self._before, self._lines = None, []

    def _written(self, upto: int) -> Iterator[bytes]:
        """The lines of a ledger that is not there, from what is on record up to an entry."""
        last, before = 0, b""
        while page := self.rows(
            "SELECT sequence, body, hash FROM audit "
            "WHERE sequence BETWEEN ? AND ? ORDER BY sequence LIMIT 5000",
            (last + 1, upto),
        ):
            for sequence, body, digest in page:
                if not is_step(body):
                    yield ledger.text(Entry(sequence, body, digest), (last, before))
                last, before = sequence, digest

    @contextmanager
    def _file(self) -> Iterator[None]:
        """Tells what is wrong with the file in our words; a broken rule of the tables stays what it is."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            ours = told(error, self.path)
            if ours is None:
                raise
            raise ours from error


def is_step(body: str) -> bool:
    """Whether an audit entry is about a step of one token; the journal has those, the ledger has not."""
    return '"event":"step.' in body


def lock_of(path: Path) -> Path:
    """The file that whoever has records open holds shared, and whoever replaces them holds alone."""
    return path.with_name("records.lock")


def replacing(path: Path) -> Path:
    """A file that is there while records are being replaced, so that nobody opens half of them."""
    return path.with_name("records.replacing")


def _shared(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RecordsShut(
            f"cannot be made: {error.strerror}", where=str(path), next=_SHUT["SQLITE_CANTOPEN"]
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Busy(
            "the records are being restored", where=str(path.parent), next="wait for it, then run this again"
        ) from None
    return descriptor


def told(error: sqlite3.DatabaseError, path: Path) -> BatchError | None:
    """Our error for what SQLite says of a file, None where it is not the file's."""
    name = str(getattr(error, "sqlite_errorname", ""))
    if name.startswith(_DAMAGED):
        return RecordsDamaged(str(error), where=str(path), next="restore a backup")
    for known, advice in _SHUT.items():
        if name.startswith(known):
            return RecordsShut(str(error), where=str(path), next=advice)
    return None


def stamp(at: datetime | None = None) -> str:
    """A moment as the records write it: ISO 8601, UTC, microseconds."""
    return (at or now()).astimezone(UTC).isoformat(timespec="microseconds")


def moment(text: str | None) -> datetime | None:
    """A moment as the records wrote it."""
    return datetime.fromisoformat(text) if text else None
