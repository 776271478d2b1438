"""A backup file: a tar of plain files, closed by a manifest that names every one of them with its SHA-256.

The manifest comes last, so that a file that was cut off has none.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Literal

import msgspec

from station.errors import BackupFault

RECORDS = "station.db"
"""The member that holds the records."""

_MANIFEST = "manifest.json"
_LARGEST_MANIFEST = 100_000_000
_CHUNK = 1 << 20

Kind = Literal["records", "keys"]
Member = tuple[str, Path | bytes]
"""A name with forward slashes, and the file it is in or what it holds."""


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file in a backup: its SHA-256 (hex) and its size in bytes."""

    sha256: str
    size: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup is and holds: `entries` of the audit log, the last one's hash as `head` (hex).

    `home` is the folder it was made of, `left_out` what it should have held but lies elsewhere.
    """

    kind: Kind
    station: str
    home: str
    made_at: datetime
    operator: str
    program: str
    entries: int
    head: str
    files: dict[str, Held]
    left_out: tuple[str, ...] = ()
    format: Literal[1] = 1


def write(path: Path, members: Iterable[Member], manifest: Manifest) -> Manifest:
    """Write a new backup file; the manifest that closes it is `manifest` with the `files` there are."""
    files: dict[str, Held] = {}
    with path.open("xb") as file:
        path.chmod(0o600)
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, content in members:
                if not _is_plain(name):
                    raise BackupFault(f"a file is named {name!r:.80}", where=str(path), next="rename it")
                with _source(content) as (source, size):
                    counted = _Counted(source)
                    tar.addfile(_header(name, size), counted)
                    files[name] = Held(counted.digest.hexdigest(), size)
            closed = msgspec.structs.replace(manifest, files=files)
            encoded = msgspec.json.encode(closed)
            tar.addfile(_header(_MANIFEST, len(encoded)), io.BytesIO(encoded))
    return closed


def check(path: Path) -> Manifest:
    """Read a whole backup and hold it against its manifest; raises `BackupFault`, `OSError`."""
    found: dict[str, Held] = {}
    manifest = None
    with _read(path) as tar:
        for name, member in _members(tar, path):
            if manifest is not None:
                raise BackupFault("something follows its manifest", where=str(path), next=_ANOTHER)
            if name == _MANIFEST:
                manifest = _manifest(member, path)
                continue
            digest = hashlib.sha256()
            size = 0
            while chunk := member.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
            if name in found:
                raise BackupFault(f"it holds {name} twice", where=str(path), next=_ANOTHER)
            found[name] = Held(digest.hexdigest(), size)
    if manifest is None:
        raise BackupFault("it has no manifest: it was cut off", where=str(path), next=_ANOTHER)
    wrong = sorted(
        name for name in found.keys() | manifest.files.keys() if found.get(name) != manifest.files.get(name)
    )
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise BackupFault(
            f"not as its manifest says: {', '.join(wrong[:3])}{more}", where=str(path), next=_ANOTHER
        )
    return manifest


def contents(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """The files of a backup by name, without its manifest; each is read before the next is asked for."""
    with _read(path) as tar:
        for name, member in _members(tar, path):
            if name != _MANIFEST:
                yield name, member


_ANOTHER = "use another backup; nothing was changed"


def _is_plain(name: str) -> bool:
    """Whether a name leads nowhere but below the folder it is put into."""
    return name.isprintable() and "\\" not in name and {"", ".", ".."}.isdisjoint(name.split("/"))


class _Counted:
    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self.digest.update(data)
        return data


@contextmanager
def _source(content: Path | bytes) -> Iterator[tuple[IO[bytes], int]]:
    if isinstance(content, bytes):
        yield io.BytesIO(content), len(content)
    else:
        with content.open("rb") as file:
            yield file, content.stat().st_size


def _header(name: str, size: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o600
    return header


@contextmanager
def _read(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            yield tar
    except (tarfile.TarError, ValueError) as error:  # a size beyond all measure is a ValueError
        raise BackupFault(f"it is no backup, or damaged: {error}", where=str(path), next=_ANOTHER) from error


def _members(tar: tarfile.TarFile, path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    for header in tar:
        member = tar.extractfile(header) if header.isreg() and not header.issparse() else None
        if member is None or not _is_plain(header.name):
            raise BackupFault(f"it holds {header.name!r:.80}", where=str(path), next=_ANOTHER)
        yield header.name, member


def _manifest(member: IO[bytes], path: Path) -> Manifest:
    try:
        return msgspec.json.decode(member.read(_LARGEST_MANIFEST), type=Manifest)
    except msgspec.DecodeError as error:
        raise BackupFault(f"its manifest cannot be read: {error}", where=str(path), next=_ANOTHER) from error
