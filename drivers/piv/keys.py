"""Public keys as PIV cards tell them, and management keys as they want them."""

from __future__ import annotations

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from drivers.errors import Unsupported
from drivers.piv.ids import KEY_ALGORITHMS, ManagementAlgorithm
from drivers.tokens import Algorithm
from drivers.wire import tlv

_CURVES: dict[int, type[ec.EllipticCurve]] = {
    KEY_ALGORITHMS[Algorithm.P256]: ec.SECP256R1,
    KEY_ALGORITHMS[Algorithm.P384]: ec.SECP384R1,
}

_RSA_BITS = {
    KEY_ALGORITHMS[Algorithm.RSA2048]: 2048,
    KEY_ALGORITHMS[Algorithm.RSA3072]: 3072,
    0x06: 1024,  # of old cards
    0x16: 4096,  # YK
}
_LONGEST_EXPONENT = 32
"""Bytes (FIPS 186-5 appendix A.1.1: below 2^256)."""

_WEAK_DES = frozenset(
    bytes.fromhex(key)
    for key in (
        "0000000000000000",
        "fefefefefefefefe",
        "e0e0e0e0f0f0f0f0",
        "1e1e1e1e0e0e0e0e",
        "001e001e000e000e",
        "1e001e000e000e00",
        "00e000e000f000f0",
        "e000e000f000f000",
        "00fe00fe00fe00fe",
        "fe00fe00fe00fe00",
        "1ee01ee00ef00ef0",
        "e01ee01ef00ef00e",
        "1efe1efe0efe0efe",
        "fe1efe1efe0efe0e",
        "e0fee0fef0fef0fe",
        "fee0fee0fef0fef0",
    )
)
"""The weak and semi-weak keys of DES with the parity bits cleared (SP 800-67 §3.3.2)."""


def spki(algorithm: int, fields: bytes) -> bytes:
    """The SPKI (DER) of a key from its fields, 81 and 82 or 86 (SP 800-73-4 part 2 table 11).

    Raises `ValueError` where they are malformed or of a size unlike their type's, `Unsupported` for types
    this program does not know.
    """
    public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey
    if algorithm in _CURVES:
        point = tlv.need(fields, 0x86)
        public = ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[algorithm](), point)
    elif algorithm in _RSA_BITS:
        modulus, exponent = int.from_bytes(tlv.need(fields, 0x81), "big"), tlv.need(fields, 0x82)
        if len(exponent) > _LONGEST_EXPONENT or modulus.bit_length() != _RSA_BITS[algorithm]:
            raise ValueError(f"{modulus.bit_length()} bits are no key of type {algorithm:02X}")
        public = rsa.RSAPublicNumbers(int.from_bytes(exponent, "big"), modulus).public_key()
    else:
        raise Unsupported(f"a key of the unknown type {algorithm:02X}")
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def management_cipher(algorithm: ManagementAlgorithm, key: bytes) -> Cipher[modes.ECB]:
    """The block cipher of a management key; raises `Unsupported` for a wrong length."""
    if len(key) != algorithm.key_length:
        raise Unsupported(
            f"a management key of type {algorithm.name} has {algorithm.key_length} bytes, not {len(key)}",
            next="use cards whose management key is 3DES or AES-192",
        )
    cipher = TripleDES(key) if algorithm is ManagementAlgorithm.TDES else algorithms.AES(key)
    return Cipher(cipher, modes.ECB())  # noqa: S305  one random block each, as SP 800-73-4 part 2 §A.1 lays down


def check_new(algorithm: ManagementAlgorithm, key: bytes) -> None:
    """Raise `Unsupported` for a key of the wrong length, or a 3DES key that is weak (SP 800-67 §3.3).

    YubiKeys refuse 3DES keys with a weak part. Parity bits are ignored, so any random bytes will do; to be
    refused is a chance of about 1 in 2^50.
    """
    management_cipher(algorithm, key)
    if algorithm is not ManagementAlgorithm.TDES:
        return
    parts = [bytes(byte & 0xFE for byte in key[at : at + 8]) for at in (0, 8, 16)]
    if len(set(parts)) < 3 or not _WEAK_DES.isdisjoint(parts):
        raise Unsupported("this 3DES management key is a weak one", next="draw another")
