"""One PKCS#11 token, from insertion to removal."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import pkcs11
from pkcs11 import Attribute, ObjectClass, TokenFlag

from drivers.errors import (
    AuthenticationFailed,
    Blocked,
    EvidenceMissing,
    ReadBackFailed,
    Unsupported,
    printable,
)
from drivers.pkcs11 import beside, objects
from drivers.pkcs11.access import Access
from drivers.pkcs11.initialising import initialise_again
from drivers.pkcs11.module import SO, USER, code_of, flags_of
from drivers.pkcs11.seat import Seat
from drivers.secret import Secret
from drivers.tokens import (
    Beside,
    Code,
    Credentials,
    Evidence,
    GeneratedKey,
    InForce,
    Initialisation,
    KeySpec,
    PinPolicy,
    Renewed,
    Shown,
    SignatureScheme,
    TokenIdentity,
    TokenState,
    TouchPolicy,
    Tries,
)
from drivers.tries import PROBE

_KINDS = (ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY, ObjectClass.CERTIFICATE)


class Pkcs11Session:
    """A token in the seat; carries out `drivers.tokens.TokenSession`."""

    def __init__(self, seat: Seat, token: pkcs11.Token) -> None:
        self._access = Access(seat, token)
        self._module, self._model = seat.module, seat.model

    @property
    def _where(self) -> str:
        return self._access.where

    def allow(self, left: Tries) -> None:
        self._access.ledger.allow(left)

    def shown(self) -> Mapping[Code, Shown]:
        return self._access.ledger.shown()

    # What the token says of itself

    def identify(self) -> TokenIdentity:
        """Read CK_TOKEN_INFO; `serial` is None on a blank that has none (R41)."""
        token = self._access.refresh()
        major, minor = token.firmware_version
        return TokenIdentity(
            driver="pkcs11",
            model=printable(token.model.strip()) or "unknown",
            serial=self._access.serial,
            firmware=f"{major}.{minor}" if (major, minor) != (0, 0) else None,
            label=printable(token.label.strip()) or None if flags_of(token) else None,
        )

    def inspect(self) -> TokenState:
        """Read flags and public objects; no code is needed, no try is spent."""
        identity = self.identify()
        flags = flags_of(self._access.token)
        factory = self._model.factory_codes()
        if not flags:
            return TokenState(identity, factory={} if factory is None else {Code.PIN: None, Code.ADMIN: None})
        marks = []
        known = self._model.factory
        if known is None or (known.label is not None and known.label != identity.label):
            marks.append(f"initialised, label {identity.label or ''!r}")
        if flags & TokenFlag.USER_PIN_INITIALIZED and (known is None or known.pin is None):
            marks.append("has a user PIN")
        with self._access.reading() as session:
            keys = objects.key_states(session)
            for kind, word in ((ObjectClass.PRIVATE_KEY, "private key"), (ObjectClass.DATA, "data object")):
                if found := len(objects.find(session, kind, {Attribute.TOKEN: True})):
                    marks.append(f"{found} {word}{'s' if found > 1 else ''}")
        for key in keys:
            parts = {"public key": key.public_key, "certificate": key.certificate}
            held = " and ".join(word for word, part in parts.items() if part)
            marks.append(f"{held or 'half-written key'} {key.slot}")
        so_tries = self._access.tries(SO)
        puk_tries = so_tries if self._model.puk == "so-pin" else None
        tries = Tries(pin=self._access.tries(USER), puk=puk_tries, admin=so_tries)
        unknown: Mapping[Code, bool | None] = {} if factory is None else {Code.PIN: None, Code.ADMIN: None}
        return TokenState(identity, tuple(marks), keys, tries, unknown)

    # Acts

    def initialise(
        self, plan: Initialisation, factory: Credentials | None, new: Credentials
    ) -> TokenIdentity:
        """C_InitToken with the new SO PIN, again where it is in force already (PKCS#11 step 2).

        `plan.guid` has no place on such a token; its tries are the maker's, other ones are `Unsupported`.
        """
        wanted = {plan.pin_tries, plan.puk_tries} - {None, self._model.tries}
        if wanted and isinstance(self._model.tries, int):
            raise Unsupported(f"this model has {self._model.tries} tries for good", where=self._where)
        token = self._access.find_again()
        so_pin = self._model.so_secret(new.admin)
        with self._access.lost_if_gone():
            if flags_of(token):
                initialise_again(self._module, self._model, self._access, plan.label, factory, so_pin)
            else:
                self._module.init_token(token.slot, so_pin, plan.label)
                self._access.ledger.accepted(Code.ADMIN)
            token = self._access.reread()
            if not flags_of(token) or token.label.strip() != plan.label.strip():
                raise ReadBackFailed("the token does not show the label it was given", where=self._where)
        return self.identify()

    def generate(self, key: KeySpec, credentials: Credentials) -> GeneratedKey:
        """C_GenerateKeyPair under the CKA_ID `key.slot`, after destroying what has it (PKCS#11 step 4)."""
        key_id = self._key_id(key.slot)
        if key.touch_policy not in (TouchPolicy.DEFAULT, TouchPolicy.NEVER):
            raise Unsupported("PKCS#11 knows no touch policy", where=self._where)
        if key.pin_policy is PinPolicy.NEVER:
            raise Unsupported("a private key of PKCS#11 always needs the PIN", where=self._where)
        always = key.pin_policy is PinPolicy.ALWAYS and self._model.always_authenticate
        with self._access.logged_in(USER, credentials.pin) as session:
            self._destroy(session, key_id)
            public, private = self._make(session, key, key_id, always)
            return GeneratedKey(key.slot, objects.spki(public), self._shown(private, key.slot))

    def _make(self, session: pkcs11.Session, key: KeySpec, key_id: bytes, always: bool) -> tuple[Any, Any]:
        try:
            return objects.generate(
                session,
                key.algorithm,
                key_id=key_id,
                label=key.label,
                decrypts=key.decrypts,
                always_authenticate=always,
            )
        except (
            pkcs11.AttributeTypeInvalid,
            pkcs11.AttributeValueInvalid,
            pkcs11.TemplateInconsistent,
        ) as error:
            what = f"the token refuses such a key ({code_of(error)})"
            hint = "if it cannot ask for the PIN before each signature, say `always_authenticate = false`"
            raise Unsupported(what, where=self._where, next=hint if always else None) from error

    def public_key(self, slot: str) -> bytes | None:
        """The SPKI of the public key object; it does not prove that the private key is there."""
        if not flags_of(self._access.refresh()):
            return None
        with self._access.reading() as session:
            return next(map(objects.spki_if_whole, self._held(session, ObjectClass.PUBLIC_KEY, slot)), None)

    def evidence(self, slot: str, credentials: Credentials) -> Evidence:
        """What PKCS#11 says of the private key (R31); `EvidenceMissing` where that is not enough."""
        with self._access.logged_in(USER, credentials.pin) as session:
            for private in self._held(session, ObjectClass.PRIVATE_KEY, slot):
                return self._shown(private, slot)
            raise EvidenceMissing(f"there is no private key {slot}", where=self._where)

    def _shown(self, private: Any, slot: str) -> Evidence:
        return objects.evidence(private, f"{self._where}, key {slot}")

    def sign(self, key: KeySpec, scheme: SignatureScheme, message: bytes, credentials: Credentials) -> bytes:
        """Hashed here, signed there; with ALWAYS_AUTHENTICATE the PIN is given once more."""
        with self._access.logged_in(USER, credentials.pin) as session:
            for private in self._held(session, ObjectClass.PRIVATE_KEY, key.slot):
                if not objects.asks_each_time(private):
                    return objects.sign(private, scheme, message, None)
                with self._access.trying(USER):
                    return objects.sign(private, scheme, message, credentials.pin.reveal().decode())
            raise ReadBackFailed(f"there is no private key {key.slot}", where=self._where)

    def write_certificate(self, slot: str, label: str, certificate: bytes, credentials: Credentials) -> None:
        """C_CreateObject under the CKA_ID of the key, after destroying what stood there (PKCS#11 step 6)."""
        with self._access.logged_in(USER, credentials.pin) as session:
            for old in self._held(session, ObjectClass.CERTIFICATE, slot):
                old.destroy()
            objects.store_certificate(session, self._key_id(slot), label, certificate)

    def read_certificate(self, slot: str) -> bytes | None:
        """CKA_VALUE of the certificate with the key's CKA_ID."""
        if not flags_of(self._access.refresh()):
            return None
        with self._access.reading() as session:
            for found in self._held(session, ObjectClass.CERTIFICATE, slot):
                value: bytes = found[Attribute.VALUE]
                return value
            return None

    # Codes

    def set_code(self, code: Code, credentials: Credentials, new: Secret) -> None:
        """PIN: C_InitPIN as SO, so it may be repeated (step 3). PUK and ADMIN: C_SetPIN as SO."""
        if code is Code.PIN:
            if self._init_pin(credentials.admin, new) & TokenFlag.USER_PIN_TO_BE_CHANGED:
                what = "this token lets nobody use a new PIN before its holder has changed it"
                raise Unsupported(what, where=self._where)
            return
        old = self._model.so_secret(credentials.puk if code is Code.PUK else credentials.admin)
        if code is Code.REVOCATION or (code is Code.PUK and self._model.puk == "none"):
            raise Unsupported(f"a PKCS#11 token of this model has no {code.value}", where=self._where)
        with self._access.logged_in(SO, old) as session, self._access.trying(SO):
            self._module.set_pin(session, old, self._model.so_secret(new))
        self._access.drop()

    def unblock(self, code: Secret, new: Secret) -> None:
        """C_InitPIN as SO, with the letter's PUK where that is the SO PIN, else with the admin credential."""
        if self._init_pin(code, new) & TokenFlag.USER_PIN_LOCKED:
            raise Unsupported("this model's SO PIN does not unblock its PIN", where=self._where)

    def _init_pin(self, admin: Secret, new: Secret) -> TokenFlag:
        """Set the user's PIN as SO; the token's flags then."""
        with self._access.logged_in(SO, self._model.so_secret(admin)) as session:
            self._module.init_pin(session, new)
        self._access.ledger.accepted(Code.PIN)
        self._access.drop()
        with self._access.lost_if_gone():
            return flags_of(self._access.refresh())

    def in_force(self, code: Code, new: Secret, old: Secret) -> InForce:
        """Log in with `new`, then `old`, where flags and desk leave tries enough for both, else UNKNOWN."""
        user = USER if code is Code.PIN else SO
        if code is Code.REVOCATION or (code is Code.PUK and self._model.puk == "none"):
            raise Unsupported(f"a PKCS#11 token of this model has no {code.value}", where=self._where)
        flags = flags_of(self._access.find_again())
        counted = Code.PIN if user == USER else Code.ADMIN
        tries = self._access.ledger.known(counted, self._access.tries(user))
        if not flags or tries is None or tries < PROBE:
            return InForce.UNKNOWN
        for value, answer in ((new, InForce.NEW), (old, InForce.OLD)):
            if user == USER and not flags & TokenFlag.USER_PIN_INITIALIZED:
                return InForce.NEITHER
            try:
                with self._access.logged_in(user, value if user == USER else self._model.so_secret(value)):
                    return answer
            except Blocked:
                raise
            except AuthenticationFailed:
                continue
        return InForce.NEITHER

    def prove(self, code: Code, value: Secret) -> None:
        """C_Login once, as SO for all but the PIN."""
        if code is Code.REVOCATION or (code is Code.PUK and self._model.puk == "none"):
            raise Unsupported(f"a PKCS#11 token of this model has no {code.value}", where=self._where)
        self._access.find_again()
        user = USER if code is Code.PIN else SO
        with self._access.logged_in(user, value if user == USER else self._model.so_secret(value)):
            pass

    def factory_codes(self, credentials: Credentials) -> Mapping[Code, bool]:
        """Log in with our own codes: one value is in force at a time, so another is not. Spends no try."""
        factory = self._model.factory_codes()
        if factory is None:
            return {}
        with self._access.logged_in(SO, self._model.so_secret(credentials.admin)):
            pass
        with self._access.logged_in(USER, credentials.pin):
            pass
        return {
            Code.ADMIN: factory.admin == credentials.admin,
            Code.PIN: self._model.factory is not None
            and self._model.factory.pin is not None
            and factory.pin == credentials.pin,
        }

    def no_reset(self) -> str | None:
        """A blank that comes uninitialised cannot be had again: no function of PKCS#11 makes one."""
        if not flags_of(self._access.refresh()) or self._model.factory is not None:
            return None
        return "a blank token of this model is not initialised, and PKCS#11 cannot make it so again"

    def reset(self, credentials: Credentials | None) -> None:
        """The factory's SO PIN by C_SetPIN, then C_InitToken with it and the factory's label (step 2)."""
        if reason := self.no_reset():
            raise Unsupported(reason, where=self._where, next="destroy it")
        factory = self._model.factory_codes()
        if not flags_of(self._access.find_again()) or factory is None:
            return
        if credentials is None:
            raise Unsupported("its SO PIN cannot be had", where=self._where, next="destroy it")
        so_pin, old = self._model.so_secret(credentials.admin), self._model.so_secret(factory.admin)
        try:
            with self._access.logged_in(SO, so_pin) as session:
                self._module.set_pin(session, so_pin, old)
        except Blocked:
            raise
        except AuthenticationFailed:
            # The factory's is in force: a reset before this one was cut off, or it never got its own.
            with self._access.logged_in(SO, old):
                pass
        self._access.drop()
        known = self._model.factory
        label = known.label if known and known.label else ""
        with self._access.lost_if_gone():
            self._access.find_again()
            self._module.init_token(self._access.token.slot, old, label)
            self._access.reread()

    # Renewal: the old key stays in its slot, the new one has a CKA_ID beside it

    def keeps_old_key(self) -> str | None:
        """A token holds as many keys as it has room for."""
        return None

    def beside(self, slot: str, taken: Collection[str], credentials: Credentials) -> Beside:
        """A CKA_ID that no object has, private ones included: the old one with a byte more."""
        with self._access.logged_in(USER, credentials.pin) as session:
            found = beside.free_id(session, self._key_id(slot), taken)
        if found is None:
            raise Unsupported("no CKA_ID is free beside it", where=self._where, next="renew on a new token")
        return Beside(made_at=found, kept_at=slot)

    def generate_beside(self, key: KeySpec, made_at: str, credentials: Credentials) -> GeneratedKey:
        return self.generate(replace(key, slot=made_at), credentials)

    def take_place(
        self, key: KeySpec, places: Beside, old: Renewed, new: Renewed, credentials: Credentials
    ) -> str:
        """Nothing moves; both pairs are looked for."""
        for slot, wanted in ((places.kept_at, old), (places.made_at, new)):
            if (self.public_key(slot), self.read_certificate(slot)) != (
                wanted.public_key,
                wanted.certificate,
            ):
                raise ReadBackFailed(f"key or certificate {slot} is not the one on record", where=self._where)
        return places.made_at

    def discard(self, made_at: str, public_key: bytes | None, credentials: Credentials) -> None:
        if public_key is not None and self.public_key(made_at) not in (None, public_key):
            return
        with self._access.logged_in(USER, credentials.pin) as session:
            self._destroy(session, self._key_id(made_at))

    def close(self) -> None:
        """Log out and let go; what the token no longer answers is left alone."""
        self._access.let_go()

    def _destroy(self, session: pkcs11.Session, key_id: bytes) -> None:
        for kind in _KINDS:
            for old in objects.find(session, kind, {Attribute.ID: key_id, Attribute.TOKEN: True}):
                old.destroy()

    def _held(self, session: pkcs11.Session, kind: ObjectClass, slot: str) -> list[Any]:
        return objects.find(session, kind, {Attribute.ID: self._key_id(slot), Attribute.TOKEN: True})

    def _key_id(self, slot: str) -> bytes:
        try:
            key_id = bytes.fromhex(slot)
        except ValueError:
            key_id = b""
        if not key_id:
            hint = "correct the layout's slot"
            raise Unsupported(f"{slot!r} is no CKA_ID in hexadecimal", where=self._where, next=hint)
        return key_id
