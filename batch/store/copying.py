"""Copies of the records: made while others write, put in the place of older ones."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from batch.model.errors import RecordsShut
from batch.store.database import Records, replacing, told


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


@dataclass(frozen=True)
class Sizes:
    """How much records hold: tokens, letters, entries of the log; `first` is the hash of the first entry."""

    tokens: int
    letters: int
    entries: int
    first: bytes | None


def sizes(path: Path) -> Sizes | None:
    """How much the records in a file hold, None where it cannot be read; nothing is changed."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as opened:
            (tokens,) = opened.execute("SELECT count(*) FROM items").fetchone()
            (letters,) = opened.execute("SELECT count(*) FROM letters").fetchone()
            (entries,) = opened.execute("SELECT coalesce(max(sequence), 0) FROM audit").fetchone()
            first = opened.execute("SELECT hash FROM audit WHERE sequence = 1").fetchone()
    except sqlite3.DatabaseError:
        return None
    return Sizes(tokens, letters, entries, first[0] if first else None)


def replace(path: Path, fresh: Path, aside: Path) -> Path | None:
    """Put records in the place of others, which nobody has open; returns where those are then, if any were.

    They go to the new folder `aside`, with what SQLite keeps beside them. May be repeated after a crash at
    any point; until it is, nobody can open either (`batch.store.database.replacing`).
    """
    marker = replacing(path)
    if not marker.exists():
        _mark(marker, os.path.relpath(aside, path.parent) if path.exists() else "")
    known = marker.read_text("utf-8")
    aside = path.parent / known
    if known and not (aside / path.name).exists():
        aside.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The database last: where it is, all is, and what stands in its place is the fresh one.
        for end in ("-wal", "-shm", ""):
            old = path.with_name(path.name + end)
            if (aside / old.name).exists():
                old.unlink(missing_ok=True)  # who looked at a database without its log has made a new one
            elif old.exists():
                old.rename(aside / old.name)
        settle(aside)
        settle(aside.parent)
    settle(path.parent)
    fresh.rename(path)
    settle(path.parent)
    marker.unlink()
    settle(path.parent)
    return aside if known else None


def _mark(marker: Path, text: str) -> None:
    unready = marker.with_name(f".{marker.name}")
    unready.write_text(text, encoding="utf-8")
    settle(unready)
    unready.rename(marker)
    settle(marker)
