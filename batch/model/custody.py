"""Custody as the records hold it: shares of its PIN, its keys, and the ceremonies that made them."""

from __future__ import annotations

import enum
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from batch.model.people import Signed


@dataclass(frozen=True)
class SealedShare:
    """One officer's share of a PIN, sealed to their agreement key; `place` is its x coordinate, from 1."""

    officer: str
    place: int
    sealed: bytes


@dataclass(frozen=True)
class ShareSet:
    """A PIN of the custody token, split: any `threshold` of the shares make it again.

    `station` is the digest of the register's founding. `check` (32 bytes) tells whether shares were joined
    rightly, and nothing else of the PIN.
    """

    name: str
    station: str
    threshold: int
    check: bytes
    shares: tuple[SealedShare, ...]

    @property
    def officers(self) -> tuple[str, ...]:
        """Who has a share."""
        return tuple(share.officer for share in self.shares)

    @property
    def digest(self) -> str:
        """SHA-256, hexadecimal, over all of it: what a statement names it by."""
        return hashlib.sha256(self.note()).hexdigest()

    def note(self) -> bytes:
        """All of it as canonical JSON, as the custody token carries it."""
        facts = {
            "name": self.name,
            "station": self.station,
            "threshold": self.threshold,
            "check": self.check.hex(),
            "shares": [[share.officer, share.place, share.sealed.hex()] for share in self.shares],
        }
        return json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def of_note(cls, note: bytes) -> ShareSet | None:
        """What `note` made; None where it is none of ours."""
        try:
            facts = json.loads(note)
            shares = tuple(
                SealedShare(str(officer), int(place), bytes.fromhex(sealed))
                for officer, place, sealed in facts["shares"]
            )
            check = bytes.fromhex(facts["check"])
            return cls(str(facts["name"]), str(facts["station"]), int(facts["threshold"]), check, shares)
        except (ValueError, KeyError, TypeError, RecursionError):
            return None


class SetState(enum.StrEnum):
    """DRAWN: on record before the token's PIN was changed to it; CURRENT: it opened the token."""

    DRAWN = "drawn"
    CURRENT = "current"
    RETIRED = "retired"


@dataclass(frozen=True)
class RoomKeys:
    """The public keys (SPKI, DER; P-256) of one custody process, made when it starts and gone with it.

    Shares are handed over to `agreement`; what the process did is signed with `signing`.
    """

    agreement: bytes
    signing: bytes

    @property
    def digest(self) -> str:
        """SHA-256, hexadecimal, over both: what the officers' statement names the process by."""
        return hashlib.sha256(self.agreement + self.signing).hexdigest()


@dataclass(frozen=True)
class HandedSet:
    """A share set, and those of its shares that officers handed over to a custody process, by officer."""

    shares: ShareSet
    handed: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Opening:
    """What a custody process is given: share sets that may open the token, the register of operators as
    statements, and the statement in which the officers who are there say what for.
    """

    sets: tuple[HandedSet, ...]
    register: tuple[Signed, ...]
    signed: Signed


@dataclass(frozen=True)
class Outcome:
    """What a custody process did: canonical JSON that names the statement it was for, and its signature."""

    text: bytes
    signature: bytes


@dataclass(frozen=True)
class Ceremony:
    """Something that officers had done in custody; `outcome` is None while it is not known to be done."""

    id: int
    kind: str
    statement: str
    keys: RoomKeys
    begun_at: datetime
    outcome: Outcome | None
    ended_at: datetime | None


class KeyState(enum.StrEnum):
    """Of an epoch's key: in stock, taken by an order, about to be destroyed, or gone."""

    STOCK = "in-stock"
    TAKEN = "taken"
    ENDING = "ending"
    DESTROYED = "destroyed"
    DOUBTFUL = "doubtful"


@dataclass(frozen=True)
class CustodyKey:
    """The key of an epoch: its name in the custody token, its SPKI (DER), and the ceremony it was made in.

    `ceremony` is None for one that an older program made when an order was approved. `order` is the number
    of the order that took it.
    """

    name: str
    public_key: bytes
    ceremony: int | None
    made_at: datetime
    order: str | None
    state: KeyState
    destroyed_at: datetime | None
