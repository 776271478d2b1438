"""Putting a backup back: records in the place of others, what is missing beside them, lost key tokens."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import msgspec

from batch.audit.afterwards import RESTORED, reaches_back
from batch.audit.log import log
from batch.audit.soundness import whole_chain
from batch.model.errors import Busy, RecordsDamaged
from batch.model.events import Event
from batch.people.acting import founded, register_of
from batch.people.register import NOTE, Trust
from batch.store import audit, custody, ledger, restores
from batch.store.copying import Sizes, replace, settle, single_file, sizes
from batch.store.database import Records, lock_of, replacing
from drivers.authorities import keeping
from drivers.pkcs11 import softhsm
from drivers.secret import Secret
from station import archive
from station.archive import Kind, Manifest
from station.backup import MAY_BE_KEPT, in_home
from station.config import Configuration, KeyToken, load
from station.errors import BackupFault
from station.home import Home
from station.key_tokens import EVERY
from station.setup import make_token

_CHUNK = 1 << 20
_CA_LOST = "ca-lost"

Acting = Callable[[Records, Configuration], AbstractContextManager[str]]
"""Who restores, proven by the register of operators in the records that are to be restored."""

Confirm = Callable[[Manifest, Sizes | None], None]
"""Asked before records are replaced, with how much they hold, None where they cannot be read; may raise."""


@dataclass(frozen=True)
class Restored:
    """What a restore did: where the old records are, None where there were none, and how much there is."""

    manifest: Manifest
    aside: Path | None
    before: Sizes | None
    after: Sizes | None
    missing_keys: tuple[str, ...]


def restore_records(
    home: Home, backup: Path, acting: Acting, confirm: Confirm, pin: Callable[[str], Secret]
) -> Restored:
    """Put the records of a backup in the place of those in the home, and what else of it is missing there.

    Configuration, layouts and the CA's records that are there are newer and stay. A missing bench token of
    SoftHSM is made anew under `pin("bench")`. May be repeated after a crash at any point. Raises
    `BackupFault`, `Busy`, `RecordsDamaged`, `CaRefused`; the records are as they were then.
    """
    manifest = _manifest(backup, "records")
    with _alone(home):
        whole = home.records.exists() and not replacing(home.records).exists()
        before = sizes(home.records) if whole else None
        if home.records.exists():
            confirm(manifest, before)
        stage = _stage(home)
        for name, content in archive.contents(backup):
            _keep(stage / name, content.read)
        configuration = _configuration(home, stage, manifest)
        after, trust = _ready(home, stage, configuration, manifest, acting, before)
        for path in _below(stage / "ca"):
            keeping.put_back(home.path / "ca", path.relative_to(stage / "ca").as_posix(), path.read_bytes())
        for path in _below(stage / "home"):
            _place(path, home.path / path.relative_to(stage / "home"))
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
        aside = replace(home.records, stage / archive.RECORDS, home.path / "replaced" / stamp)
        missing = [key for key in EVERY if in_home(home, configuration, key) and not _tokens(home, key)]
        if "bench" in missing:
            missing.remove("bench")
            _new_bench(home, configuration.keys.bench, pin("bench"), trust)
        shutil.rmtree(stage)
    return Restored(manifest, aside, before, after, tuple(missing))


def restore_keys(home: Home, backup: Path) -> tuple[str, ...]:
    """Put the key tokens of a backup into a home that has none; the names of those put back.

    Raises `BackupFault` where another token is there: none is ever replaced.
    """
    manifest = _manifest(backup, "keys")
    with _alone(home):
        held = {name: _held(manifest, name) for name in MAY_BE_KEPT}
        wanted = {name: files for name, files in held.items() if files}
        missing = [name for name, files in wanted.items() if _tokens(home, name) != files]
        for name in missing:
            if _tokens(home, name):
                raise BackupFault(
                    f"there is a {name} token, and not the backup's",
                    where=str(home.path / "keys" / name),
                    next="a key token is never replaced; move it away by hand where it must not be used",
                )
        stage = _stage(home)
        for name, content in archive.contents(backup):
            _keep(stage / name, content.read)
        for name in missing:
            # Its configuration names the folder it lies in, so it is made again there.
            target = home.path / "keys" / name
            shutil.rmtree(target, ignore_errors=True)
            softhsm.settle(stage / "keys" / name)
            target.parent.mkdir(mode=0o700, exist_ok=True)
            (stage / "keys" / name).rename(target)
            softhsm.prepare(target)
            settle(target)
        shutil.rmtree(stage)
    return tuple(missing)


def _manifest(backup: Path, kind: Kind) -> Manifest:
    manifest = archive.check(backup)
    if manifest.kind != kind:
        raise BackupFault(
            f"it holds {manifest.kind}, not {kind}",
            where=str(backup),
            next="restore keys with --keys, records without",
        )
    return manifest


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Nothing else runs on the home: nobody has its records open, no lane of a killed desk is left."""
    with ExitStack() as held:
        run = home.path / "run"
        for path in (lock_of(home.records), *_locks(run)):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            held.callback(os.close, descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(
                    "a station command works on this home",
                    where=str(path),
                    next="let it end, or stop it with Ctrl-C where it runs; then run this again",
                ) from None
        yield


def _locks(run: Path) -> list[Path]:
    """The locks of what works on a home; a login does not."""
    return [path for path in sorted(run.glob("*.lock")) if not path.name.startswith("login-")]


def _stage(home: Home) -> Path:
    """An empty private folder in the home; what an earlier restore left that was killed goes first.

    A mark in it remembers that the CA's records were lost, until all is done.
    """
    stage = home.path / ".restoring"
    mark = stage / _CA_LOST
    lost = mark.exists() or not (home.path / "ca" / "ca.der").exists()
    stage.mkdir(mode=0o700, exist_ok=True)
    for left in stage.iterdir():
        if left != mark:
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    if lost:
        mark.touch(mode=0o600)
        settle(mark)
    return stage


def _keep(path: Path, read: Callable[[int], bytes]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while chunk := read(_CHUNK):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def _below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _place(path: Path, target: Path) -> None:
    """Give a file its place where there is none."""
    if not target.exists():
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.rename(target)
        settle(target)


def _configuration(home: Home, stage: Path, manifest: Manifest) -> Configuration:
    """The home's configuration, or where it has none the backup's, with the places in the home moved here."""
    if not home.configuration.exists():
        text = (stage / "station.toml").read_text("utf-8")
        moved = text.replace(f'"{manifest.home}/', f'"{home.path}/').encode()
        _keep(stage / "moved.toml", BytesIO(moved).read)
        _place(stage / "moved.toml", home.configuration)
    return load(home.configuration)


def _ready(
    home: Home,
    stage: Path,
    configuration: Configuration,
    manifest: Manifest,
    acting: Acting,
    before: Sizes | None,
) -> tuple[Sizes | None, Trust | None]:
    """Look the records of a backup through and put the restore on record in them, before they are used.

    How much they hold, and what vouches for their register of operators, None where there is none.
    """
    own = home.path / ledger.NAME
    copies = tuple(Path(place) for place in configuration.records.ledgers)
    for copy in copies:
        if copy.exists() and not own.exists():
            with copy.open("rb") as file:
                _keep(stage / ledger.NAME, file.read)
            _place(stage / ledger.NAME, own)
    fresh = stage / archive.RECORDS
    records = Records(fresh, copies, beside=home.records)
    try:
        faults = records.check()
        whole_chain(records)
        head, first = audit.head(records), audit.entry(records, 1)
        if faults or head is None or (head.sequence, head.hash.hex()) != (manifest.entries, manifest.head):
            raise RecordsDamaged(
                "; ".join(faults[:3]) or "the audit log does not end as the manifest says",
                where=manifest.station,
                next="use another backup; the records are as they were",
            )
        if (
            before is not None
            and before.first is not None
            and first is not None
            and first.hash != before.first
        ):
            raise BackupFault(
                f"it is of another station, {manifest.station}",
                where=str(home.path),
                next="restore it into a home of its own",
            )
        reaches = own.exists() and reaches_back(records, own, manifest.entries)
        ca = "ca/ca.der" not in manifest.files or not (stage / _CA_LOST).exists()
        after = sizes(fresh)
        with acting(records, configuration) as operator, records.transaction():
            restores.add(
                records,
                operator=operator,
                made_at=manifest.made_at,
                entries=manifest.entries,
                ledger=reaches,
                ca=ca,
            )
            # Those in stock in the backup were taken since, or destroyed: nobody knows.
            custody.doubt_stock(records)
            detail = {
                "made_at": manifest.made_at.isoformat(timespec="seconds"),
                "before": _told(before),
                "after": _told(after),
            }
            log(records, Event(RESTORED, operator, detail=detail))
        trust = register_of(records).trust if founded(records) else None
    finally:
        records.close()
    single_file(fresh)
    return after, trust


def _told(found: Sizes | None) -> dict[str, int] | None:
    if found is None:
        return None
    return {"tokens": found.tokens, "letters": found.letters, "entries": found.entries}


def _tokens(home: Home, key: str) -> dict[str, str]:
    """SHA-256 (hex) of every file of a SoftHSM token in the home, by its name in a backup."""
    folder = home.path / "keys" / key
    return {
        f"keys/{key}/{path.relative_to(folder).as_posix()}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in _below(folder / "tokens")
    }


def _held(manifest: Manifest, key: str) -> dict[str, str]:
    return {
        name: held.sha256 for name, held in manifest.files.items() if name.startswith(f"keys/{key}/tokens/")
    }


def _new_bench(home: Home, token: KeyToken, pin: Secret, trust: Trust | None) -> None:
    """A bench token without any resume key that vouches for the register; it gets its place once whole."""
    target, unready = home.path / "keys" / "bench", home.path / "keys" / ".bench"
    shutil.rmtree(unready, ignore_errors=True)
    environment = softhsm.prepare(unready)
    note = None if trust is None else (NOTE, trust.note())
    make_token("bench", msgspec.structs.replace(token, environment=environment), pin, note)
    shutil.rmtree(target, ignore_errors=True)
    unready.rename(target)
    softhsm.prepare(target)
    softhsm.settle(target)
    settle(target)
