"""What a terminal keeps of its session: a random key, in a file that only its user reads."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from batch.people.logins import Kept
from station.home import Home

_KEY = 32


class Terminal:
    """This terminal session (setsid(2)) of this user, at one home."""

    def __init__(self, home: Home) -> None:
        self._home = home.path
        self._session = os.getsid(0)

    @property
    def place(self) -> str:
        """What the key is bound to: home, user, this boot, terminal session with the moment it began."""
        parts = (self._home.resolve(), os.getuid(), _boot(), self._session, _begun(self._session))
        return "\n".join(str(part) for part in parts)

    def kept(self) -> Kept | None:
        """The key, None where nobody logged in here."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        with open(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
                return None
            key = file.read(_KEY + 1)
        return Kept(key, datetime.fromtimestamp(found.st_mtime, UTC)) if len(key) == _KEY else None

    def keep(self) -> bytes:
        """A new key, in the place of what was kept."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.forget()
        key = secrets.token_bytes(_KEY)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(key)
        return key

    def renew(self) -> None:
        """The session was used at this moment."""
        with suppress(FileNotFoundError):
            os.utime(self._path)

    def forget(self) -> None:
        """Keep nothing."""
        self._path.unlink(missing_ok=True)

    @property
    def _path(self) -> Path:
        return self._home / "run" / "sessions" / str(self._session)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def _begun(process: int) -> str:
    """When the session's first process began (proc(5): starttime); empty once that is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
