"""What is signed, as GENERAL AUTHENTICATE takes it: digests and RSA encodings (RFC 8017 §9)."""

from __future__ import annotations

import hashlib
import os

from drivers.errors import Unsupported
from drivers.tokens import Algorithm, SignatureScheme

_SIZES = {Algorithm.RSA2048: 256, Algorithm.RSA3072: 384, Algorithm.P256: 32, Algorithm.P384: 48}
_HASHES = {
    SignatureScheme.ECDSA_SHA256: "sha256",
    SignatureScheme.ECDSA_SHA384: "sha384",
    SignatureScheme.RSA_PKCS1_SHA256: "sha256",
    SignatureScheme.RSA_PSS_SHA256: "sha256",
}
_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
_PSS_SALT = 32


def challenge(algorithm: Algorithm, scheme: SignatureScheme, message: bytes) -> bytes:
    """The bytes a key of `algorithm` signs for `message`; `Unsupported` where scheme and key do not fit.

    An ECDSA digest is cut or padded to the length of the curve, which is what it means (FIPS 186-5 §6.4.1).
    """
    size = _SIZES[algorithm]
    digest = hashlib.new(_HASHES[scheme], message).digest()
    match scheme:
        case SignatureScheme.RSA_PKCS1_SHA256 if algorithm in (Algorithm.RSA2048, Algorithm.RSA3072):
            return _pkcs1(digest, size)
        case SignatureScheme.RSA_PSS_SHA256 if algorithm in (Algorithm.RSA2048, Algorithm.RSA3072):
            return _pss(digest, size)
        case SignatureScheme.ECDSA_SHA256 | SignatureScheme.ECDSA_SHA384 if algorithm in (
            Algorithm.P256,
            Algorithm.P384,
        ):
            return digest[:size].rjust(size, b"\0")
    raise Unsupported(
        f"a key of type {algorithm} makes no signature {scheme}", next="correct the certificate profile"
    )


def _pkcs1(digest: bytes, size: int) -> bytes:
    """EMSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §9.2)."""
    info = _SHA256_INFO + digest
    return b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info


def _pss(digest: bytes, size: int) -> bytes:
    """EMSA-PSS with SHA-256, MGF1 of the same and a salt of 32 bytes (RFC 8017 §9.1.1)."""
    salt = os.urandom(_PSS_SALT)
    seed = hashlib.sha256(bytes(8) + digest + salt).digest()
    block = bytes(size - len(salt) - len(seed) - 2) + b"\x01" + salt
    masked = bytearray(a ^ b for a, b in zip(block, _mgf1(seed, len(block)), strict=True))
    masked[0] &= 0x7F
    return bytes(masked) + seed + b"\xbc"


def _mgf1(seed: bytes, length: int) -> bytes:
    blocks = range(-(-length // 32))
    return b"".join(hashlib.sha256(seed + n.to_bytes(4, "big")).digest() for n in blocks)[:length]
