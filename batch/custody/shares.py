"""Splitting the PIN of the custody token among officers, and joining it again (R7).

Shamir's scheme over GF(2^128). The PIN is 16 random bytes in hexadecimal, so its check value gives nothing
away. Each share is sealed to its officer's agreement key, bound to station, share set, officer and place.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from itertools import combinations

from Crypto.Protocol.SecretSharing import Shamir
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec

from batch.custody.sealing import open_with, seal_to
from batch.model.custody import HandedSet, SealedShare, ShareSet
from batch.model.errors import NotTrusted, Refused
from drivers.secret import Secret

LEAST = 2
"""Officers that it takes at least (R7)."""

MOST = 16
"""Officers that a PIN is split among at most."""

_LENGTH = 16


def split(station: str, officers: Mapping[str, bytes], threshold: int) -> tuple[Secret, ShareSet]:
    """A new PIN, and its shares sealed to these officers' agreement keys (SPKI, DER), in this order.

    Raises `Refused` for numbers that do not fit together.
    """
    if not LEAST <= threshold <= len(officers) <= MOST:
        raise Refused(
            f"{threshold} of {len(officers)} officers cannot be",
            where="custody",
            next=f"name {LEAST} to {MOST} officers, and a threshold from {LEAST} to their number",
        )
    secret, name = secrets.token_bytes(_LENGTH), secrets.token_hex(8)
    parts = Shamir.split(threshold, len(officers), secret)
    shares = tuple(
        SealedShare(officer, place, seal_to(part, key, context(station, name, officer, place)))
        for (officer, key), (place, part) in zip(officers.items(), parts, strict=True)
    )
    return _pin(secret), ShareSet(name, station, threshold, _check(secret, station, name), shares)


def context(station: str, name: str, officer: str, place: int, *, handed: bool = False) -> bytes:
    """What a sealed share is bound to: to its officer, or `handed` over to a custody process."""
    purpose = "share-handed-over" if handed else "share"
    return f"station/{purpose}/{station}/{name}/{place}/{officer}".encode()


def join(given: HandedSet, key: ec.EllipticCurvePrivateKey) -> Secret:
    """The PIN, from shares that were handed over to the custody process that has `key`.

    Raises `Refused` where there are too few, `NotTrusted` where one was changed or does not belong to the
    others: nothing is tried with a PIN that is not the one that was split.
    """
    shares = given.shares
    parts = list(_parts(given, key))
    if len(parts) < shares.threshold:
        raise Refused(
            f"{len(parts)} of the {shares.threshold} shares it takes are there",
            where="custody",
            next=f"let {shares.threshold} of {', '.join(shares.officers)} open it together",
        )
    for chosen in combinations(parts, shares.threshold):
        secret = _joined(chosen)
        if secret and hmac.compare_digest(_check(secret, shares.station, shares.name), shares.check):
            return _pin(secret)
    raise NotTrusted(
        "the shares do not fit together: one of them was changed; the token's PIN was not tried",
        where="custody",
        next="let other officers open it; see with `station audit verify` what became of the records",
    )


def _parts(given: HandedSet, key: ec.EllipticCurvePrivateKey) -> Sequence[tuple[int, bytes]]:
    shares, handed = given.shares, dict(given.handed)
    found: dict[int, bytes] = {}
    for share in shares.shares:
        if share.officer not in handed:
            continue
        bound = context(shares.station, shares.name, share.officer, share.place, handed=True)
        try:
            found[share.place] = open_with(handed[share.officer], key, bound).reveal()
        except InvalidTag:
            raise NotTrusted(
                f"the share of {share.officer} was not handed over to this process",
                where="custody",
                next="begin again",
            ) from None
    return list(found.items())


def _joined(parts: Sequence[tuple[int, bytes]]) -> bytes | None:
    if any(len(part) != _LENGTH for _, part in parts):
        return None
    return bytes(Shamir.combine(list(parts)))


def _check(secret: bytes, station: str, name: str) -> bytes:
    return hmac.digest(secret, f"station/share-set/{station}/{name}".encode(), "sha256")


def _pin(secret: bytes) -> Secret:
    return Secret.text(secret.hex())
