"""Looking for codes where none may be: in files, in what was said, in processes."""

from __future__ import annotations

import base64
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from drivers.secret import Secret

_MOMENT = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?")
"""Times: their microseconds are six digits, and sooner or later somebody's PIN."""


class Hunt:
    """Finds secrets in any form they may have been written down in; tells where, never what.

    Forms: as they are, where no letter or digit is beside them (short digits turn up by chance within
    longer runs); UTF-16; hexadecimal; base64 in each of its three alignments; all also padded with FF to
    eight bytes, as PIV cards take them.
    """

    def __init__(self, secrets: Mapping[str, Secret]) -> None:
        self._forms = {name: _forms(secret.reveal()) for name, secret in secrets.items()}

    def finds(self, place: str, content: bytes) -> Iterator[str]:
        """`name in place` for each secret that is there."""
        content = _MOMENT.sub(b"@", content)
        hexadecimal = content.translate(None, b" :-").lower()
        for name, forms in self._forms.items():
            if forms.are_in(content, hexadecimal):
                yield f"{name} in {place}"

    def through(self, *roots: Path, but: Iterable[Path] = ()) -> list[str]:
        """All finds in names and contents of files below `roots`, those below `but` left out."""
        left_out = set(but)
        found: list[str] = []
        for root in roots:
            for folder, folders, files in os.walk(root):
                folders[:] = [name for name in folders if Path(folder, name) not in left_out]
                for path in (Path(folder, name) for name in files):
                    if path not in left_out and path.is_file() and not path.is_symlink():
                        found += self.finds(str(path), os.fsencode(path) + b"\n" + path.read_bytes())
        return found


class Watch(threading.Thread):
    """Reads command lines and environments of all processes that name one of the folders, until `end`."""

    def __init__(self, *folders: Path) -> None:
        super().__init__(daemon=True)
        self._names = [os.fsencode(folder) for folder in folders]
        self._done = threading.Event()
        self.seen: set[bytes] = set()
        """What was read: one entry for each command line and each environment."""
        self.commands: set[bytes] = set()
        """The command lines among them."""

    def run(self) -> None:
        while not self._done.wait(0.01):
            for process in Path("/proc").iterdir():
                if process.name.isdigit() and int(process.name) != os.getpid():
                    self._read(process)

    def end(self) -> None:
        """Stop reading."""
        self._done.set()
        self.join()

    def _read(self, process: Path) -> None:
        try:
            command = (process / "cmdline").read_bytes()
            environment = (process / "environ").read_bytes()
        except OSError:
            return
        if any(name in command or name in environment for name in self._names):
            self.commands.add(command)
            self.seen |= {command, environment}


@dataclass(frozen=True)
class _Forms:
    """How one secret may be written: `bounded` with no letter or digit beside it, `plain` anywhere.

    `hexadecimal` is looked for in lower case without the signs people put between bytes.
    """

    bounded: tuple[bytes, ...]
    plain: tuple[bytes, ...]
    hexadecimal: tuple[bytes, ...]

    def are_in(self, content: bytes, hexadecimal: bytes) -> bool:
        # Looking for each is many times faster than one expression for all.
        return (
            any(one in content for one in self.plain)
            or any(one in hexadecimal for one in self.hexadecimal)
            or any(_bounded(one, content) for one in self.bounded)
        )


def _bounded(value: bytes, content: bytes) -> bool:
    bounds = rb"(?<![0-9A-Za-z])%s(?![0-9A-Za-z])"
    return value in content and re.search(bounds % re.escape(value), content) is not None


def _forms(value: bytes) -> _Forms:
    padded = value.ljust(8, b"\xff")
    both = {value, padded}
    plain = {padded, *_wide(value), *(form for one in both for form in _base64(one))}
    short = len(value) <= 8
    return _Forms(
        bounded=(value,) if short else (),
        plain=tuple((plain if short else plain | {value}) - ({value} if short else set())),
        hexadecimal=tuple(one.hex().encode() for one in both),
    )


def _wide(value: bytes) -> Iterator[bytes]:
    try:
        text = value.decode("ascii")
    except UnicodeDecodeError:
        return
    yield text.encode("utf-16-le")
    yield text.encode("utf-16-be")


def _base64(value: bytes) -> Iterator[bytes]:
    """The characters that depend on nothing but the value, in each alignment."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + value)
        first = -(-before * 8 // 6)
        last = (before + len(value)) * 8 // 6
        yield encoded[first:last]
