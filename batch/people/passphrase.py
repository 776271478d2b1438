"""An operator's keys under a passphrase, for desks whose operators have no tokens of their own.

Two P-256 keys, one that signs and one that opens what is sealed to the operator, are encrypted under the
passphrase (Argon2id, RFC 9106; AES-256-GCM). They are in clear in a process of their own only.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from batch.custody.sealing import open_with, seal_to
from batch.people.challenges import is_challenge
from batch.people.statements import is_message
from drivers.errors import AuthenticationFailed, DriverError, Unsupported
from drivers.secret import Secret

SHORTEST = 12
"""Characters of a passphrase at least: whoever copies the disk may try as many as they like."""

_MEMORY, _PASSES = 19 * 1024, 2
_MOST_MEMORY, _MOST_PASSES = 1024 * 1024, 64
"""KiB and passes; what is on record says what it takes, and is not let to hold up the desk."""


class OperatorKeys(Protocol):
    """The keys of one operator, in a token or under a passphrase, served in a process of their own.

    Every method raises `DriverError`.
    """

    def login(self, pin: Secret) -> None:
        """Show the PIN or passphrase; raises `AuthenticationFailed`."""
        ...

    def answer(self, challenge: bytes) -> bytes:
        """The signature over a login challenge, and over nothing else."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature over the message of a statement, and over nothing else."""
        ...

    def agreement_key(self) -> bytes | None:
        """The P-256 key (SPKI, DER) that what is for this operator is sealed to; None without."""
        ...

    def reseal(self, sealed: bytes, context: bytes, recipient: bytes, new_context: bytes) -> bytes:
        """What is sealed to this operator under `context`, sealed to `recipient` (SPKI) under another."""
        ...


@dataclass(frozen=True)
class Made:
    """A new operator's keys: encrypted, and the two public ones (SPKI, DER)."""

    sealed: bytes
    key: bytes
    agreement: bytes


class PassphraseKeys:
    """Serves the keys that a passphrase opens; `sealed` is how they are on record."""

    def __init__(self, sealed: bytes, where: str) -> None:
        self._sealed, self._where = sealed, where
        self._opened: tuple[ec.EllipticCurvePrivateKey, ec.EllipticCurvePrivateKey] | None = None

    def login(self, pin: Secret) -> None:
        self._opened = _open(self._sealed, pin, self._where)

    def answer(self, challenge: bytes) -> bytes:
        if not is_challenge(challenge):
            raise Unsupported("this is no login challenge", where=self._where, next="report this as a bug")
        return self._keys[0].sign(challenge, ec.ECDSA(hashes.SHA256()))

    def sign(self, message: bytes) -> bytes:
        if not is_message(message):
            raise Unsupported("this is no statement", where=self._where, next="report this as a bug")
        return self._keys[0].sign(message, ec.ECDSA(hashes.SHA256()))

    def agreement_key(self) -> bytes | None:
        return _spki(self._keys[1])

    def reseal(self, sealed: bytes, context: bytes, recipient: bytes, new_context: bytes) -> bytes:
        try:
            value = open_with(sealed, self._keys[1], context)
        except InvalidTag:
            raise DriverError(
                "what is sealed does not open with this operator's key",
                where=self._where,
                next="let the operator do it to whom it was sealed",
            ) from None
        return seal_to(value.reveal(), recipient, new_context)

    @property
    def _keys(self) -> tuple[ec.EllipticCurvePrivateKey, ec.EllipticCurvePrivateKey]:
        if self._opened is None:
            raise AuthenticationFailed("the passphrase was not given yet", where=self._where)
        return self._opened


class KeyMaker:
    """Makes keys in a process of its own, one operator's after another's."""

    def make(self, passphrase: Secret, where: str) -> Made:
        """New keys under a passphrase; raises `Unsupported` for one that is too short."""
        if len(passphrase.reveal().decode("utf-8", "replace")) < SHORTEST:
            raise Unsupported(
                f"a passphrase has at least {SHORTEST} characters",
                where=where,
                next="take several words that nobody guesses",
            )
        signing, agreeing = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        clear = json.dumps({"signing": _der(signing), "agreement": _der(agreeing)}).encode()
        salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
        facts: dict[str, Any] = {
            "kdf": "argon2id",
            "memory": _MEMORY,
            "passes": _PASSES,
            "salt": _text(salt),
            "nonce": _text(nonce),
        }
        cipher = AESGCM(_derived(passphrase, salt, _MEMORY, _PASSES))
        sealed = {**facts, "keys": _text(cipher.encrypt(nonce, clear, None))}
        return Made(json.dumps(sealed).encode(), _spki(signing), _spki(agreeing))


def _open(
    sealed: bytes, passphrase: Secret, where: str
) -> tuple[ec.EllipticCurvePrivateKey, ec.EllipticCurvePrivateKey]:
    try:
        facts = json.loads(sealed)
        salt, nonce, keys = (base64.b64decode(facts[name]) for name in ("salt", "nonce", "keys"))
        memory, passes = int(facts["memory"]), int(facts["passes"])
        if facts["kdf"] != "argon2id" or memory > _MOST_MEMORY or passes > _MOST_PASSES:
            raise ValueError
        cipher = AESGCM(_derived(passphrase, salt, memory, passes))
    except (ValueError, KeyError, TypeError):
        raise DriverError(
            "the operator's keys on record cannot be read", where=where, next="restore a backup"
        ) from None
    try:
        clear = json.loads(cipher.decrypt(nonce, keys, None))
    except InvalidTag:
        raise AuthenticationFailed("the passphrase is wrong", where=where, next="type it again") from None
    return _private(clear["signing"]), _private(clear["agreement"])


def _derived(passphrase: Secret, salt: bytes, memory: int, passes: int) -> bytes:
    kdf = Argon2id(salt=salt, length=32, iterations=passes, lanes=1, memory_cost=memory)
    return kdf.derive(passphrase.reveal())


def _private(text: str) -> ec.EllipticCurvePrivateKey:
    key = load_der_private_key(base64.b64decode(text), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _der(key: ec.EllipticCurvePrivateKey) -> str:
    return _text(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def _spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
