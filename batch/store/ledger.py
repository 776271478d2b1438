"""The ledger: an append-only file beside the records, of what was given out for good.

A database can be lost or put back to an older state; numbers that were given, tokens that were begun and
letters that were sent to a printer cannot. So the entries that tell of them are on disk here before the
transaction that holds them is committed. The ledger is in no backup.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch.model.errors import RecordsDamaged, RecordsShut
from batch.model.events import Entry

NAME = "ledger.jsonl"
_KEPT = b',"kept":'
"""Where what is kept begins in a line; inside a string its quotes would be escaped."""

_CHUNK = 1 << 20
_COMPARED = 4096


@dataclass(frozen=True)
class Line:
    """One entry of the audit log as the ledger has it, what it keeps with it, and the entry that was last
    when its transaction began.
    """

    sequence: int
    hash: bytes
    facts: Mapping[str, Any]
    kept: Mapping[str, Any] | None
    after: tuple[int, bytes]

    @property
    def event(self) -> str:
        """The name of the event."""
        return str(self.facts["event"])


def text(entry: Entry, after: tuple[int, bytes], kept: Mapping[str, Any] | None = None) -> bytes:
    """A line of the ledger."""
    line = {"after": [after[0], after[1].hex()], "hash": entry.hash.hex(), "entry": json.loads(entry.body)}
    whole = {**line, "kept": kept} if kept else line
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


class Ledger:
    """The ledger at `path` and its copies elsewhere; raises `RecordsShut` where one cannot be kept.

    One process at a time appends: that which has begun a transaction.
    """

    def __init__(self, path: Path, copies: Sequence[Path] = ()) -> None:
        self.path = path
        self._copies = copies

    def append(self, lines: Iterable[bytes], earlier: Iterable[bytes] = ()) -> None:
        """Put lines on disk, in the copies too; `earlier` goes first where there is no ledger yet."""
        with _told(self.path):
            seeded = self.path.exists() and self.path.stat().st_size > 0
            with _opened(self.path) as descriptor:
                if not seeded:
                    _write(descriptor, earlier)
                _write(descriptor, lines)
                os.fsync(descriptor)
            if not seeded:
                _settle(self.path)
        for copy in self._copies:
            with _told(copy):
                self._follow(copy)

    def blank(self, order: str) -> None:
        """Put spaces in the place of all that is kept beside the entries about an order, in the copies too.

        Within a transaction, so that nobody appends meanwhile. Every line keeps its place and length. Raises
        `RecordsShut` where a copy is away.
        """
        if not self.path.exists():
            return
        for copy in self._copies:
            if not copy.exists():
                advice = "put it back; or take it out of [records] of station.toml, and destroy it"
                raise RecordsShut("this copy of the ledger is away", where=str(copy), next=advice)
        for place in (self.path, *self._copies):
            with _told(place):
                _blank(place, order)

    def last(self) -> Line | None:
        """The last line, None where there is none."""
        with _told(self.path):
            if not self.path.exists():
                return None
            with self.path.open("rb") as file:
                end = _end(file.fileno(), os.fstat(file.fileno()).st_size)
                begin = _end(file.fileno(), end - 1) if end else 0
                return _line(os.pread(file.fileno(), end - begin, begin), self.path) if end else None

    def _follow(self, copy: Path) -> None:
        new = not copy.exists()
        with _opened(copy) as theirs, self.path.open("rb") as ours:
            there = os.fstat(theirs).st_size
            since = max(0, there - _COMPARED)
            ours.seek(since)
            if ours.read(there - since) != os.pread(theirs, there - since, since):
                raise RecordsShut(
                    "this copy of the ledger is not of these records",
                    where=str(copy),
                    next="put the right one there, or name an empty place in [records] of station.toml",
                )
            while chunk := ours.read(_CHUNK):
                _write(theirs, [chunk])
            os.fsync(theirs)
        if new:
            _settle(copy)


def _blank(path: Path, order: str) -> None:
    unready = path.with_name(f".{path.name}")
    unready.unlink(missing_ok=True)
    with path.open("rb") as old, _opened(unready) as new:
        _write(new, (_blanked(line, path, order) for line in old))
        os.fsync(new)
    unready.rename(path)
    _settle(path)


def _blanked(line: bytes, path: Path, order: str) -> bytes:
    at = line.find(_KEPT) if line.endswith(b"\n") else -1
    if at < 0 or _line(line, path).facts.get("order") != order:
        return line
    return line[:at] + b"}" + b" " * (len(line) - at - 2) + b"\n"


def read(path: Path) -> Iterator[Line]:
    """All whole lines of a ledger, oldest first; raises `RecordsDamaged`, or `RecordsShut`."""
    with _told(path), path.open("rb") as file:
        for line in file:
            # The last line of a process that was killed while it wrote: its transaction never was.
            if line.endswith(b"\n"):
                yield _line(line, path)


def _line(text: bytes, path: Path) -> Line:
    try:
        read = json.loads(text)
        after, facts = read["after"], read["entry"]
        return Line(
            int(facts["n"]),
            bytes.fromhex(read["hash"]),
            facts,
            read.get("kept"),
            (int(after[0]), bytes.fromhex(after[1])),
        )
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise RecordsDamaged(
            "a line of the ledger cannot be read", where=str(path), next="keep it, and use its copy"
        ) from error


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A ledger to write at its end, without the half line of a process that was killed."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        whole = _end(descriptor, size)
        if whole != size:
            os.ftruncate(descriptor, whole)
        os.lseek(descriptor, whole, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def _end(descriptor: int, size: int) -> int:
    """Where the last whole line before `size` ends."""
    while size:
        begin = max(0, size - _CHUNK)
        found = os.pread(descriptor, size - begin, begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        size = begin
    return 0


def _write(descriptor: int, chunks: Iterable[bytes]) -> None:
    for chunk in chunks:
        view = memoryview(chunk)
        while view:
            view = view[os.write(descriptor, view) :]


def _settle(path: Path) -> None:
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RecordsShut(
            f"the ledger cannot be kept: {error.strerror or error}",
            where=str(path),
            next="look at the disk and its room, then run this again; nothing was done without it",
        ) from error
