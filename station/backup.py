"""Making a backup of a home while the desk works, and one of its key tokens, in a file of its own.

What opens codes never lies beside them: a backup of records holds sealed codes, so it holds no key token, and
of the key tokens the bench's is in no backup at all: with its resume keys a bench would open tokens it has
finished (R41, R42).
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from batch.audit.log import log
from batch.audit.soundness import whole_chain
from batch.model.errors import RecordsDamaged
from batch.model.events import Event
from batch.store import audit
from batch.store.copying import copy, settle, single_file
from batch.store.database import Records
from drivers.authorities import keeping
from station import archive
from station.archive import Kind, Manifest, Member
from station.config import Configuration
from station.errors import BackupFault
from station.home import Home

KEPT_KEYS = ("custody", "ca")
"""The key tokens a backup of keys always holds."""

MAY_BE_KEPT = (*KEPT_KEYS, "diversification")
"""Those it may hold: that of diversification is there where the home keeps one."""


@dataclass(frozen=True)
class Made:
    """A backup that was made: where, what it holds, its own SHA-256 (hex)."""

    path: Path
    manifest: Manifest
    sha256: str


def back_up_records(
    home: Home, configuration: Configuration, records: Records, place: Path, operator: str
) -> Made:
    """Records, configuration, own layouts and the embedded CA's records as they are now, in one new file.

    Raises `BackupFault` where a file of that name is there or the place does not take it, `RecordsDamaged`
    where what was copied does not hold; nothing is left there then.
    """
    with _working(_target(place, configuration, "records")) as (target, work):
        kept = work / archive.RECORDS
        copy(records, kept)
        head = _checked(kept)
        layouts, left_out = _layouts(home, configuration)
        manifest = _manifest(home, configuration, "records", operator, head, left_out)
        members = [(archive.RECORDS, kept), ("station.toml", home.configuration), *layouts]
        # After the records, so that the CA's know of every certificate that is in them.
        authority = ((f"ca/{name}", content) for name, content in keeping.files(home.path / "ca"))
        made = _put(target, work, itertools.chain(members, authority), manifest)
    with records.transaction():
        detail = {"file": target.name, "sha256": made.sha256, "entries": head[0]}
        log(records, Event("backup.made", operator, detail=detail))
    return made


def back_up_keys(
    home: Home,
    configuration: Configuration,
    records: Records,
    place: Path,
    operator: str,
    *,
    only: str | None = None,
) -> Made:
    """The key tokens of a home that keeps them in SoftHSM, without the bench's, in one new file.

    With `only`, that one alone. Call it while no custody key is being made. Raises `BackupFault` as
    `back_up_records`, and where a token is not in the home.
    """
    members: list[Member] = []
    wanted = [only] if only is not None else list(KEPT_KEYS)
    left_out: tuple[str, ...] = ()
    if only is None and configuration.keys.diversification is not None:
        if in_home(home, configuration, "diversification"):
            wanted.append("diversification")
        else:
            left_out = (f"token {configuration.keys.diversification.token!r} of [keys.diversification]",)
    for name in wanted:
        folder = home.path / "keys" / name
        if not (folder / "tokens").is_dir() or not in_home(home, configuration, name):
            raise BackupFault(
                f"the {name} token is not in the home",
                where=str(folder),
                next="back up an HSM by its maker's means",
            )
        members += [
            (f"keys/{name}/{path.relative_to(folder).as_posix()}", path)
            for path in sorted((folder / "tokens").rglob("*"))
            if path.is_file()
        ]
    with _working(_target(place, configuration, "keys")) as (target, work):
        last = audit.head(records)
        head = (last.sequence, last.hash.hex()) if last else (0, "")
        made = _put(target, work, members, _manifest(home, configuration, "keys", operator, head, left_out))
    with records.transaction():
        detail = {"file": target.name, "sha256": made.sha256, "keys": wanted}
        log(records, Event("backup.keys-made", operator, detail=detail))
    return made


def in_home(home: Home, configuration: Configuration, key: str) -> bool:
    """Whether a key token is one of SoftHSM's in the home, as `station init` makes them."""
    token = configuration.keys.named().get(key)
    if token is None:
        return False
    folder = home.path / "keys" / key
    return Path(token.environment.get("SOFTHSM2_CONF", "/")).parent == folder


def _layouts(home: Home, configuration: Configuration) -> tuple[list[Member], tuple[str, ...]]:
    inside, outside = list[Member](), []
    root = home.path.resolve()
    for folder in configuration.layout_folders(home.path):
        if not folder.resolve().is_relative_to(root):
            outside.append(str(folder))
            continue
        inside += [
            (f"home/{path.resolve().relative_to(root).as_posix()}", path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.resolve().is_relative_to(root)
        ]
    return inside, tuple(outside)


def _checked(path: Path) -> tuple[int, str]:
    """The last entry of a copy of the records, once the copy is found sound."""
    records = Records(path)
    try:
        if faults := records.check():
            raise RecordsDamaged(
                f"the copy is damaged: {'; '.join(faults[:3])}",
                where=str(path),
                next="`station doctor` looks at the records themselves; the backup was not kept",
            )
        whole_chain(records)
        last = audit.head(records)
    finally:
        records.close()
    single_file(path)
    return (last.sequence, last.hash.hex()) if last else (0, "")


def _manifest(
    home: Home,
    configuration: Configuration,
    kind: Kind,
    operator: str,
    head: tuple[int, str],
    left_out: tuple[str, ...],
) -> Manifest:
    return Manifest(
        kind=kind,
        station=configuration.station.name,
        home=str(home.path),
        made_at=datetime.now(UTC),
        operator=operator,
        program=version("issuance-station"),
        entries=head[0],
        head=head[1],
        files={},
        left_out=left_out,
    )


def _target(place: Path, configuration: Configuration, kind: Kind) -> Path:
    if place.is_dir():
        place = place / f"station-{kind}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.backup"
    if place.exists() or place.is_symlink():
        raise BackupFault("is there already", where=str(place), next="name a new file, or a folder")
    return place.absolute()


def _put(target: Path, work: Path, members: Iterable[Member], manifest: Manifest) -> Made:
    whole = work / "whole"
    archive.write(whole, members, manifest)
    settle(whole)
    written = archive.check(whole)
    with whole.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        # A link, because it fails where a rename would replace.
        os.link(whole, target)
    except FileExistsError:
        raise BackupFault("is there already", where=str(target), next="name a new file") from None
    except OSError:  # a file system without links, such as that of a stick
        if target.exists():
            raise BackupFault("is there already", where=str(target), next="name a new file") from None
        whole.rename(target)
    settle(target)
    return Made(target, written, digest)


@contextmanager
def _working(target: Path) -> Iterator[tuple[Path, Path]]:
    """A private folder beside the target; what an earlier one left that was killed goes first."""
    work = target.with_name(f".{target.name}.partial")
    try:
        work.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(work, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if os.fstat(lock).st_uid != os.geteuid():
                raise BackupFault("belongs to somebody else", where=str(work), next="name another place")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                for left in work.iterdir():
                    left.unlink()
                yield target, work
            finally:
                with suppress(OSError):
                    shutil.rmtree(work)
        finally:
            os.close(lock)
    except BlockingIOError:
        raise BackupFault(
            "another backup to this file is under way", where=str(target), next="wait for it"
        ) from None
    except OSError as error:
        raise BackupFault(
            f"cannot be written: {error.strerror or error}",
            where=str(target),
            next="make room there or name another place; nothing half is left",
        ) from error
