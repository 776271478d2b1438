"""What a ceremony of custody proves: the officers' statement, and what the process they opened signed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from batch.model.custody import Outcome, RoomKeys
from batch.model.errors import NotTrusted
from batch.model.people import Signed
from batch.people.register import Register
from batch.people.separation import Act
from batch.people.statements import digest, read

_DOMAIN = b"issuance-station/custody-outcome/1\n"


def outcome_message(text: bytes) -> bytes:
    """What is signed of an outcome's text."""
    return _DOMAIN + text


def done(register: Register, signed: Signed, keys: RoomKeys, outcome: Outcome) -> dict[str, Any]:
    """What was done in a ceremony, proven by the officers' signatures and their process's; `NotTrusted`."""
    where = f"ceremony {digest(signed.text)[:16]}"
    statement = register.verify(signed, Act.MANAGE_CUSTODY, at=read(signed).at)
    facts = _facts(outcome.text)
    if statement.about.get("room") != keys.digest or facts.get("statement") != digest(signed.text):
        raise NotTrusted("its outcome is of another ceremony", where=where)
    if not _holds(keys.signing, outcome):
        raise NotTrusted("its outcome was changed", where=where)
    told = facts.get("done")
    return told if isinstance(told, dict) else {}


def check_key(
    register: Register, name: str, public_key: bytes, signed: Signed, keys: RoomKeys, outcome: Outcome
) -> None:
    """Raise `NotTrusted` unless officers had this key (SPKI, DER) made under this name."""
    made = done(register, signed, keys, outcome).get("keys")
    if not isinstance(made, dict) or made.get(name) != hashlib.sha256(public_key).hexdigest():
        raise NotTrusted(
            "this is not the key that two officers made",
            where=name,
            next="somebody changed the records: see `station audit verify`, then restore a backup",
        )


def _facts(text: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(text)
    except ValueError:
        facts = None
    return facts if isinstance(facts, dict) else {}


def _holds(key: bytes, outcome: Outcome) -> bool:
    public = load_der_public_key(key)
    if not isinstance(public, ec.EllipticCurvePublicKey):
        return False
    try:
        public.verify(outcome.signature, outcome_message(outcome.text), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
