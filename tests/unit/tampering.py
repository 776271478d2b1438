"""Somebody who has the database file and knows how the log is made."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path
from types import TracebackType

from batch.audit.chain import GENESIS, canonical


class Tamper:
    """The entries as lists to be edited; written back when the work is done."""

    def __init__(self, path: Path) -> None:
        self._file = sqlite3.connect(path)
        rows = self._file.execute("SELECT body, hash FROM audit ORDER BY sequence").fetchall()
        self.bodies = [str(body) for body, _ in rows]
        self.hashes = [bytes(value) for _, value in rows]
        self._before = (list(self.bodies), list(self.hashes))

    def __enter__(self) -> Tamper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if (self.bodies, self.hashes) != self._before:
            self._file.execute("DELETE FROM audit")
            rows = zip(self.bodies, self.hashes, strict=False)
            self._file.executemany(
                "INSERT INTO audit VALUES (?, ?, ?)",
                ((number, body, value) for number, (body, value) in enumerate(rows, 1)),
            )
        self._file.commit()
        self._file.close()

    def execute(self, statement: str) -> None:
        """Anything else."""
        self._file.execute(statement)

    def renumber(self) -> None:
        """Give every entry the number of its place."""
        numbered = enumerate(self.bodies, 1)
        self.bodies = [canonical({**json.loads(body), "n": number}) for number, body in numbered]

    def rehash(self) -> None:
        """Compute the whole chain anew."""
        self.hashes, before = [], GENESIS
        for body in self.bodies:
            before = hashlib.sha256(before + body.encode()).digest()
            self.hashes.append(before)
