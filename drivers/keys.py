"""Private keys on a token in the clothes of `cryptography`, so that its builders sign with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from drivers.errors import DriverError
from drivers.tokens import SignatureScheme

Sign = Callable[[SignatureScheme, bytes], bytes]
"""Signs a message, hashing it first; the signature as X.509 wants it."""

TokenKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def token_key(public_key: bytes, sign: Sign) -> TokenKey:
    """A private key for the SPKI (DER) `public_key` that signs with `sign`; `ValueError` for other types."""
    public = serialization.load_der_public_key(public_key)
    if isinstance(public, ec.EllipticCurvePublicKey):
        return _EcSigningKey(public, sign)
    if isinstance(public, rsa.RSAPublicKey):
        return _RsaSigningKey(public, sign)
    raise ValueError(f"no token key of type {type(public).__name__}")


def scheme_arguments(scheme: SignatureScheme) -> dict[str, Any]:
    """`algorithm` and `rsa_padding` as cryptography's X.509 builders take them for a scheme (R28)."""
    match scheme:
        case SignatureScheme.ECDSA_SHA256 | SignatureScheme.RSA_PKCS1_SHA256:
            return {"algorithm": hashes.SHA256()}
        case SignatureScheme.ECDSA_SHA384:
            return {"algorithm": hashes.SHA384()}
        case SignatureScheme.RSA_PSS_SHA256:
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
            return {"algorithm": hashes.SHA256(), "rsa_padding": pss}


def _no() -> NoReturn:
    raise NotImplementedError("this key does not do that, and never leaves its token")


class _Stays:
    """The private half never leaves the token, and a copy is the same key."""

    def private_numbers(self) -> NoReturn:
        _no()

    def private_bytes(
        self,
        encoding: serialization.Encoding,
        format: serialization.PrivateFormat,
        encryption_algorithm: serialization.KeySerializationEncryption,
    ) -> NoReturn:
        _no()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class EcTokenKey(_Stays, ec.EllipticCurvePrivateKey):
    """An EC private key on a token; what a token never does raises `NotImplementedError`."""

    def __init__(self, public: ec.EllipticCurvePublicKey) -> None:
        self._public = public

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The public half."""
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        """The curve of both halves."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """Bits of the curve's order."""
        return self._public.key_size

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """Not with this key."""
        _no()

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> bytes:
        """Not with this key."""
        _no()


class EcAgreementKey(EcTokenKey):
    """A P-256 private key on a token that does ECDH there, such as HPKE wants (RFC 9180 §7.1).

    `agree` gives the x coordinate shared with a public key.
    """

    def __init__(
        self, public: ec.EllipticCurvePublicKey, agree: Callable[[ec.EllipticCurvePublicKey], bytes]
    ) -> None:
        super().__init__(public)
        self._agree = agree
        self.failure: DriverError | None = None
        """Why the token did not do the last exchange; HPKE turns every error into `InvalidTag`."""

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Around an HPKE call: raises the token's own error in place of the `InvalidTag` that hides it."""
        self.failure = None
        try:
            yield
        except InvalidTag:
            if self.failure is not None:
                raise self.failure from None
            raise

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> bytes:
        self.failure = None
        try:
            return self._agree(peer_public_key)
        except DriverError as error:
            self.failure = error
            raise


class _EcSigningKey(EcTokenKey):
    def __init__(self, public: ec.EllipticCurvePublicKey, sign: Sign) -> None:
        super().__init__(public)
        self._sign = sign

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        algorithm = signature_algorithm.algorithm
        wide = isinstance(algorithm, hashes.SHA384)
        scheme = SignatureScheme.ECDSA_SHA384 if wide else SignatureScheme.ECDSA_SHA256
        return self._sign(scheme, bytes(data))


class _RsaSigningKey(_Stays, rsa.RSAPrivateKey):
    def __init__(self, public: rsa.RSAPublicKey, sign: Sign) -> None:
        self._public, self._sign = public, sign

    def sign(self, data: Any, padding: Any, algorithm: Any) -> bytes:
        pss = type(padding).__name__ == "PSS"
        scheme = SignatureScheme.RSA_PSS_SHA256 if pss else SignatureScheme.RSA_PKCS1_SHA256
        return self._sign(scheme, bytes(data))

    def public_key(self) -> rsa.RSAPublicKey:
        return self._public

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def decrypt(self, ciphertext: bytes, padding: Any) -> bytes:
        _no()
