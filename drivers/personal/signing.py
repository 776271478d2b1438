"""How a person's key signs, by its kind, and whether a signature is its own."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from drivers.errors import Unsupported
from drivers.tokens import Algorithm, SignatureScheme

_CURVES = {"secp256r1": Algorithm.P256, "secp384r1": Algorithm.P384}
_RSA = {2048: Algorithm.RSA2048, 3072: Algorithm.RSA3072}


def algorithm_of(spki: bytes, where: str | None = None) -> Algorithm:
    """The kind of a public key (SPKI, DER); `Unsupported` where it is none of those a person signs with."""
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        raise Unsupported("this is no public key", where=where) from None
    found = None
    if isinstance(key, ec.EllipticCurvePublicKey):
        found = _CURVES.get(key.curve.name)
    elif isinstance(key, rsa.RSAPublicKey):
        found = _RSA.get(key.key_size)
    if found is None:
        raise Unsupported(
            "nobody signs here with a key of this kind",
            where=where,
            next="take a token with a P-256, P-384, RSA-2048 or RSA-3072 key",
        )
    return found


def scheme_of(algorithm: Algorithm) -> SignatureScheme:
    """The scheme a key of this kind signs with."""
    return {
        Algorithm.P256: SignatureScheme.ECDSA_SHA256,
        Algorithm.P384: SignatureScheme.ECDSA_SHA384,
        Algorithm.RSA2048: SignatureScheme.RSA_PKCS1_SHA256,
        Algorithm.RSA3072: SignatureScheme.RSA_PKCS1_SHA256,
    }[algorithm]


def is_signature(spki: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the holder of the private half of `spki` signed `message`; `Unsupported` as `algorithm_of`."""
    wide = algorithm_of(spki) is Algorithm.P384
    digest = hashes.SHA384() if wide else hashes.SHA256()
    key = load_der_public_key(spki)
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(digest))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), digest)
    except InvalidSignature:
        return False
    return True
