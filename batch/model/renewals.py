"""Renewals as the records hold them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from batch.model.states import RenewalState


class Way(enum.StrEnum):
    """Where the new keys are made."""

    SAME = "same-token"
    NEW = "new-token"


class OldEnds(enum.StrEnum):
    """What becomes of the old certificates once the new ones are proven."""

    EXPIRE = "expire"
    REVOKE = "revoke"


class Pause(enum.StrEnum):
    """What a renewal waits for."""

    PAYMENT = "payment"
    APPROVAL = "approval"


@dataclass(frozen=True)
class Renewal:
    """One renewal of a finished token.

    `changes` are the fields that hold no longer, with what holds in their place; `held` the others that were
    said to hold. `role_by` confirmed that the role still holds. `voucher` is the digest of the one it spent,
    `paid` the reference of another payment. `statement` is the digest of its approval. `new_item` is made in
    the token's place.
    """

    id: int
    item_id: int
    way: Way
    state: RenewalState
    old_ends: OldEnds
    begun_by: str
    begun_at: datetime
    changes: Mapping[str, str]
    held: tuple[str, ...]
    held_by: str | None = None
    salt: bytes | None = None
    role_by: str | None = None
    role_at: datetime | None = None
    voucher: str | None = None
    paid: str | None = None
    pause: Pause | None = None
    pause_until: date | None = None
    approved_by: str | None = None
    statement: str | None = None
    carried_out_by: str | None = None
    new_item: int | None = None
    ended_at: datetime | None = None
    reason: str | None = None

    @property
    def number(self) -> str:
        """Its number, such as `R-000001`."""
        return f"R-{self.id:06d}"


@dataclass(frozen=True)
class RenewalKey:
    """One key that a renewal makes anew; SPKI, CSR and certificate are DER.

    `slot` is the old key's place, `made_at` that of the new one until it is proven, `kept_at` that of the old
    one from then on.
    """

    renewal_id: int
    name: str
    slot: str
    made_at: str
    kept_at: str
    not_before: datetime
    generation: int
    public_key: bytes | None = None
    evidence: str | None = None
    csr: bytes | None = None
    certificate: bytes | None = None


@dataclass(frozen=True)
class FormerKey:
    """A key that a renewal put aside, and where it is on the token; SPKI and certificate as DER."""

    item_id: int
    name: str
    renewal_id: int
    slot: str
    public_key: bytes
    evidence: str | None
    certificate: bytes | None
