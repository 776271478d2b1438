"""The custody process as the desk calls it, and the file that is kept of each ceremony."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

from batch.people.ceremonies import Held
from drivers.process import Child
from station.home import Home
from station.key_tokens import settle_keys

_CHANGES = frozenset(
    {
        "create",
        "open",
        "open_with_pin",
        "change_pin",
        "settle_sets",
        "make_keys",
        "destroy_key",
        "destroy_again",
    }
)
"""What writes to the token."""


class CustodyProcess:
    """A child process with the custody token; what it wrote to the token is on disk when it answers."""

    def __init__(self, home: Home, child: Child) -> None:
        self._home, self.child = home, child

    def ask(self, method: str, *arguments: Any, timeout: float | None = None) -> Any:
        """Call and wait for the value; raises what the child raised."""
        answer = self.child.ask(method, *arguments, timeout=timeout)
        if method in _CHANGES:
            settle_keys(self._home)
        return answer


def write_down(home: Home, held: Held) -> Path:
    """Write a ceremony to a file of its own in the home: the officers' statement, signatures, outcome."""
    statement = held.given.statement
    told = {
        "ceremony": held.id,
        "kind": statement.about["ceremony"],
        "at": statement.at.isoformat(timespec="seconds"),
        "officers": list(held.given.signed.signers),
        "statement": json.loads(held.given.signed.text),
        "digest": held.given.digest,
        "signatures": {
            one.operator: base64.b64encode(one.value).decode() for one in held.given.signed.signatures
        },
        "outcome": json.loads(held.outcome.text),
        "outcome_signature": base64.b64encode(held.outcome.signature).decode(),
        "keys": {
            "agreement": base64.b64encode(held.keys.agreement).decode(),
            "signing": base64.b64encode(held.keys.signing).decode(),
        },
    }
    folder = home.path / "ceremonies"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{held.id:04d}-{told['kind']}.json"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(told, file, ensure_ascii=False, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    return path
