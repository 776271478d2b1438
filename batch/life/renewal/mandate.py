"""What a lane may renew on a token: held by the lane itself against what was signed (R35)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from batch.audit.contents import commitment_of_words
from batch.model.errors import NotTrusted
from batch.model.orders import Item
from batch.model.people import Signed
from batch.people.register import Register, Trust, replay
from batch.people.separation import Act
from batch.people.statements import Statement, digest, read
from batch.production.assignment import KeyTask
from batch.production.briefing import key_tasks
from layouts.digests import token_digest
from layouts.token import TokenLayout

About = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """A renewal as an order officer signs for it.

    `item` has the words that hold from here on, and the salt that goes with them. `certificates` are the
    SHA-256 of those that are renewed, by key. `old` says what becomes of them.
    """

    number: str
    order: str
    way: str
    item: Item
    layout: TokenLayout
    certificates: Mapping[str, str]
    old: str

    def about(self) -> About:
        """What RENEW is about."""
        return {
            "renewal": self.number,
            "order": self.order,
            "item": self.item.mailer_number,
            "token": self.item.token_serial,
            "way": self.way,
            "layout": {self.item.layout: token_digest(self.layout)},
            "words": commitment_of_words(self.item),
            "certificates": dict(self.certificates),
            "old": self.old,
        }


def role_of(number: str, item: str) -> About:
    """What CONFIRM_ROLE is about: a renewal, and the token by number."""
    return {"renewal": number, "item": item}


def approving(number: str, asked: Signed, role: Signed | None) -> About:
    """What APPROVE_RENEWAL is about: what an officer asked for, and another's word for the role."""
    role_digest = digest(role.text) if role is not None else None
    return {"renewal": number, "asked": digest(asked.text), "role": role_digest}


def approved_renewal(
    register: Register, asked: Signed, approved: Signed, role: Signed | None, at: datetime
) -> Statement:
    """What was asked for, where its approval holds at a moment; raises `NotTrusted` or `Refused` (R35)."""
    wanted = register.verify(asked, Act.RENEW, at=read(asked).at)
    before = {Act.RENEW: asked.signers}
    approval = register.verify(approved, Act.APPROVE_RENEWAL, at=at, before=before)
    number = wanted.about.get("renewal")
    if approval.about != approving(str(number), asked, role):
        raise NotTrusted("approves another renewal", where=f"statement {digest(approved.text)[:16]}")
    if role is not None:
        confirmed = register.verify(role, Act.CONFIRM_ROLE, at=read(role).at, before=before)
        if confirmed.about != role_of(str(number), str(wanted.about.get("item"))):
            raise NotTrusted("confirms another role", where=f"statement {digest(role.text)[:16]}")
    return wanted


@dataclass(frozen=True)
class RenewalMandate:
    """What a lane is given to verify: the register's chain, what the bench's key token keeps of it, what was
    asked for and approved, another's word for the role where there is one, and the layout.
    """

    trust: Trust
    register: tuple[Signed, ...]
    asked: Signed
    approved: Signed
    role: Signed | None
    layout: TokenLayout


class RenewalInspector:
    """Verifies a mandate, and then what is to be renewed; raises `BatchError` telling what does not hold."""

    def __init__(self, mandate: RenewalMandate, at: datetime | None = None) -> None:
        register = replay(mandate.register, mandate.trust)
        moment = at or datetime.now(UTC)
        if mandate.layout.life.confirm_role and mandate.role is None:
            raise NotTrusted("nobody has confirmed the role", where="renewal")
        asked, approved = mandate.asked, mandate.approved
        self._about = approved_renewal(register, asked, approved, mandate.role, moment).about
        self._layout = mandate.layout

    def tasks(self, wanted: Wanted, serial: str | None, not_before: datetime) -> dict[str, KeyTask]:
        """The keys to be made for what was approved, on the token of that serial, by name."""
        where = f"renewal {wanted.number}"
        if self._about != replace(wanted, layout=self._layout).about():
            raise NotTrusted(
                "is not what was approved: its words, token, layout or certificates are others",
                where=where,
                next="have it confirmed and approved anew",
            )
        if wanted.item.token_serial is None or serial != wanted.item.token_serial:
            raise NotTrusted("was approved for another token", where=where)
        found = {task.name: task for task in key_tasks(wanted.item.fields, not_before, self._layout)}
        if found.keys() != wanted.certificates.keys():
            raise NotTrusted("the layout has other keys than the token", where=where)
        return found

    def check_old(self, name: str, certificate: bytes) -> None:
        """Whether a certificate (DER) is the one that was to be renewed."""
        if self._about["certificates"].get(name) != hashlib.sha256(certificate).hexdigest():
            raise NotTrusted("is not the certificate that was to be renewed", where=f"key {name}")
