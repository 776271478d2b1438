"""The desk's own keys in a PKCS#11 token or HSM: custody, bench, CA. Lives in a child process of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

import pkcs11
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pkcs11 import KDF, Attribute, KeyType, ObjectClass, TokenFlag

from drivers.errors import (
    AuthenticationFailed,
    Blocked,
    DeviceFailed,
    DriverError,
    NotBlank,
    NoToken,
)
from drivers.keys import EcTokenKey, TokenKey, token_key
from drivers.pkcs11 import objects, softhsm
from drivers.pkcs11.module import SO, USER, Module, flags_of, spoken
from drivers.secret import Secret
from drivers.tokens import Algorithm, SignatureScheme

_SHARED_BITS = 256
"""Length of the x coordinate on P-256."""


class Vault:
    """One token, found by its label and opened with its user PIN; keys go by name (CKA_LABEL).

    Raises `NoToken`, `AuthenticationFailed` or `DeviceFailed`.
    """

    def __init__(self, module: str, token_label: str, pin: Secret) -> None:
        self._where = f"token {token_label!r}"
        softhsm.mend()
        self._module = Module(module, self._where)
        token = _labelled(self._module, token_label)
        if token is None:
            hint = "check the token directory (SOFTHSM2_CONF) and the label"
            raise NoToken(f"{module} shows no such token", where=self._where, next=hint)
        with spoken(self._where):
            self._session = token.open(rw=True)
        try:
            self._module.login(self._session, USER, pin)
        except Blocked:
            raise
        except AuthenticationFailed:
            raise AuthenticationFailed(
                "its PIN was refused", where=self._where, next="run the command again with the right one"
            ) from None
        softhsm.keep()
        # SoftHSM rewrites the file of a generated key once per attribute, that of a copied one once: 2 ms
        # instead of 18. Elsewhere a key of the session might be made outside the token.
        self._copies = token.model.startswith("SoftHSM")

    @classmethod
    def create(cls, module: str, label: str, so_pin: Secret, pin: Secret) -> Vault:
        """Initialise a blank token and open it; one left half-made by a crash is begun again.

        Raises `NotBlank` where a token of this label has a user PIN, `NoToken` where there is no blank one.
        """
        where = f"token {label!r}"
        loaded = Module(module, where)
        token = _labelled(loaded, label)
        if token is not None and token.flags & TokenFlag.USER_PIN_INITIALIZED:
            raise NotBlank("it exists already", where=where, next="open it, or choose another label")
        if token is None:
            token = next((found for found in loaded.tokens() if not flags_of(found)), None)
        if token is None:
            raise NoToken(f"{module} shows no blank token", where=where, next="insert one")
        loaded.init_token(token.slot, so_pin, label)
        # The slot may have another number by now: it follows the serial in SoftHSM.
        loaded.rescan()
        token = _labelled(loaded, label)
        if token is None:
            raise DeviceFailed("the token is not found by its new label", where=where)
        with spoken(where), token.open(rw=True) as session:
            loaded.login(session, SO, so_pin)
            loaded.init_pin(session, pin)
        return cls(module, label, pin)

    def ready(self) -> None:
        """Do nothing; answers, or raises what keeps the token from being opened."""

    def generate_agreement_key(self, name: str) -> bytes:
        """Make a P-256 key pair for ECDH that never leaves the token; its SPKI (DER)."""
        return self._generate(name, objects.generate, algorithm=Algorithm.P256, signs=False, decrypts=True)

    def generate_signing_key(self, name: str, algorithm: Algorithm) -> bytes:
        """Make a key pair for signatures that never leaves the token; its SPKI (DER)."""
        return self._generate(name, objects.generate, algorithm=algorithm)

    def generate_ed25519_key(self, name: str) -> bytes:
        """Make an Ed25519 key pair for signatures that never leaves the token; its SPKI (DER)."""
        return self._generate(name, objects.generate_ed25519)

    def public_key(self, name: str) -> bytes | None:
        """The SPKI (DER) of a key, None unless both halves are there."""
        with self._speaking():
            if not self._find(ObjectClass.PRIVATE_KEY, name):
                return None
            return next(map(objects.spki_if_whole, self._find(ObjectClass.PUBLIC_KEY, name)), None)

    def agreement_key(self, name: str) -> AgreementKey:
        """A key whose `exchange` happens in the token; raises `DeviceFailed` where there is none."""
        private, public = self._pair(name)
        return AgreementKey(self, private, cast(ec.EllipticCurvePublicKey, public))

    def signing_key(self, name: str) -> TokenKey:
        """A key for cryptography's builders, signing in the token; `DeviceFailed` where there is none."""
        private, public = self._pair(name)

        def sign(scheme: SignatureScheme, message: bytes) -> bytes:
            with self._speaking():
                return objects.sign(private, scheme, message)

        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return token_key(der, sign)

    def sign_ed25519(self, name: str, message: bytes) -> bytes:
        """The Ed25519 signature (64 bytes) of a key over a message; `DeviceFailed` where there is none."""
        private, _ = self._pair(name)
        with self._speaking():
            return objects.sign_ed25519(private, message)

    def destroy(self, name: str) -> bool:
        """Destroy both halves of a key, the private one first; False where there was none."""
        with self._speaking():
            found = [*self._find(ObjectClass.PRIVATE_KEY, name), *self._find(ObjectClass.PUBLIC_KEY, name)]
            for half in found:
                half.destroy()
        return bool(found)

    def names(self) -> tuple[str, ...]:
        """The names of all private keys, sorted."""
        with self._speaking():
            keys = objects.find(self._session, ObjectClass.PRIVATE_KEY, {Attribute.TOKEN: True})
            return tuple(sorted(key[Attribute.LABEL] for key in keys))

    def close(self) -> None:
        """Log out and let go of the module."""
        with suppress(DriverError):
            self._module.close()

    def _generate(self, name: str, make: Callable[..., tuple[Any, Any]], **more: Any) -> bytes:
        if self.public_key(name) is not None:
            hint = "destroy it first, or choose another name"
            raise DeviceFailed(f"there is a key {name!r} already", where=self._where, next=hint)
        # One half may be left over from a crash.
        self.destroy(name)
        with self._speaking():
            key_id = hashlib.sha256(name.encode()).digest()[:20]
            public, private = make(self._session, key_id=key_id, label=name, store=not self._copies, **more)
            spki = objects.spki(public)
            if self._copies:
                for half in (private, public):
                    half.copy({Attribute.TOKEN: True})
                    half.destroy()
            return spki

    def _find(self, kind: ObjectClass, name: str) -> list[Any]:
        return objects.find(self._session, kind, {Attribute.LABEL: name, Attribute.TOKEN: True})

    def _pair(self, name: str) -> tuple[Any, Any]:
        with self._speaking():
            private = self._find(ObjectClass.PRIVATE_KEY, name)
            public = self._find(ObjectClass.PUBLIC_KEY, name)
            if not private or not public:
                raise DeviceFailed(f"there is no key {name!r}", where=self._where, next="it was destroyed")
            return private[0], serialization.load_der_public_key(objects.spki(public[0]))

    def _derive(self, private: Any, point: bytes) -> bytes:
        with self._speaking():
            derived = private.derive_key(
                KeyType.GENERIC_SECRET,
                _SHARED_BITS,
                mechanism_param=(KDF.NULL, None, point),
                template={
                    Attribute.TOKEN: False,
                    Attribute.SENSITIVE: False,
                    Attribute.EXTRACTABLE: True,
                },
            )
            try:
                shared: bytes = derived[Attribute.VALUE]
            finally:
                derived.destroy()
            return shared

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        with spoken(self._where):
            yield


class AgreementKey(EcTokenKey):
    """A P-256 private key in the vault that does ECDH there, such as HPKE wants (RFC 9180 §7.1)."""

    def __init__(self, vault: Vault, private: Any, public: ec.EllipticCurvePublicKey) -> None:
        super().__init__(public)
        self._vault, self._private = vault, private
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
        point = peer_public_key.public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        self.failure = None
        try:
            return self._vault._derive(self._private, point)
        except DriverError as error:
            self.failure = error
            raise


def _labelled(module: Module, label: str) -> pkcs11.Token | None:
    found = [token for token in module.tokens() if flags_of(token) and token.label.strip() == label.strip()]
    if len(found) > 1:
        raise DeviceFailed("there are several tokens of this label", where=module.where)
    return found[0] if found else None
