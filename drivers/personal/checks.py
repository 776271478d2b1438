"""What both drivers of operators' tokens refuse, in the same words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from drivers.errors import AuthenticationFailed, Blocked, RetryBudget, Unsupported

_UNBLOCK = "unblock it with the tool and the PUK it came with, or take it back to whoever issued it"


def personal(what: str, where: str) -> Unsupported:
    """The error for a token that is blank, or somebody else's kind of token."""
    return Unsupported(f"{what}: it is no operator's token", where=where, next="insert your own token")


def log_in_first(where: str) -> AuthenticationFailed:
    """The error for a key that is used before the PIN was shown."""
    return AuthenticationFailed("nobody is logged in to this token", where=where, next="give its PIN first")


def agreement_peer(peer: bytes, where: str) -> ec.EllipticCurvePublicKey:
    """The other's public key (SPKI, DER); raises `Unsupported` where it is none on P-256."""
    try:
        key = load_der_public_key(peer)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise Unsupported("secrets are agreed on with P-256 keys only", where=where)
    return key


@contextmanager
def spared(where: str) -> Iterator[None]:
    """Around a try at the PIN: what was refused is told as the holder can mend it."""
    try:
        yield
    except RetryBudget:
        raise RetryBudget(
            "the PIN was not tried, because it could be its last try",
            where=where,
            next=_UNBLOCK,
        ) from None
    except Blocked as error:
        raise Blocked("the PIN is blocked", remaining=0, where=error.where or where, next=_UNBLOCK) from None
    except AuthenticationFailed as error:
        left = "" if error.remaining is None else f", tries left: {error.remaining}"
        raise AuthenticationFailed(
            f"the PIN was refused{left}",
            remaining=error.remaining,
            where=error.where or where,
            next="type it again with care; the last try is never made",
        ) from None
