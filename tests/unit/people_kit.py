"""Operators with keys in memory, for tests of what they may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from batch.custody.sealing import open_with, seal_to
from batch.model.people import Means, Operator, Role
from batch.people.acting import Actor, register_of
from batch.people.operators import enrol, found
from batch.people.register import Trust
from batch.store.clock import now
from batch.store.database import Records
from drivers.errors import DriverError


def actor(name: str, *roles: Role) -> Actor:
    """Somebody with a key of their own, which opens what is sealed to them as well."""
    key = ec.generate_private_key(ec.SECP256R1())

    def reseal(sealed: bytes, context: bytes, recipient: bytes, new_context: bytes) -> bytes:
        try:
            return seal_to(open_with(sealed, key, context).reveal(), recipient, new_context)
        except InvalidTag:
            raise DriverError("what is sealed does not open with this token", where=name) from None

    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Actor(
        Operator(
            name, frozenset(roles), Means.PASSPHRASE, spki, spki, None, datetime(2020, 1, 1, tzinfo=UTC)
        ),
        lambda message: key.sign(message, ec.ECDSA(hashes.SHA256())),
        reseal,
    )


class Anchors:
    """A key token's memory of the register."""

    def __init__(self) -> None:
        self.trust: Trust | None = None

    def __call__(self, trust: Trust) -> None:
        self.trust = trust


def desk_of(records: Records, *others: Actor, anchor: Callable[[Trust], None]) -> tuple[Actor, Actor]:
    """Found a desk with two administrators, and let them enrol the others."""
    one, two = actor("ann", Role.ADMINISTRATOR), actor("ben", Role.ADMINISTRATOR)
    found(records, [one, two], name="Desk", anchors=[], anchor=anchor)
    one, two = (as_known(records, who) for who in (one, two))
    for other in others:
        enrol(records, one, other.operator, anchor=anchor)
        enrol(records, two, other.operator, anchor=anchor)
    return one, two


def as_known(records: Records, who: Actor) -> Actor:
    """The same actor, as the register has them."""
    return replace(who, operator=register_of(records).operator(who.name))


def later(**more: float) -> datetime:
    """A moment from now on."""
    return now() + timedelta(**more)
