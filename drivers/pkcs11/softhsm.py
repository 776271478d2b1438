"""SoftHSM as the home of the desk's own keys where there is no hardware: the embedded default."""

from __future__ import annotations

import os
from pathlib import Path

from drivers.errors import Unsupported

MODULES = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib64/softhsm/libsofthsm2.so"),
    Path("/usr/lib64/pkcs11/libsofthsm2.so"),
    Path("/usr/local/lib/softhsm/libsofthsm2.so"),
)
"""Where distributions put the module."""


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
    tokens, configuration = directory / "tokens", directory / "softhsm2.conf"
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


def settle(directory: Path) -> None:
    """Force all tokens of `prepare(directory)` to disk: SoftHSM writes without fsync."""
    for folder, _, files in os.walk(directory, onerror=_raise):
        for name in (*files, "."):
            descriptor = os.open(os.path.join(folder, name), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _raise(error: OSError) -> None:
    raise error
