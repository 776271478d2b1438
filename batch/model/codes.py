"""Codes under seal, as they cross pipes and rest in the records."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Binding:
    """What sealed codes belong to; they open for no other item and no other letter."""

    item_id: int
    mailer_number: str


@dataclass(frozen=True)
class DerivedAdmin:
    """An admin credential derived from the diversification key `key_name`, wrapped to a lane's key."""

    key_name: str
    for_lane: bytes


@dataclass(frozen=True)
class SealedCodes:
    """The codes of one item, each under the item's data key, and the data key wrapped twice.

    All of `pin`, `puk`, `admin` and `revocation` have one length. `for_custody` opens with the custody key
    of the epoch, `for_resume` with the item's resume key, which is destroyed when the token is produced.
    Where the admin credential is derived, `diversified_from` names the diversification key and `admin` holds
    nothing, at the same length. `ordered` is the digest of the statement that ordered the production in which
    they were drawn; without it, and with another, the custody key opens nothing.
    """

    for_custody: bytes
    for_resume: bytes
    pin: bytes
    puk: bytes
    admin: bytes
    revocation: bytes
    diversified_from: str | None = None
    ordered: str | None = None
