"""Where PINs and passphrases come from: a descriptor, a private file, or whoever gave the command.

Never from an argument or the environment, where other processes could read them (R40).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from drivers.secret import Secret
from station.asking import Asking, AtTerminal
from station.errors import PinUnavailable

PROMPT = "prompt"
"""The `pin` of a key token that a person is asked for."""

FILE = "file:"
"""Begins the `pin` of a key token that lies in a file; the rest is its absolute path."""

_LONGEST = 65_536
LONGEST_PIN = 255
"""Bytes; no token takes more, and one that cut a PIN short would spend a try on it."""

_TOO_LONG = f"a PIN has at most {LONGEST_PIN} bytes"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class PinSource:
    """Answers for the PIN of a key token by its name in `[keys]`: `custody`, `bench` or `ca`; and for an
    operator's PIN or passphrase by the operator's name.

    `sources` maps each name of a key token to its `pin` in station.toml. `descriptor` delivers lines
    `name PIN` and goes before both; it is read once, when a PIN is first wanted, and closed.
    """

    def __init__(
        self,
        sources: Mapping[str, str],
        descriptor: int | None = None,
        *,
        asking: Asking | None = None,
    ) -> None:
        self._sources = sources
        self._descriptor = descriptor
        self._asking = asking or AtTerminal()
        self._delivered: dict[str, Secret] = {}

    def pin(self, name: str) -> Secret:
        """The PIN of the key token `name`; raises `PinUnavailable`."""
        if (delivered := self._from_descriptor(name)) is not None:
            return delivered
        source = self._sources.get(name, PROMPT)
        if source.startswith(FILE):
            return read_file(Path(source.removeprefix(FILE)))
        return self._asking.secret(name, f"PIN of the {name} token")

    def chosen(self, name: str) -> Secret:
        """The PIN that a new key token shall have; raises `PinUnavailable`."""
        return self.new_code(name, f"PIN of the {name} token")

    def code(self, name: str, prompt: str) -> Secret:
        """A code that a holder gives, delivered under `name` or typed; raises `PinUnavailable`."""
        delivered = self._from_descriptor(name)
        return self._asking.secret(name, prompt) if delivered is None else delivered

    def new_code(self, name: str, prompt: str) -> Secret:
        """A code that a holder chooses, typed twice; raises `PinUnavailable`."""
        delivered = self._from_descriptor(name)
        return self._asking.secret(name, prompt, again=True) if delivered is None else delivered

    def of_operator(self, name: str, what: str, *, new: bool = False) -> Secret:
        """An operator's own; `what` is `PIN` or `passphrase`, `new` one to be. Raises `PinUnavailable`."""
        return (self.new_code if new else self.code)(name, f"{what} of {name}")

    def _from_descriptor(self, name: str) -> Secret | None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            self._delivered = _read_lines(descriptor)
        return self._delivered.get(name.casefold())


def read_file(path: Path) -> Secret:
    """The first line of a private file; raises `PinUnavailable` where it is missing or not private."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise PinUnavailable(
            f"the PIN file cannot be read: {error.strerror}",
            where=str(path),
            next="correct `pin` in station.toml",
        ) from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise PinUnavailable("the PIN file is no plain file", where=str(path))
    with open(descriptor, "rb") as file:
        if found.st_uid != os.geteuid():
            raise PinUnavailable(
                "the PIN file belongs to somebody else", where=str(path), next=f"chown it: {path}"
            )
        if found.st_mode & _OTHERS:
            raise PinUnavailable("the PIN file is open to others", where=str(path), next=f"chmod 0600 {path}")
        pin = file.readline(_LONGEST).rstrip(b"\r\n")
    if len(pin) > LONGEST_PIN:
        raise PinUnavailable(_TOO_LONG, where=str(path), next="write the PIN alone as its first line")
    if not pin:
        raise PinUnavailable("the PIN file is empty", where=str(path), next="write the PIN as its first line")
    return Secret(pin)


def _read_lines(descriptor: int) -> dict[str, Secret]:
    """What was delivered, by names whose case says nothing."""
    where = f"--pin-fd {descriptor}"
    try:
        with open(descriptor, "rb") as file:
            content = file.read(_LONGEST + 1)
    except OSError as error:
        raise PinUnavailable(
            f"cannot be read: {error.strerror}", where=where, next="open it for the command: 3< FILE"
        ) from None
    if len(content) > _LONGEST:
        raise PinUnavailable(f"delivers more than {_LONGEST:,} bytes", where=where, next="deliver PINs only")
    pins: dict[str, Secret] = {}
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        name, blank, pin = line.partition(b" ")
        # Neither the line nor its first word is shown: a PIN without its name stands there.
        if not blank or not pin:
            raise PinUnavailable(
                f"line {number} is not `name PIN`",
                where=where,
                next="the name is custody, bench, ca or an operator's",
            )
        if len(pin) > LONGEST_PIN:
            raise PinUnavailable(f"line {number}: {_TOO_LONG}", where=where)
        named = name.decode("utf-8", "replace").casefold()
        if named in pins:
            raise PinUnavailable(f"line {number} gives a second PIN for the same name", where=where)
        pins[named] = Secret(pin)
    return pins
