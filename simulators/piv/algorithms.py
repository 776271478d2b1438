"""Key types and ciphers of SP 800-78-4, as numbers on the card edge and as operations."""

from __future__ import annotations

import enum
from functools import lru_cache
from typing import cast

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from drivers.wire import tlv

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

EXPONENT = 65537


class KeyType(enum.IntEnum):
    """Asymmetric algorithm identifiers of SP 800-78-4, table 6-2; 05 is that of SP 800-78-5."""

    RSA3072 = 0x05
    RSA2048 = 0x07
    P256 = 0x11
    P384 = 0x14

    @property
    def is_rsa(self) -> bool:
        """Whether keys of this type are RSA keys."""
        return self in (KeyType.RSA2048, KeyType.RSA3072)

    @property
    def bits(self) -> int:
        """Bits of the modulus, or of the field of the curve."""
        return {KeyType.RSA2048: 2048, KeyType.RSA3072: 3072, KeyType.P256: 256, KeyType.P384: 384}[self]

    @property
    def size(self) -> int:
        """Bytes of the modulus, or of one coordinate."""
        return self.bits // 8


class CipherType(enum.IntEnum):
    """Algorithm identifiers of the management key, SP 800-78-4, table 6-2."""

    TDES = 0x03
    AES128 = 0x08
    AES192 = 0x0A
    AES256 = 0x0C

    @property
    def key_size(self) -> int:
        """Bytes of a key."""
        return {CipherType.AES128: 16, CipherType.AES256: 32}.get(self, 24)

    @property
    def block(self) -> int:
        """Bytes of a block, which is also the size of challenges and witnesses."""
        return 8 if self is CipherType.TDES else 16


def encrypt_block(cipher: CipherType, key: bytes, block: bytes) -> bytes:
    """One block in ECB mode, as SP 800-73-4 part 2 A.1 and A.2 use it; `ValueError` for a wrong length."""
    algorithm = TripleDES(key) if cipher is CipherType.TDES else algorithms.AES(key)
    encryptor = Cipher(algorithm, modes.ECB()).encryptor()  # noqa: S305 - the standard says ECB
    return encryptor.update(block) + encryptor.finalize()


def generate(kind: KeyType) -> PrivateKey:
    """A new private key."""
    if kind.is_rsa:
        return rsa.generate_private_key(EXPONENT, kind.bits)
    return ec.generate_private_key(_curve(kind))


def ec_key(kind: KeyType, scalar: bytes) -> PrivateKey:
    """A private key from its secret scalar (big endian); `ValueError` where out of range."""
    return ec.derive_private_key(int.from_bytes(scalar, "big"), _curve(kind))


def rsa_key(kind: KeyType, first: bytes, second: bytes) -> PrivateKey:
    """A private key with exponent 65537 from its primes (big endian); `ValueError` where they make none."""
    p, q = int.from_bytes(first, "big"), int.from_bytes(second, "big")
    if not p.bit_length() == q.bit_length() == kind.bits // 2 or (p * q).bit_length() != kind.bits:
        raise ValueError(f"these are no primes of RSA-{kind.bits}")
    d = rsa.rsa_recover_private_exponent(EXPONENT, p, q)
    public = rsa.RSAPublicNumbers(EXPONENT, p * q)
    dmp1, dmq1 = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q)
    return rsa.RSAPrivateNumbers(p, q, d, dmp1, dmq1, rsa.rsa_crt_iqmp(p, q), public).private_key()


def dump(key: PrivateKey) -> bytes:
    """The PKCS#8 DER of a private key, in clear."""
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@lru_cache(maxsize=64)
def load(der: bytes) -> PrivateKey:
    """The private key in PKCS#8 DER made by `dump`."""
    key = serialization.load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    return cast(PrivateKey, key)


def public_template(key: PublicKey) -> bytes:
    """The TLVs of a public key inside 7F49: 81 modulus and 82 exponent, or 86 point (part 2, table 11)."""
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        modulus = numbers.n.to_bytes(key.key_size // 8, "big")
        return tlv.encode(0x81, modulus) + tlv.encode(0x82, numbers.e.to_bytes(3, "big"))
    point = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return tlv.encode(0x86, point)


def use(key: PrivateKey, data: bytes) -> bytes:
    """Raw RSA of a padded block, or an ECDSA signature (DER) of a digest; `ValueError` for a wrong length."""
    return _raw_rsa(key, data) if isinstance(key, rsa.RSAPrivateKey) else _ecdsa(key, data)


def agree(key: PrivateKey, point: bytes) -> bytes:
    """The x coordinate of ECDH with an uncompressed point; `ValueError` off the curve or for RSA."""
    if isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("RSA keys agree on nothing")
    return key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(key.curve, point))


def _curve(kind: KeyType) -> ec.EllipticCurve:
    return ec.SECP256R1() if kind is KeyType.P256 else ec.SECP384R1()


def _ecdsa(key: ec.EllipticCurvePrivateKey, digest: bytes) -> bytes:
    size = key.key_size // 8
    if not 0 < len(digest) <= size:
        raise ValueError(f"{len(digest)} bytes are no digest for {key.curve.name}")
    algorithm = hashes.SHA256() if size == 32 else hashes.SHA384()
    return key.sign(digest.rjust(size, b"\0"), ec.ECDSA(utils.Prehashed(algorithm)))


def _raw_rsa(key: rsa.RSAPrivateKey, block: bytes) -> bytes:
    # `cryptography` offers no RSA without padding; the padding is the host's on this card edge.
    numbers = key.private_numbers()
    size, value = key.key_size // 8, int.from_bytes(block, "big")
    if len(block) != size or value >= numbers.public_numbers.n:
        raise ValueError(f"{len(block)} bytes are no block for RSA-{key.key_size}")
    m1, m2 = pow(value, numbers.dmp1, numbers.p), pow(value, numbers.dmq1, numbers.q)
    lift = numbers.iqmp * (m1 - m2) % numbers.p
    return (m2 + lift * numbers.q).to_bytes(size, "big")
