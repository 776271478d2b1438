"""The station's home: one folder with configuration and records, entered by its owner only."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from station.errors import HomeError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Home:
    """The places inside a home; nothing is read or made by naming them."""

    path: Path

    @property
    def configuration(self) -> Path:
        return self.path / "station.toml"

    @property
    def records(self) -> Path:
        return self.path / "station.db"


def default_home() -> Path:
    """`issuance-station` among the user's data (XDG Base Directory Specification)."""
    data = os.environ.get("XDG_DATA_HOME", "")
    base = Path(data) if os.path.isabs(data) else Path.home() / ".local" / "share"
    return base / "issuance-station"


def create(path: Path) -> Home:
    """Make a home that only its owner can enter, or take an empty folder as one; raises `HomeError`."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise HomeError(f"cannot be made: {error.strerror}", where=str(path)) from error
    return enter(path)


def enter(path: Path) -> Home:
    """The home at `path`; raises `HomeError` where it is missing, another's, or open to others."""
    try:
        found = path.stat()
    except FileNotFoundError:
        raise HomeError(
            "there is no station here",
            where=str(path),
            next="run `station init`, or see --home",
        ) from None
    except OSError as error:
        raise HomeError(f"cannot be entered: {error.strerror}", where=str(path)) from error
    if not stat.S_ISDIR(found.st_mode):
        raise HomeError("is no folder", where=str(path), next="name another with --home")
    if found.st_uid != os.geteuid():
        raise HomeError(
            "belongs to somebody else", where=str(path), next="work as its owner, or name another with --home"
        )
    if found.st_mode & _OTHERS:
        raise HomeError(
            f"is open to others (mode {found.st_mode & 0o777:04o})",
            where=str(path),
            next=f"where it is a station's: chmod 0700 {path}",
        )
    return Home(path)
