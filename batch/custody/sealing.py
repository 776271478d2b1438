"""Sealing the codes of one item, and opening them again (R41).

A data key per item encrypts each code with AES-256-GCM, padded to one length and bound to item, mailer
number and kind. The data key is wrapped by HPKE (RFC 9180, P-256) to the custody key and to the item's
resume key.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import nullcontext
from typing import cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.serialization import load_der_public_key

from batch.model.codes import Binding, SealedCodes
from batch.model.errors import RecordsDamaged
from drivers.secret import Secret
from drivers.tokens import Code

_PADDED = 64
"""Bytes of every code before encryption: its length in one byte, then the code, then zeros."""

_SUITE = hpke.Suite(hpke.KEM.P256, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def seal(
    codes: Mapping[Code, Secret],
    binding: Binding,
    custody: bytes,
    resume: bytes,
    diversified_from: str | None = None,
    ordered: str | None = None,
) -> SealedCodes:
    """Seal all four codes of an item; `custody` and `resume` are SPKI (DER) of P-256 keys.

    Where the admin credential is derived, from the key `diversified_from`, nothing is sealed in its place.
    Custody opens them as those of one production and no other: `ordered` is its statement's digest.
    """
    data_key = secrets.token_bytes(32)
    cipher = AESGCM(data_key)
    held = codes if diversified_from is None else {**codes, Code.ADMIN: Secret(b"")}
    blobs = {code: _encrypt(cipher, held[code], _context(binding, code)) for code in Code}
    return SealedCodes(
        for_custody=wrap(data_key, custody, binding, _custody(ordered)),
        for_resume=wrap(data_key, resume, binding, "resume"),
        pin=blobs[Code.PIN],
        puk=blobs[Code.PUK],
        admin=blobs[Code.ADMIN],
        revocation=blobs[Code.REVOCATION],
        diversified_from=diversified_from,
        ordered=ordered,
    )


def wrap(data_key: bytes, recipient: bytes, binding: Binding, purpose: str) -> bytes:
    """A data key (32 bytes) for the holder of the private half of `recipient` (SPKI, DER)."""
    return seal_to(data_key, recipient, _wrap_context(binding, purpose))


def unwrap(wrapped: bytes, private_key: ec.EllipticCurvePrivateKey, binding: Binding, purpose: str) -> Secret:
    """The data key; raises `RecordsDamaged` where the wrap is for another key, item or purpose.

    A key that lives in a token raises the token's own error instead, where the token is at fault.
    """
    try:
        return open_with(wrapped, private_key, _wrap_context(binding, purpose))
    except InvalidTag:
        raise RecordsDamaged(
            "the sealed data key does not open",
            where=f"item {binding.mailer_number}",
            next="check that the token with this order's key is the right one, then restore a backup",
        ) from None


def seal_to(value: bytes, recipient: bytes, context: bytes) -> bytes:
    """HPKE in base mode (RFC 9180 §6.1) to `recipient` (SPKI, DER, P-256), bound to `context`."""
    public = cast(ec.EllipticCurvePublicKey, load_der_public_key(recipient))
    return _SUITE.encrypt(value, public, info=context)


def open_with(sealed: bytes, private_key: ec.EllipticCurvePrivateKey, context: bytes) -> Secret:
    """What was sealed; raises `InvalidTag` where it is for another key or context.

    A key that lives in a token raises the token's own error instead, where the token is at fault.
    """
    telling = getattr(private_key, "telling", nullcontext)
    with telling():
        return Secret(_SUITE.decrypt(sealed, private_key, info=context))


def unwrap_in_custody(
    sealed: SealedCodes, private_key: ec.EllipticCurvePrivateKey, binding: Binding
) -> Secret:
    """The data key, with the custody key; raises as `unwrap`, also for codes of another production."""
    return unwrap(sealed.for_custody, private_key, binding, _custody(sealed.ordered))


def open_codes(sealed: SealedCodes, data_key: Secret, binding: Binding) -> dict[Code, Secret]:
    """The codes in clear; raises `RecordsDamaged` where a blob was changed or belongs elsewhere."""
    cipher = AESGCM(data_key.reveal())
    return {
        Code.PIN: _decrypt(cipher, sealed.pin, binding, Code.PIN),
        Code.PUK: _decrypt(cipher, sealed.puk, binding, Code.PUK),
        Code.ADMIN: _decrypt(cipher, sealed.admin, binding, Code.ADMIN),
        Code.REVOCATION: _decrypt(cipher, sealed.revocation, binding, Code.REVOCATION),
    }


def open_admin(sealed: SealedCodes, data_key: Secret, binding: Binding) -> Secret:
    """The admin credential alone; raises `RecordsDamaged` where it does not open or none was sealed."""
    admin = _decrypt(AESGCM(data_key.reveal()), sealed.admin, binding, Code.ADMIN)
    if not admin:
        raise RecordsDamaged(
            "its admin credential is not among the codes under seal",
            where=f"item {binding.mailer_number}",
            next="the records do not tell the diversification key it is from: restore a backup",
        )
    return admin


def hash_revocation_code(code: Secret) -> str:
    """Salted Argon2id in PHC form: 12 MiB, three passes (R21); as good as 19 MiB with two, and cheaper."""
    kdf = Argon2id(salt=secrets.token_bytes(16), length=32, iterations=3, lanes=1, memory_cost=12 * 1024)
    return kdf.derive_phc_encoded(code.reveal())


def _context(binding: Binding, code: Code) -> bytes:
    return f"station/code/{binding.item_id}/{binding.mailer_number}/{code}".encode()


def _wrap_context(binding: Binding, purpose: str) -> bytes:
    return f"station/data-key/{purpose}/{binding.item_id}/{binding.mailer_number}".encode()


def _custody(ordered: str | None) -> str:
    return "custody" if ordered is None else f"custody/{ordered}"


def _encrypt(cipher: AESGCM, code: Secret, context: bytes) -> bytes:
    value = code.reveal()
    if len(value) >= _PADDED:
        raise ValueError(f"a code of {len(value)} bytes does not fit {_PADDED - 1}")
    nonce = secrets.token_bytes(12)
    padded = bytes([len(value)]) + value.ljust(_PADDED - 1, b"\0")
    return nonce + cipher.encrypt(nonce, padded, context)


def _decrypt(cipher: AESGCM, blob: bytes, binding: Binding, code: Code) -> Secret:
    try:
        padded = cipher.decrypt(blob[:12], blob[12:], _context(binding, code))
    except (InvalidTag, ValueError):
        raise RecordsDamaged(
            f"the sealed {code} does not open", where=f"item {binding.mailer_number}", next="restore a backup"
        ) from None
    return Secret(padded[1 : 1 + padded[0]])
