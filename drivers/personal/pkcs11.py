"""Operators' tokens behind a PKCS#11 module: two key pairs, each with its certificate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from drivers.errors import (
    AuthenticationFailed,
    NoToken,
    ReadBackFailed,
    TokenLost,
    Unsupported,
    WrongToken,
)
from drivers.foreign_certificates import load_certificate, spki
from drivers.options import typed
from drivers.personal.checks import agreement_peer, log_in_first, personal, spared
from drivers.personal.signing import algorithm_of, is_signature, scheme_of
from drivers.pkcs11 import objects
from drivers.pkcs11.access import Access
from drivers.pkcs11.holding import SlotDriver
from drivers.pkcs11.module import USER, Module, flags_of
from drivers.pkcs11.options import Model, Options
from drivers.pkcs11.seat import Seat
from drivers.secret import Secret

_DER = Encoding.DER

_Fits = Callable[[x509.Certificate], bool]


class PersonalPkcs11Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`module`, `slot` and `rescan` as in a lane's seat.

    `key` and `agreement_key` are the CKA_IDs (hexadecimal) of the two keys, needed where a token has several
    certificates for the same use. `tries` is how many wrong PINs in a row lock the token, where it shows that
    in its flags.
    """

    module: str
    slot: str | int | None = None
    rescan: Literal["reinitialise", "events"] = "reinitialise"
    key: str | None = None
    agreement_key: str | None = None
    tries: Annotated[int, msgspec.Meta(ge=1)] | Literal["unlimited"] | None = None


class PersonalPkcs11(SlotDriver["PersonalPkcs11Token"]):
    """Serves one slot of a module; raises `Unsupported` for wrong options."""

    def __init__(self, seat: str, options: Mapping[str, Any]) -> None:
        read = typed(options, PersonalPkcs11Options, seat)
        self._keys = _key_id(read.key, "key", seat), _key_id(read.agreement_key, "agreement_key", seat)
        at = Options(read.module, read.slot, read.rescan)
        super().__init__(Seat(seat, Module(read.module, seat), at, Model(puk="none", tries=read.tries)))

    def connect(self) -> PersonalPkcs11Token:
        found = self._found("your own")
        if not flags_of(found):
            raise personal("the token is blank", self._seat.name)
        self._held = PersonalPkcs11Token(Access(self._seat, found), *self._keys)
        return self._held


class PersonalPkcs11Token:
    """One token in the seat; `key` and `agreement_key` are CKA_IDs, None where its certificates tell.

    Every use compares the token in the slot first: an open session of SoftHSM goes on answering after its
    token went away.
    """

    def __init__(self, access: Access, key: bytes | None, agreement_key: bytes | None) -> None:
        self._access = access
        self._ids = key, agreement_key
        self._found: tuple[tuple[bytes, x509.Certificate], ...] | None = None
        self._pin: Secret | None = None

    @property
    def _where(self) -> str:
        return self._access.where

    def certificate(self) -> bytes:
        _, found = self._authentication()
        return found.public_bytes(_DER)

    def agreement_certificate(self) -> bytes | None:
        held = self._one(_agrees, self._ids[1], "agreement_key", "agreeing on secrets")
        return None if held is None else held[1].public_bytes(_DER)

    def login(self, pin: Secret) -> None:
        if not len(pin):
            raise AuthenticationFailed("the PIN is empty; it was not tried", where=self._where)
        self._pin = None
        self._access.drop()
        with spared(self._where), self._lost_by_another(), self._access.logged_in(USER, pin):
            pass
        self._pin = pin

    def sign(self, message: bytes) -> bytes:
        key_id, certificate = self._authentication()
        public = spki(certificate)
        scheme = scheme_of(algorithm_of(public, self._where))
        with self._key(key_id) as (private, pin):
            asked = pin.reveal().decode() if objects.asks_each_time(private) else None
            signature = objects.sign(private, scheme, message, asked)
        if not is_signature(public, message, signature):
            raise ReadBackFailed(
                f"the certificate {key_id.hex()} is not its key's",
                where=self._where,
                next="take the token back to whoever issued it",
            )
        return signature

    def exchange(self, peer: bytes) -> bytes:
        public = agreement_peer(peer, self._where)
        held = self._one(_agrees, self._ids[1], "agreement_key", "agreeing on secrets")
        if held is None:
            raise personal("there is no key that agrees on secrets", self._where)
        with self._key(held[0]) as (private, _):
            return objects.agree(private, public)

    def present(self) -> bool:
        try:
            self._access.find_again()
        except (TokenLost, WrongToken, NoToken):
            return False
        return True

    def close(self) -> None:
        self._pin = None
        self._access.let_go()

    @contextmanager
    def _key(self, key_id: bytes) -> Iterator[tuple[Any, Secret]]:
        if self._pin is None:
            raise log_in_first(self._where)
        with (
            spared(self._where),
            self._lost_by_another(),
            self._access.logged_in(USER, self._pin) as session,
        ):
            private = objects.private_key(session, key_id)
            if private is None:
                raise personal(f"there is no private key {key_id.hex()}", self._where)
            yield private, self._pin

    @contextmanager
    def _lost_by_another(self) -> Iterator[None]:
        """Another token in the seat means that this one was pulled."""
        try:
            yield
        except WrongToken as error:
            raise TokenLost(error.what, where=error.where, next="log in again with your own token") from None

    def _authentication(self) -> tuple[bytes, x509.Certificate]:
        held = self._one(_signs, self._ids[0], "key", "authentication")
        if held is None:
            raise personal("there is no certificate for authentication", self._where)
        return held

    def _one(
        self, fits: _Fits, named: bytes | None, option: str, use: str
    ) -> tuple[bytes, x509.Certificate] | None:
        if named is not None:
            return next((one for one in self._certificates() if one[0] == named), None)
        found = [one for one in self._certificates() if fits(one[1])]
        if len(found) > 1:
            ids = ", ".join(key_id.hex() for key_id, _ in found)
            raise Unsupported(
                f"there are several certificates for {use}: {ids}",
                where=self._where,
                next=f"name one of them as `{option}` in the options of [operators]",
            )
        return found[0] if found else None

    def _certificates(self) -> tuple[tuple[bytes, x509.Certificate], ...]:
        if self._found is None:
            with self._lost_by_another():
                self._access.find_again()
                with self._access.reading() as session:
                    held = objects.certificates(session)
            found = []
            for key_id, der in held:
                try:
                    found.append((key_id, load_certificate(der)))
                except ValueError:
                    continue  # of no use, whatever it is
            self._found = tuple(found)
        return self._found


def _signs(certificate: x509.Certificate) -> bool:
    usage = _usage(certificate)
    if usage is None or not usage.digital_signature or _is_ca(certificate):
        return False
    # A certificate for signing documents is one for authentication too, unless it says more.
    return not usage.content_commitment


def _agrees(certificate: x509.Certificate) -> bool:
    key, usage = certificate.public_key(), _usage(certificate)
    on_curve = isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1"
    return on_curve and usage is not None and usage.key_agreement and not _is_ca(certificate)


def _usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _key_id(text: str | None, option: str, seat: str) -> bytes | None:
    if text is None:
        return None
    try:
        key_id = bytes.fromhex(text)
    except ValueError:
        key_id = b""
    if not key_id:
        raise Unsupported(
            f"{option}: {text!r} is no CKA_ID in hexadecimal", where=seat, next="correct station.toml"
        )
    return key_id
