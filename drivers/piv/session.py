"""One PIV card in a lane's hands: the token port over the PIV application (rules, "PIV over APDUs")."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from drivers.errors import AuthenticationFailed, EvidenceMissing, NotBlank, Unsupported
from drivers.piv import beside as retiring
from drivers.piv import blocking, inspection, keys, objects, padding
from drivers.piv.access import Access
from drivers.piv.applet import Applet
from drivers.piv.ids import (
    KEY_ALGORITHMS,
    PIN_POLICIES,
    STANDARD_PIN_POLICY,
    TOUCH_POLICIES,
    ManagementAlgorithm,
    Obj,
    place_of,
    slot_of,
)
from drivers.secret import Secret
from drivers.tokens import (
    Beside,
    Code,
    CodeRules,
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
from drivers.wire import tlv
from drivers.wire.transport import Transport

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

RULES = CodeRules(pin=range(6, 9), puk=range(8, 9), admin=24, renewed_by=frozenset({Code.PIN, Code.ADMIN}))
"""Codes of PIV cards (R19, R20); 24 bytes are a 3DES or an AES-192 management key."""

_ROCA_FIRMWARE = ((4, 2, 0), (4, 3, 5))
_DEFAULT_TRIES = 3


class PivSession:
    """A session with the PIV application of the card behind `transport`; `Unsupported` without one.

    `roots` are the attestation roots of the seat, `management` is the type of the management key where the
    card does not tell it, and `release` lets go of the card.
    """

    def __init__(
        self,
        transport: Transport,
        where: str,
        *,
        roots: Sequence[Certificate] = (),
        management: ManagementAlgorithm = ManagementAlgorithm.TDES,
        release: Callable[[], None] | None = None,
    ) -> None:
        self._applet = Applet(transport, where)
        self._roots = roots
        self._release = release
        self._applet.select()
        self._version = self._applet.version()
        self._serial = self._applet.serial() if self._version else None
        if self._serial:
            self._applet.where = f"{where}, token {self._serial}"
        self._access = Access(self._applet, self._version is not None, management)
        self._attestation_issuer: bytes | None = None

    def allow(self, left: Tries) -> None:
        self._access.ledger.allow(left)

    def shown(self) -> Mapping[Code, Shown]:
        return self._access.ledger.shown()

    def identify(self) -> TokenIdentity:
        return self._identity(None if self._serial else self._applet.get(Obj.CHUID))

    def inspect(self) -> TokenState:
        chuid = self._applet.get(Obj.CHUID)
        return inspection.inspect(self._applet, self._access, self._identity(chuid), chuid)

    def initialise(self, plan: Initialisation, factory: Credentials, new: Credentials) -> TokenIdentity:
        self._access.show(Code.ADMIN, factory.admin)
        if not self._access.has_metadata:
            self._prove_puk(factory)
        if plan.pin_tries is not None or plan.puk_tries is not None:
            self._set_retries(plan, factory)
        chuid = objects.chuid(plan.guid)
        self._applet.put(Obj.CHUID, chuid)
        self._applet.put(Obj.CCC, objects.ccc(plan.guid[:14]))
        return self._identity(chuid)

    def generate(self, key: KeySpec, credentials: Credentials) -> GeneratedKey:
        ref, _ = slot_of(key.slot)
        return self._generate(ref, key, credentials)

    def public_key(self, slot: str) -> bytes | None:
        ref, _ = place_of(slot)
        if self._access.has_metadata:
            return self._applet.key_metadata(ref)
        leaf = self._attestation(ref)
        if leaf is None:
            return None
        from drivers.piv import attestation

        return attestation.attested_key(leaf, self._applet.where)

    def evidence(self, slot: str, credentials: Credentials) -> Evidence:
        ref, _ = place_of(slot)
        public = self.public_key(slot)
        return Evidence("none") if public is None else self._attested(ref, public)

    def sign(self, key: KeySpec, scheme: SignatureScheme, message: bytes, credentials: Credentials) -> bytes:
        ref, _ = place_of(key.slot)
        challenge = padding.challenge(key.algorithm, scheme, message)
        # A retired key keeps the policy of the slot it was in.
        default = STANDARD_PIN_POLICY.get(ref, PinPolicy.ALWAYS)
        policy = default if key.pin_policy is PinPolicy.DEFAULT else key.pin_policy
        if policy is PinPolicy.ALWAYS:
            self._access.forget(Code.PIN)
        if policy is not PinPolicy.NEVER:
            self._access.show(Code.PIN, credentials.pin)
        return self._applet.sign(ref, KEY_ALGORITHMS[key.algorithm], challenge)

    def write_certificate(self, slot: str, label: str, certificate: bytes, credentials: Credentials) -> None:
        _, obj = place_of(slot)
        self._access.show(Code.ADMIN, credentials.admin)
        self._applet.put(obj, objects.certificate(certificate))

    def read_certificate(self, slot: str) -> bytes | None:
        _, obj = place_of(slot)
        return inspection.certificate(self._applet, obj)

    def set_code(self, code: Code, credentials: Credentials, new: Secret) -> None:
        match code:
            case Code.PIN:
                self._change(code, credentials.pin, new, RULES.pin)
            case Code.PUK:
                self._change(code, credentials.puk, new, RULES.puk)
            case Code.ADMIN:
                self._set_admin(credentials.admin, new)
            case Code.REVOCATION:
                raise self._unsupported("a revocation code never reaches a token", "keep it in the letter")

    def in_force(self, code: Code, new: Secret, old: Secret) -> InForce:
        return self._access.in_force(code, new, old)

    def prove(self, code: Code, value: Secret) -> None:
        self._access.prove(code, value)

    def unblock(self, code: Secret, new: Secret) -> None:
        """RESET RETRY COUNTER by the PUK; the management key cannot do it."""
        if len(new) not in RULES.pin:
            raise self._unsupported(f"a PIN of {len(new)} characters", "see R19")
        self._access.unblock(code, new)

    def factory_codes(self, credentials: Credentials) -> Mapping[Code, bool]:
        right = {Code.PIN: credentials.pin, Code.PUK: credentials.puk, Code.ADMIN: credentials.admin}
        return {code: self._access.factory_works(code, value) for code, value in right.items()}

    def no_reset(self) -> str | None:
        return None if self._version else "SP 800-73-4 knows no command that resets a card"

    def reset(self, credentials: Credentials | None) -> None:
        if reason := self.no_reset():
            raise self._unsupported(reason, "destroy it")
        self._access.forget(*Code)
        blocking.block(self._applet)
        self._applet.reset()

    def keeps_old_key(self) -> str | None:
        return retiring.reason_against(self._version)

    def beside(self, slot: str, taken: Collection[str], credentials: Credentials) -> Beside:
        slot_of(slot)
        self._need_moving()
        return retiring.places(self._applet, taken)

    def generate_beside(self, key: KeySpec, made_at: str, credentials: Credentials) -> GeneratedKey:
        ref, _ = slot_of(key.slot)
        self._need_moving()
        if key.pin_policy is PinPolicy.DEFAULT:
            key = replace(key, pin_policy=STANDARD_PIN_POLICY[ref])
        made = self._generate(place_of(made_at)[0], key, credentials)
        return replace(made, slot=made_at)

    def take_place(
        self, key: KeySpec, places: Beside, old: Renewed, new: Renewed, credentials: Credentials
    ) -> str:
        self._need_moving()
        self._access.show(Code.ADMIN, credentials.admin)
        retiring.exchange(self._applet, key.slot, places, old, new)
        return key.slot

    def discard(self, made_at: str, public_key: bytes | None, credentials: Credentials) -> None:
        self._need_moving()
        self._access.show(Code.ADMIN, credentials.admin)
        retiring.discard(self._applet, made_at, public_key)

    def close(self) -> None:
        self._access.forget(*Code)
        if self._release is not None:
            self._release()

    def _generate(self, ref: int, key: KeySpec, credentials: Credentials) -> GeneratedKey:
        if self._version and key.algorithm.startswith("rsa"):
            first_weak, first_mended = _ROCA_FIRMWARE
            if first_weak <= self._version < first_mended:
                raise self._unsupported(
                    f"firmware {self._firmware()} makes weak RSA keys (ROCA, R29)",
                    "use a layout with P-256, or another token",
                )
        policies = self._policies(ref, key)
        self._access.show(Code.ADMIN, credentials.admin)
        public = self._applet.generate(ref, KEY_ALGORITHMS[key.algorithm], policies)
        return GeneratedKey(key.slot, public, self._attested(ref, public))

    def _need_moving(self) -> None:
        if reason := self.keeps_old_key():
            raise self._unsupported(reason, "renew on a new token")

    def _identity(self, chuid: bytes | None) -> TokenIdentity:
        guid = objects.guid(chuid) if chuid else None
        return TokenIdentity(
            driver="piv",
            model="PIV card with YubiKey extensions" if self._version else "PIV card",
            serial=self._serial or (guid.hex() if guid else None),
            firmware=self._firmware(),
        )

    def _firmware(self) -> str | None:
        return ".".join(str(part) for part in self._version) if self._version else None

    def _unsupported(self, what: str, next: str) -> Unsupported:
        return Unsupported(what, where=self._applet.where, next=next)

    def _set_retries(self, plan: Initialisation, factory: Credentials) -> None:
        """Set the tries, which puts PIN and PUK back: only while they are the factory's anyway (step 4)."""
        if self._version is None:
            raise self._unsupported("this card's tries are fixed", "leave them out of the token layout")
        now = {code: self._access.metadata(code) for code in (Code.PIN, Code.PUK)}
        if changed := [code.upper() for code, known in now.items() if known and not known.default]:
            raise self._unsupported(
                f"setting the tries would put back the {' and '.join(changed)}, no longer the factory's",
                "set the token aside",
            )
        totals = [known.total if known else None for known in now.values()]
        pin, puk = (
            asked or total or _DEFAULT_TRIES
            for asked, total in zip((plan.pin_tries, plan.puk_tries), totals, strict=True)
        )
        if totals != [pin, puk]:
            self._access.show(Code.PIN, factory.pin)
            self._access.forget(Code.PIN)
            self._applet.set_retries(pin, puk)

    def _prove_puk(self, factory: Credentials) -> None:
        """Nothing else tells before the keys are made whether the PUK is the factory's (rules, step 2)."""
        try:
            self._access.change(Code.PUK, factory.puk, factory.puk)
        except AuthenticationFailed as refused:
            raise NotBlank(
                "the card's PUK is not the factory's", where=self._applet.where, next="set the token aside"
            ) from refused

    def _policies(self, ref: int, key: KeySpec) -> bytes:
        if self._version is not None:
            fields = []
            if key.pin_policy is not PinPolicy.DEFAULT:
                fields.append((0xAA, bytes([PIN_POLICIES[key.pin_policy]])))
            if key.touch_policy is not TouchPolicy.DEFAULT:
                fields.append((0xAB, bytes([TOUCH_POLICIES[key.touch_policy]])))
            return tlv.encode_all(fields)
        fixed = STANDARD_PIN_POLICY[ref]
        if key.pin_policy not in (PinPolicy.DEFAULT, fixed):
            raise self._unsupported(
                f"PIN policy {key.pin_policy} for slot {key.slot}: the standard fixes {fixed}",
                "change the token layout",
            )
        if key.touch_policy not in (TouchPolicy.DEFAULT, TouchPolicy.NEVER):
            raise self._unsupported("this card feels no touch", "change the token layout")
        return b""

    def _attestation(self, ref: int) -> bytes | None:
        return self._applet.attest(ref) if self._version else None

    def _attested(self, ref: int, public: bytes) -> Evidence:
        leaf = self._attestation(ref)
        if leaf is None:
            return Evidence("none")
        from drivers.piv import attestation

        if self._attestation_issuer is None:
            self._attestation_issuer = inspection.certificate(self._applet, Obj.ATTESTATION)
        if self._attestation_issuer is None:
            raise EvidenceMissing(
                "the card attests its keys, but its attestation certificate is gone",
                where=self._applet.where,
                next="set the token aside",
            )
        chain = (leaf, self._attestation_issuer)
        return attestation.evidence(chain, public, self._serial, self._roots, self._applet.where)

    def _change(self, code: Code, old: Secret, new: Secret, lengths: range) -> None:
        if len(new) not in lengths:
            raise self._unsupported(f"a {code.upper()} of {len(new)} characters", "see R19 and R20")
        self._access.change(code, old, new)

    def _set_admin(self, old: Secret, new: Secret) -> None:
        if self._version is None:
            raise self._unsupported(
                "SP 800-73-4 knows no command that sets a management key",
                'set it with the card maker\'s tool, and say admin = "keep" in the seat',
            )
        algorithm = self._access.management_algorithm()
        keys.check_new(algorithm, new.reveal())
        self._access.show(Code.ADMIN, old)
        self._access.set_management_key(new)
