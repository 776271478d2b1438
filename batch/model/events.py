"""Events and entries of the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """Something that happened: who, where, to what. `detail` never holds a code.

    `kept` goes to the ledger beside the entry, not into the log: what brings lost facts back.
    """

    name: str
    operator: str
    order: str | None = None
    item: str | None = None
    seat: str | None = None
    token: str | None = None
    detail: Mapping[str, object] | None = None
    kept: Mapping[str, object] | None = None


@dataclass(frozen=True)
class Entry:
    """One entry of the log: its number, its canonical text and the hash over both it and all before."""

    sequence: int
    body: str
    hash: bytes


@dataclass(frozen=True)
class StoredCheckpoint:
    """A signed checkpoint over the first `size` entries, the verifier key it was signed under, the hashes
    from which the tree over those entries goes on, and when it was made (ISO 8601).
    """

    size: int
    note: str
    key: str
    frontier: bytes
    made_at: str
