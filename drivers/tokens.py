"""The token port: what every token driver can do, and the values that cross it.

`batch` sees tokens through this module only. A driver names in `sequence` the order in which its kind
of token wants to be personalised; the acts themselves mean the same for all.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from drivers.secret import Secret


class Algorithm(enum.StrEnum):
    """Key types a layout may ask for."""

    RSA2048 = "rsa-2048"
    RSA3072 = "rsa-3072"
    P256 = "p-256"
    P384 = "p-384"


class SignatureScheme(enum.StrEnum):
    """How a key signs; the names are those of profiles and layouts (R28)."""

    ECDSA_SHA256 = "ecdsa-sha256"
    ECDSA_SHA384 = "ecdsa-sha384"
    RSA_PKCS1_SHA256 = "rsa-pkcs1-sha256"
    RSA_PSS_SHA256 = "rsa-pss-sha256"


class PinPolicy(enum.StrEnum):
    """How often the token asks for its PIN before it uses a key."""

    DEFAULT = "default"
    NEVER = "never"
    ONCE = "once"
    ALWAYS = "always"


class TouchPolicy(enum.StrEnum):
    """Whether the holder must touch the token before it uses a key."""

    DEFAULT = "default"
    NEVER = "never"
    ALWAYS = "always"
    CACHED = "cached"


class Code(enum.StrEnum):
    """The codes of one token. REVOCATION never reaches a token; ADMIN is a management key or SO PIN."""

    PIN = "pin"
    PUK = "puk"
    ADMIN = "admin"
    REVOCATION = "revocation"


class Act(enum.StrEnum):
    """The acts of personalisation that change a token."""

    INITIALISE = "initialise"
    KEYS = "keys"
    SET_ADMIN = "set-admin"
    SET_PUK = "set-puk"
    SET_PIN = "set-pin"


@dataclass(frozen=True)
class Credentials:
    """The codes of one token as they are in force, or as they shall be."""

    pin: Secret
    puk: Secret
    admin: Secret


@dataclass(frozen=True)
class CodeRules:
    """Bounds a token model sets to its codes: lengths in characters, `admin` in bytes.

    `admin_is_puk` holds for tokens without a PUK whose SO PIN stands on the letter in its place;
    `by_initialise` are the codes that no act of their own sets, but the token's initialisation.
    `renewed_by` are the codes that making a key on a finished token takes.
    `unblocked_by` is the code that sets a new PIN where the old one is blocked or forgotten: PUK or ADMIN.
    """

    pin: range
    puk: range
    admin: int
    digits_only: bool = True
    admin_is_puk: bool = False
    by_initialise: frozenset[Code] = frozenset()
    unblocked_by: Code = Code.PUK
    renewed_by: frozenset[Code] = frozenset({Code.PIN})

    @property
    def unblocking_counts(self) -> Code:
        """The code whose tries an unblocking spends."""
        return Code.ADMIN if self.admin_is_puk else self.unblocked_by


@dataclass(frozen=True)
class TokenIdentity:
    """What a token says of itself; `serial` is None while it has none (R41)."""

    driver: str
    model: str
    serial: str | None
    firmware: str | None = None
    label: str | None = None


UNLIMITED = 1_000_000
"""Tries of a code that never locks."""


@dataclass(frozen=True)
class Tries:
    """Tries left on each code, `UNLIMITED` where it never locks; None where nobody tells."""

    pin: int | None = None
    puk: int | None = None
    admin: int | None = None


@dataclass(frozen=True)
class Shown:
    """What became of the tries at one code: `refused` and `unanswered` since it was last accepted."""

    accepted: bool = False
    refused: int = 0
    unanswered: int = 0


@dataclass(frozen=True)
class KeyState:
    """One key slot as found: SPKI and certificate as DER, None where absent or not told."""

    slot: str
    public_key: bytes | None = None
    certificate: bytes | None = None


@dataclass(frozen=True)
class TokenState:
    """A token as inspected; `marks` says in words all that keeps it from being blank.

    `factory` tells for each code whether the factory's value still works, None where that cannot be
    known without spending a try.
    """

    identity: TokenIdentity
    marks: tuple[str, ...] = ()
    keys: tuple[KeyState, ...] = ()
    tries: Tries = Tries()
    factory: Mapping[Code, bool | None] = field(default_factory=dict)

    @property
    def blank(self) -> bool:
        """Whether nothing but the factory has ever written to this token."""
        return not self.marks


@dataclass(frozen=True)
class Initialisation:
    """What is fixed when a token is initialised: its label, tries and the GUID of its CHUID (16 bytes)."""

    label: str
    guid: bytes
    pin_tries: int | None = None
    puk_tries: int | None = None


@dataclass(frozen=True)
class KeySpec:
    """One key to be made: `slot` is the driver's name for its place (PIV `9a`, PKCS#11 CKA_ID in hex)."""

    slot: str
    algorithm: Algorithm
    label: str
    decrypts: bool = False
    pin_policy: PinPolicy = PinPolicy.DEFAULT
    touch_policy: TouchPolicy = TouchPolicy.DEFAULT


@dataclass(frozen=True)
class Evidence:
    """Evidence that a key was made on the token (R31).

    `kind` is `attestation` (`chain`: DER certificates, leaf first), `attributes` (what PKCS#11 says of
    the key) or `none`.
    """

    kind: str
    chain: tuple[bytes, ...] = ()
    attributes: Mapping[str, bool | str] = field(default_factory=dict)


@dataclass(frozen=True)
class GeneratedKey:
    """A key made on the token: its SPKI as DER and the evidence."""

    slot: str
    public_key: bytes
    evidence: Evidence


@dataclass(frozen=True)
class Beside:
    """Where a new key is made while the old one stays in its slot, and where the old one is kept after it."""

    made_at: str
    kept_at: str


@dataclass(frozen=True)
class Renewed:
    """One of the two keys of a renewal: SPKI and certificate as DER."""

    public_key: bytes
    certificate: bytes


class InForce(enum.Enum):
    """Which of two values of a code the token accepts."""

    NEW = "new"
    OLD = "old"
    NEITHER = "neither"
    UNKNOWN = "unknown"


class Cancel(Protocol):
    """Asked between two exchanges whether to give up waiting."""

    def __call__(self) -> bool: ...


class TokenSession(Protocol):
    """One token held exclusively from insertion to removal.

    Every method raises `TokenLost` where the outcome is unknown, `AuthenticationFailed` or `Blocked`
    where a code was refused, `Unsupported` where the model cannot, `DeviceFailed` for the rest.
    `credentials` are always the codes in force at that moment. No try is made that could take a code's last
    one, by the stricter of what `allow` says and what the token tells: `RetryBudget` (`drivers.tries`).
    """

    def allow(self, left: Tries) -> None:
        """From here on reckon with so many tries left on each code, None where the desk knows nothing."""
        ...

    def shown(self) -> Mapping[Code, Shown]:
        """What became of every code that was shown since `allow`, for the desk's records."""
        ...

    def identify(self) -> TokenIdentity:
        """Read what the token says of itself; changes nothing."""
        ...

    def inspect(self) -> TokenState:
        """Read all that can be read without a code; spends at most one try, and only of three told."""
        ...

    def initialise(self, plan: Initialisation, factory: Credentials, new: Credentials) -> TokenIdentity:
        """Make a blank or half-initialised token ready for keys; may be repeated until codes are set."""
        ...

    def generate(self, key: KeySpec, credentials: Credentials) -> GeneratedKey:
        """Make a key pair on the token, destroying what the slot held."""
        ...

    def public_key(self, slot: str) -> bytes | None:
        """The SPKI (DER) of the key in a slot, None where there is none or the token cannot tell."""
        ...

    def evidence(self, slot: str, credentials: Credentials) -> Evidence:
        """Evidence for the key that is in the slot now (R31)."""
        ...

    def sign(self, key: KeySpec, scheme: SignatureScheme, message: bytes, credentials: Credentials) -> bytes:
        """Sign `message` (hashed here); the signature as X.509 wants it, ECDSA as DER."""
        ...

    def write_certificate(self, slot: str, label: str, certificate: bytes, credentials: Credentials) -> None:
        """Write a certificate (DER) beside the key of a slot, replacing what is there."""
        ...

    def read_certificate(self, slot: str) -> bytes | None:
        """The certificate (DER) of a slot, None where there is none."""
        ...

    def set_code(self, code: Code, credentials: Credentials, new: Secret) -> None:
        """Change PIN, PUK or admin credential from the one in force to `new`; never resent by itself."""
        ...

    def in_force(self, code: Code, new: Secret, old: Secret) -> InForce:
        """Find which of two values the token accepts: `new` once, then `old` once, with three tries or more.

        Answers UNKNOWN, without a try, where fewer are left or neither token nor desk knows how many.
        """
        ...

    def prove(self, code: Code, value: Secret) -> None:
        """Show PIN, PUK or admin credential once; `AuthenticationFailed` where the token refuses it."""
        ...

    def unblock(self, code: Secret, new: Secret) -> None:
        """Set a new PIN, its tries in full, by the code that `CodeRules.unblocked_by` names; once."""
        ...

    def factory_codes(self, credentials: Credentials) -> Mapping[Code, bool]:
        """For a finished token: whether each factory code still works; restores the counters it spends."""
        ...

    def no_reset(self) -> str | None:
        """Why this token cannot be made blank again, None where it can; spends no try."""
        ...

    def reset(self, credentials: Credentials | None) -> None:
        """Make the token blank again, destroying all that is on it; may be repeated until it is blank.

        Blocks the codes of tokens that are reset that way. `credentials` are the codes it was given, in force
        or not; None where they cannot be had, then `Unsupported` where the token wants one of them.
        """
        ...

    def keeps_old_key(self) -> str | None:
        """Why a key cannot be kept until another has its place, None where it can; spends no try."""
        ...

    def beside(self, slot: str, taken: Collection[str], credentials: Credentials) -> Beside:
        """Where the key of a slot is renewed, in none of the places `taken`; `Unsupported` without room."""
        ...

    def generate_beside(self, key: KeySpec, made_at: str, credentials: Credentials) -> GeneratedKey:
        """Make a key pair as for `key.slot`, but in a place beside it, where none is or one of the same."""
        ...

    def take_place(
        self, key: KeySpec, places: Beside, old: Renewed, new: Renewed, credentials: Credentials
    ) -> str:
        """Put the key made beside in the old one's place, and keep the old one, each with its certificate.

        Returns the slot of the new key from here on; that of the old one is `places.kept_at`. May be repeated
        until it is done: it looks where each key is. Raises `ReadBackFailed` where one is in neither place.
        """
        ...

    def discard(self, made_at: str, public_key: bytes | None, credentials: Credentials) -> None:
        """Destroy the key (SPKI, DER; None: whichever) that was made beside and never took a place."""
        ...

    def close(self) -> None:
        """Let go of the token, logged out and reset where the transport can."""
        ...


class TokenDriver(Protocol):
    """A seat's driver, opened inside the lane's process from the seat's configuration."""

    sequence: ClassVar[tuple[Act, ...]]
    """The order in which this kind of token is personalised; KEYS stands for every slot in turn."""

    place: str
    """The reader or slot behind the seat: the same for two seats that would take the same token."""

    rules: CodeRules
    factory: Credentials | None
    """The codes a blank token comes with, None where a blank has none (an uninitialised PKCS#11 token)."""

    def await_token(self, cancel: Cancel) -> bool:
        """Block until a token is in the reader; False when cancelled."""
        ...

    def await_removal(self, cancel: Cancel) -> bool:
        """Block until the reader is empty; False when cancelled."""
        ...

    def connect(self) -> TokenSession:
        """Take the token in the reader exclusively; raises `NoToken`, `Unsupported` or `DeviceFailed`."""
        ...

    def close(self) -> None:
        """Release the reader."""
        ...
