"""Copies of the records: made while others write, put in the place of older ones."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from batch.model.errors import RecordsShut
from batch.store.database import Records, told


def copy(records: Records, target: Path) -> None:
    """A consistent copy of the records as they are at one moment, in one new file, on disk at return.

    Nobody who writes has to wait for it. Raises `RecordsDamaged`, or `RecordsShut` where the disk is full.
    """
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.close(descriptor)
    try:
        with closing(sqlite3.connect(target, isolation_level=None)) as made:
            # All in one step: it reads from one snapshot, and others' commits do not make it begin again.
            records.db.conn.backup(made, pages=-1)
            # One file, without a write-ahead log beside it.
            made.execute("PRAGMA journal_mode=DELETE").fetchall()
    except sqlite3.DatabaseError as error:
        raise (told(error, target) or RecordsShut(str(error), where=str(target))) from error
    settle(target)


def single_file(path: Path) -> None:
    """Make records that nobody has open one file again, on disk, without a write-ahead log beside it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as opened:
        opened.execute("PRAGMA journal_mode=DELETE").fetchall()
    settle(path)


def settle(path: Path) -> None:
    """Force a file and its name to disk."""
    for place in (path, path.parent):
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
