"""Token layouts: what is made on a token, under which codes, and what goes with it."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from importlib import metadata

import msgspec

from drivers.authorities.port import KeyUsage
from drivers.tokens import Algorithm, KeySpec, PinPolicy, TouchPolicy
from layouts.errors import FieldFault, LayoutError
from layouts.fields import Kind, columns, fill
from layouts.forms import MailerLayout
from layouts.life import LifeRule, Release
from layouts.profile import Profile
from layouts.strict import Wrong

LABEL_BYTES = 32
"""The longest token label, in bytes of UTF-8 (PKCS#11 v2.40, C_InitToken)."""

DECRYPTING: frozenset[KeyUsage] = frozenset(
    {KeyUsage.KEY_ENCIPHERMENT, KeyUsage.DATA_ENCIPHERMENT, KeyUsage.KEY_AGREEMENT}
)

_SLOTS = {
    # SP 800-73-4 part 1, table 4b: authentication, signature, key management, card authentication, retired.
    "piv": re.compile(r"9[acde]|8[2-9a-f]|9[0-5]"),
    "pkcs11": re.compile(r"([0-9a-f]{2}){1,16}"),
}


class Attestation(enum.StrEnum):
    """What to do about evidence that a key was made on the token (R31).

    REQUIRE: without an attestation chain, or attributes of a token this desk initialised, there is no
    certificate. ACCEPT: evidence is judged and kept where the token gives any. IGNORE: it is not asked for.
    """

    REQUIRE = "require"
    ACCEPT = "accept"
    IGNORE = "ignore"


class PinRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a PIN or PUK is drawn: `length` digits, `tries` None to leave the token's own count (R17, R19)."""

    length: int
    tries: int | None = None
    refuse_trivial: bool = True

    def __post_init__(self) -> None:
        if not 6 <= self.length <= 16:
            raise Wrong("length", f"{self.length} digits; 6 to 16 are allowed (R19)")
        if self.tries is not None and not 1 <= self.tries <= 10:
            raise Wrong("tries", f"{self.tries} tries; 1 to 10 are allowed (R19)")


class Recovery(enum.StrEnum):
    """How the admin credential of a token is had again: SO PIN or management key (R36).

    CUSTODY: it is drawn at random and sealed with the other codes. DIVERSIFIED: it is derived from a key that
    lives in a token, and custody does not hold it.
    """

    CUSTODY = "custody"
    DIVERSIFIED = "diversified"


class AdminRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of the admin credential."""

    recovery: Recovery = Recovery.CUSTODY


class RevocationRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a revocation code is drawn: groups of characters, the check character included (R17)."""

    groups: int
    group_length: int

    def __post_init__(self) -> None:
        if not 2 <= self.groups <= 6:
            raise Wrong("groups", f"{self.groups} groups; 2 to 6 are allowed")
        # 26 unmistakable characters bear 4.7 bits each: ten of them and a check character reach 40 bits.
        if not 11 <= self.groups * self.group_length <= 24:
            raise Wrong("group_length", "11 to 24 characters in all are allowed: 40 bits and a check (R21)")


def release_of(kind: Kind) -> Release:
    """When the letter of a kind of certificate may leave, unless its layout says otherwise (R2)."""
    return Release.AFTER_ACKNOWLEDGEMENT if kind is Kind.GROUP else Release.BEFORE_HAND_OVER


class _SlotFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    slot: str
    profile: str
    label: str
    decrypts: bool = False
    pin_policy: PinPolicy = PinPolicy.DEFAULT
    touch_policy: TouchPolicy = TouchPolicy.DEFAULT

    def __post_init__(self) -> None:
        if not self.label or len(self.label.encode()) > LABEL_BYTES or not self.label.isprintable():
            raise Wrong("label", f"needs 1 to {LABEL_BYTES} bytes of printable text")


class TokenFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of `tokens/`, as it is written."""

    title: str
    driver: str
    kind: Kind
    mailer: str
    attestation: Attestation
    algorithms: tuple[Algorithm, ...]
    label: str
    pin: PinRule
    puk: PinRule
    revocation: RevocationRule
    slots: tuple[_SlotFile, ...]
    admin: AdminRule = AdminRule()
    life: LifeRule = LifeRule()

    def __post_init__(self) -> None:
        if self.driver not in _SLOTS:
            others = metadata.entry_points(group="station.tokens").names
            if self.driver not in others:
                known = ", ".join(sorted({*_SLOTS, *others}))
                raise Wrong("driver", f"no driver {self.driver!r}; there are: {known}")
        if not self.algorithms or len(set(self.algorithms)) != len(self.algorithms):
            raise Wrong("algorithms", "name at least one, each once; the first is the default")
        try:
            columns(self.label)
        except ValueError as error:
            raise Wrong("label", str(error)) from None
        if self.driver == "piv" and self.pin.length > 8:
            raise Wrong(("pin", "length"), "a PIV PIN has 6 to 8 digits (SP 800-73-4 part 2, 2.4.3)")
        if self.driver == "piv" and self.puk.length != 8:
            raise Wrong(("puk", "length"), "a PIV PUK has exactly 8 digits (R20)")
        self._check_slots()

    def _check_slots(self) -> None:
        pattern = _SLOTS.get(self.driver)
        for index, slot in enumerate(self.slots):
            if pattern and not pattern.fullmatch(slot.slot):
                what = f"{slot.slot!r} is no {self.driver} slot (lower-case hex)"
                raise Wrong(("slots", index, "slot"), what)
            for key in ("name", "slot"):
                if any(getattr(slot, key) == getattr(other, key) for other in self.slots[:index]):
                    raise Wrong(("slots", index, key), f"another slot has the same {key}")
        if not self.slots:
            raise Wrong("slots", "a token needs at least one slot")


@dataclass(frozen=True)
class Slot:
    """One key of a token and the profile of its certificate."""

    name: str
    slot: str
    profile: Profile
    label: str
    decrypts: bool
    pin_policy: PinPolicy
    touch_policy: TouchPolicy

    def key(self, algorithm: Algorithm) -> KeySpec:
        """The key to be made, as a token driver takes it."""
        return KeySpec(
            slot=self.slot,
            algorithm=algorithm,
            label=self.label,
            decrypts=self.decrypts,
            pin_policy=self.pin_policy,
            touch_policy=self.touch_policy,
        )


@dataclass(frozen=True)
class TokenLayout:
    """A token layout with its profiles and its letter, and the algorithm an order chose."""

    name: str
    algorithm: Algorithm
    title: str
    driver: str
    kind: Kind
    attestation: Attestation
    algorithms: tuple[Algorithm, ...]
    label: str
    pin: PinRule
    puk: PinRule
    revocation: RevocationRule
    slots: tuple[Slot, ...]
    mailer: MailerLayout
    admin: AdminRule
    life: LifeRule

    @property
    def release(self) -> Release:
        """When its letter may leave: as the layout says, else as its kind of certificate wants (R2)."""
        return self.life.release or release_of(self.kind)

    @property
    def diversified(self) -> bool:
        """Whether the admin credential is derived from a diversification key."""
        return self.admin.recovery is Recovery.DIVERSIFIED

    @property
    def ref(self) -> str:
        """The name an order gives, algorithm included: `group-card:rsa-2048`."""
        return f"{self.name}:{self.algorithm}"

    @cached_property
    def columns(self) -> frozenset[str]:
        """The order columns that may not be empty; `number` is the station's own and not among them."""
        profiles = (slot.profile.columns for slot in self.slots)
        needed = frozenset().union(columns(self.label), self.mailer.columns, *profiles)
        return needed - {"number"}

    @cached_property
    def optional_columns(self) -> frozenset[str]:
        """The order columns that are used where they are filled in."""
        profiles = (slot.profile.optional_columns for slot in self.slots)
        return frozenset().union(self.mailer.optional_columns, *profiles) - self.columns

    def keys(self, algorithm: Algorithm | None = None) -> tuple[KeySpec, ...]:
        """The keys to be made, in the layout's order; of the chosen algorithm unless another is given."""
        return tuple(slot.key(algorithm or self.algorithm) for slot in self.slots)

    def token_label(self, fields: Mapping[str, str]) -> str:
        """The label of one token, at most 32 bytes of UTF-8; raises `FieldFault`."""
        where = f"token layout {self.name}, label"
        value = fill(self.label, fields, where)
        field = next(iter(sorted(columns(self.label))), "label")
        if len(value.encode()) > LABEL_BYTES:
            what = f"{value!r} has {len(value.encode())} bytes, {LABEL_BYTES} are allowed"
            raise FieldFault(what, field=field, where=where, next=f"shorten {field}")
        if not value.isprintable():
            raise FieldFault("holds a character that cannot be printed", field=field, where=where)
        return value

    def faults(self, fields: Mapping[str, str]) -> tuple[LayoutError, ...]:
        """All that keeps a row of an order from being made with this layout; empty where nothing does.

        `fields` need not hold `number` yet. The letter is tried by `layouts.mailer.rehearse`.
        """
        found: list[LayoutError] = []
        for column in sorted(self.columns):
            if not fields.get(column, "").strip():
                what = f"{column} is {'empty' if column in fields else 'missing'}"
                fault = FieldFault(what, field=column, where=f"token layout {self.name}", next="fill it in")
                found.append(fault)
        if found:
            return tuple(found)
        numbered = {"number": "0" * 6, **fields}
        told: set[str] = set()
        now = datetime.now(UTC)
        attempts: list[Callable[[], object]] = [partial(self.token_label, numbered)]
        attempts += [partial(slot.profile.template, numbered, now, self.algorithm) for slot in self.slots]
        for attempt in attempts:
            try:
                attempt()
            except FieldFault as fault:
                if fault.field not in told:
                    told.add(fault.field)
                    found.append(fault)
        return tuple(found)
