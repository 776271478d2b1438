"""The desk's own keys in a PKCS#11 token or HSM: custody, bench, CA. Lives in a child process of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

import pkcs11
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pkcs11 import Attribute, ObjectClass, TokenFlag

from drivers.errors import (
    AuthenticationFailed,
    Blocked,
    DeviceFailed,
    DriverError,
    NotBlank,
    NoToken,
    RetryBudget,
)
from drivers.keys import EcAgreementKey, TokenKey, token_key
from drivers.pkcs11 import objects, softhsm
from drivers.pkcs11.module import SO, USER, Module, flags_of, spoken
from drivers.secret import Secret
from drivers.tokens import Algorithm, SignatureScheme


class Vault:
    """One token, found by its label and opened with its user PIN; keys go by name (CKA_LABEL).

    Raises `NoToken`, `AuthenticationFailed` or `DeviceFailed`; with `spare`, `RetryBudget` where one try is
    left.
    """

    def __init__(self, module: str, token_label: str, pin: Secret, *, spare: bool = False) -> None:
        self._where = f"token {token_label!r}"
        softhsm.mend()
        self._module = Module(module, self._where)
        token = _labelled(self._module, token_label)
        if token is None:
            hint = "check the token directory (SOFTHSM2_CONF) and the label"
            raise NoToken(f"{module} shows no such token", where=self._where, next=hint)
        if spare and token.flags & TokenFlag.USER_PIN_FINAL_TRY:
            raise RetryBudget(
                "one try is left on its PIN, which is not made by itself",
                where=self._where,
                next="find out who tried other PINs; its maker's tools set the tries back with the right one",
            )
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

    @classmethod
    def state(cls, module: str, label: str) -> bool | None:
        """Whether a token of this label has a user PIN; None where there is none. Spends no try."""
        softhsm.mend()
        token = _labelled(Module(module, f"token {label!r}"), label)
        return None if token is None else bool(token.flags & TokenFlag.USER_PIN_INITIALIZED)

    @classmethod
    def shown(cls, module: str, label: str, name: str) -> list[bytes]:
        """What `show` put up under a name, for everybody who has the token; nothing without a token."""
        where = f"token {label!r}"
        softhsm.mend()
        token = _labelled(Module(module, where), label)
        if token is None:
            return []
        with spoken(where), token.open() as session:
            return [one[Attribute.VALUE] for one in objects.find(session, ObjectClass.DATA, _note_of(name))]

    def show(self, name: str, value: bytes) -> None:
        """Put something up under a name that everybody who has the token reads, beside what is there."""
        with self._speaking():
            self._session.create_object(_note(name, value, private=False))

    def take_down(self, name: str, *, but: bytes) -> None:
        """Remove what `show` put up under a name but for one value."""
        with self._speaking():
            for one in objects.find(self._session, ObjectClass.DATA, _note_of(name)):
                if one[Attribute.VALUE] != but:
                    one.destroy()

    def change_pin(self, old: Secret, new: Secret) -> None:
        """Give the token another user PIN (C_SetPIN); its keys and notes stay."""
        self._module.set_pin(self._session, old, new)
        softhsm.keep()

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

    def generate_mac_key(self, name: str) -> None:
        """Make an AES-256 key for AES-CMAC (SP 800-38B) that never leaves the token."""
        if name in self.mac_keys():
            hint = "choose another name"
            raise DeviceFailed(f"there is a key {name!r} already", where=self._where, next=hint)
        with self._speaking():
            objects.generate_mac_key(self._session, label=name)

    def mac_keys(self) -> tuple[str, ...]:
        """The names of all keys for AES-CMAC, sorted."""
        with self._speaking():
            found = objects.find(self._session, ObjectClass.SECRET_KEY, {Attribute.TOKEN: True})
            return tuple(sorted(key[Attribute.LABEL] for key in found))

    def mac(self, name: str, message: bytes) -> bytes:
        """The AES-CMAC (16 bytes) of a message; `DeviceFailed` where there is no such key."""
        with self._speaking():
            found = self._find(ObjectClass.SECRET_KEY, name)
            if len(found) != 1:
                hint = "restore the backup of keys that holds it"
                raise DeviceFailed(f"there is no key {name!r}", where=self._where, next=hint)
            return objects.mac(found[0], message)

    def public_key(self, name: str) -> bytes | None:
        """The SPKI (DER) of a key, None unless both halves are there."""
        with self._speaking():
            if not self._find(ObjectClass.PRIVATE_KEY, name):
                return None
            return next(map(objects.spki_if_whole, self._find(ObjectClass.PUBLIC_KEY, name)), None)

    def agreement_key(self, name: str) -> EcAgreementKey:
        """A key whose `exchange` happens in the token; raises `DeviceFailed` where there is none."""
        private, public = self._pair(name)

        def agree(peer: ec.EllipticCurvePublicKey) -> bytes:
            with self._speaking():
                return objects.agree(private, peer)

        return EcAgreementKey(cast(ec.EllipticCurvePublicKey, public), agree)

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

    def note(self, name: str) -> bytes | None:
        """What the token keeps under a name, None where nothing."""
        with self._speaking():
            found = objects.find(self._session, ObjectClass.DATA, _note_of(name))
            values: list[bytes] = [one[Attribute.VALUE] for one in found]
        return values[0] if values else None

    def keep_note(self, name: str, value: bytes) -> None:
        """Keep something under a name that only who has the PIN reads or changes; replaces what was there."""
        with self._speaking():
            before = objects.find(self._session, ObjectClass.DATA, _note_of(name))
            # The new one first: a crash between leaves two, of which either may be read.
            self._session.create_object(_note(name, value, private=True))
            for one in before:
                one.destroy()

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

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        with spoken(self._where):
            yield


def _note_of(name: str) -> dict[Any, Any]:
    return {Attribute.LABEL: name, Attribute.APPLICATION: "issuance-station", Attribute.TOKEN: True}


def _note(name: str, value: bytes, *, private: bool) -> dict[Any, Any]:
    return {
        Attribute.CLASS: ObjectClass.DATA,
        **_note_of(name),
        Attribute.PRIVATE: private,
        Attribute.MODIFIABLE: True,
        Attribute.VALUE: value,
    }


def _labelled(module: Module, label: str) -> pkcs11.Token | None:
    found = [token for token in module.tokens() if flags_of(token) and token.label.strip() == label.strip()]
    if len(found) > 1:
        raise DeviceFailed("there are several tokens of this label", where=module.where)
    return found[0] if found else None
