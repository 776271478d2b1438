"""What a virtual card keeps without power, and the one file it keeps it in.

The file is JSON. PIN, PUK, management key and private keys stand in it in clear: the card is pretence.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from simulators.piv.algorithms import CipherType, KeyType

Firmware = tuple[int, int, int]
Profile = Literal["yubikey", "plain"]

PIN, PUK, MANAGEMENT = 0x80, 0x81, 0x9B
ATTESTATION_SLOT, ATTESTATION_OBJECT = 0xF9, 0x5FFF01

FACTORY_CODES = {PIN: b"123456\xff\xff", PUK: b"12345678"}
FACTORY_KEY = bytes.fromhex("0102030405060708") * 3
FACTORY_TRIES = 3


class CardFileDamaged(ValueError):
    """The file holds no virtual card, or a damaged one."""


@dataclass(frozen=True)
class Delays:
    """Seconds a card takes: `apdu` for each exchange, the others to generate a key of their type."""

    apdu: float = 0.0
    rsa2048: float = 0.0
    rsa3072: float = 0.0
    p256: float = 0.0
    p384: float = 0.0

    def generating(self, kind: KeyType) -> float:
        """Seconds to generate a key of this type."""
        match kind:
            case KeyType.RSA2048:
                return self.rsa2048
            case KeyType.RSA3072:
                return self.rsa3072
            case KeyType.P256:
                return self.p256
            case KeyType.P384:
                return self.p384


NO_DELAYS = Delays()


@dataclass(frozen=True)
class Reference:
    """A PIN or PUK as 8 bytes padded with FF, the tries it is given and those left."""

    value: bytes
    tries: int = FACTORY_TRIES
    left: int = FACTORY_TRIES


@dataclass(frozen=True)
class ManagementKey:
    """The key of the card application administrator (9B)."""

    cipher: CipherType
    key: bytes
    touch: int = 1


@dataclass(frozen=True)
class StoredKey:
    """One key pair: `private` is PKCS#8 DER, policies are resolved numbers of the tags AA and AB."""

    kind: KeyType
    pin_policy: int
    touch_policy: int
    generated: bool
    private: bytes


def factory_codes(pin_tries: int = FACTORY_TRIES, puk_tries: int = FACTORY_TRIES) -> dict[int, Reference]:
    """The codes a card leaves the factory with."""
    tries = {PIN: pin_tries, PUK: puk_tries}
    return {key: Reference(value, tries[key], tries[key]) for key, value in FACTORY_CODES.items()}


@dataclass
class CardState:
    """All that outlives power: identity, codes, keys by slot, data objects (contents of tag 53) by tag."""

    profile: Profile
    firmware: Firmware
    serial: int | None
    management: ManagementKey
    delays: Delays = NO_DELAYS
    codes: dict[int, Reference] = field(default_factory=factory_codes)
    keys: dict[int, StoredKey] = field(default_factory=dict)
    objects: dict[int, bytes] = field(default_factory=dict)

    @property
    def extended(self) -> bool:
        """Whether the card has the YubiKey extensions."""
        return self.profile == "yubikey"

    def since(self, firmware: Firmware) -> bool:
        """Whether the card has the YubiKey extensions in this firmware or a later one."""
        return self.extended and self.firmware >= firmware


def factory_management_key(profile: Profile, firmware: Firmware) -> ManagementKey:
    """The factory's management key: AES-192 from YubiKey firmware 5.7, triple DES before and elsewhere."""
    aes = profile == "yubikey" and firmware >= (5, 7, 0)
    return ManagementKey(CipherType.AES192 if aes else CipherType.TDES, FACTORY_KEY)


def encode(state: CardState) -> bytes:
    """The state as JSON."""
    return msgspec.json.encode(state)


def decode(encoded: bytes) -> CardState:
    """The state in JSON made by `encode`; raises `CardFileDamaged` where it is no card."""
    try:
        return msgspec.json.decode(encoded, type=CardState)
    except msgspec.DecodeError as error:
        raise CardFileDamaged(f"this is no virtual card ({error}); take another card file") from error


def write(path: Path, encoded: bytes) -> None:
    """Put a state in place of the file's in one step, readable by its owner only; raises `OSError`."""
    draft = path.with_name(f".{path.name}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(encoded)
    draft.replace(path)
