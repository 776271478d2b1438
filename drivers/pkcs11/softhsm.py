"""SoftHSM as the home of the desk's own keys where there is no hardware: the embedded default."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from drivers.errors import Unsupported

MODULES = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib64/softhsm/libsofthsm2.so"),
    Path("/usr/lib64/pkcs11/libsofthsm2.so"),
    Path("/usr/local/lib/softhsm/libsofthsm2.so"),
)
"""Where distributions put the module."""


_CONFIGURATION = "softhsm2.conf"


def module() -> str:
    """The path of SoftHSM's module here; raises `Unsupported` saying what to install."""
    for path in MODULES:
        if path.exists():
            return str(path)
    raise Unsupported("SoftHSM is not installed", next="install the package softhsm2")


def prepare(directory: Path) -> dict[str, str]:
    """Make a token directory (0700) with its configuration (0600); the environment for the child using it.

    What is there already stays.
    """
    tokens, configuration = directory / "tokens", directory / _CONFIGURATION
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    tokens.mkdir(mode=0o700, exist_ok=True)
    for private in (directory, tokens):
        private.chmod(0o700)
    text = f"directories.tokendir = {tokens.resolve()}\nobjectstore.backend = file\nlog.level = ERROR\n"
    if not configuration.exists() or configuration.read_text() != text:
        descriptor = os.open(configuration, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
    configuration.chmod(0o600)
    return {"SOFTHSM2_CONF": str(configuration.resolve())}


def token_directory() -> str | None:
    """Where SoftHSM keeps its tokens in this process, as its configuration says, None where it does not.

    A link that is swapped for another stays the name it has.
    """
    try:
        text = Path(os.environ["SOFTHSM2_CONF"]).read_text("utf-8", "replace")
    except (KeyError, OSError):
        return None
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "directories.tokendir":
            folder, name = os.path.split(os.path.abspath(value.strip()))
            return os.path.join(os.path.realpath(folder), name)
    return None


def mend() -> None:
    """Put back what a login that was cut off has torn, from the copy that `keep` made.

    SoftHSM empties `token.object` and writes it anew at every login, so that a kill, a power cut or a full
    disk just then would lose the token with all its keys. Only for directories of `prepare`.
    """
    for token, copy in _kept():
        with suppress(OSError), _alone(token):
            if token.stat().st_size < copy.stat().st_size:
                _replace(token, copy.read_bytes())


def keep() -> None:
    """Keep a copy of what logins rewrite, of tokens that are known to be sound; after a PIN was changed, too.

    Without room for it the copy before stays.
    """
    for token, copy in _kept():
        with suppress(OSError), _alone(token):
            found = token.read_bytes()
            if found and (not copy.exists() or copy.read_bytes() != found):
                copy.parent.mkdir(mode=0o700, exist_ok=True)
                _replace(copy, found)


def _kept() -> list[tuple[Path, Path]]:
    """Every token's `token.object` and where its copy is, in a directory of `prepare`."""
    directory = Path(token_directory() or "/")
    if not (directory.parent / _CONFIGURATION).is_file():
        return []
    found = directory.glob("*/token.object")
    return [(token, directory.parent / "kept" / f"{token.parent.name}.object") for token in found]


@contextmanager
def _alone(token: Path) -> Iterator[None]:
    """While no other process rewrites a token: SoftHSM holds the same lock then."""
    with open(token.with_name("token.lock"), "ab") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        yield


def _replace(path: Path, content: bytes) -> None:
    """Put a file in place of another, whole and on disk; raises `OSError` and leaves what was there."""
    beside = path.with_name(f".{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _sync(path.parent)


def _sync(path: str | Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def settle(directory: Path) -> None:
    """Force all tokens of `prepare(directory)` to disk: SoftHSM writes without fsync."""
    for folder, _, files in os.walk(directory, onerror=_raise):
        for name in (*files, "."):
            # Another process may have destroyed a key meanwhile.
            with suppress(FileNotFoundError):
                _sync(os.path.join(folder, name))


def _raise(error: OSError) -> None:
    raise error
