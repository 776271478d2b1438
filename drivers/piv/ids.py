"""The numbers of SP 800-73-4, SP 800-78-4 and the YubiKey extensions (YK), each given a name once."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from drivers.errors import Unsupported
from drivers.secret import Secret
from drivers.tokens import Algorithm, Credentials, PinPolicy, TouchPolicy

AID = bytes.fromhex("A000000308")


class Ins(enum.IntEnum):
    """Instructions of SP 800-73-4 part 2 table 2, and YK."""

    VERIFY = 0x20
    CHANGE_REFERENCE_DATA = 0x24
    RESET_RETRY_COUNTER = 0x2C
    GENERATE = 0x47
    GENERAL_AUTHENTICATE = 0x87
    SELECT = 0xA4
    GET_DATA = 0xCB
    PUT_DATA = 0xDB
    METADATA = 0xF7
    SERIAL = 0xF8
    ATTEST = 0xF9
    SET_RETRIES = 0xFA
    MOVE_KEY = 0xF6
    RESET = 0xFB
    VERSION = 0xFD
    SET_MANAGEMENT_KEY = 0xFF


class Ref(enum.IntEnum):
    """Key references of SP 800-73-4 part 1 table 4b, and the attestation key (YK)."""

    PIN = 0x80
    PUK = 0x81
    AUTHENTICATION = 0x9A
    MANAGEMENT = 0x9B
    SIGNATURE = 0x9C
    KEY_MANAGEMENT = 0x9D
    CARD_AUTHENTICATION = 0x9E
    ATTESTATION = 0xF9


class Obj(enum.IntEnum):
    """Data objects of SP 800-73-4 part 1 table 3, and the attestation certificate (YK)."""

    CARD_AUTHENTICATION = 0x5FC101
    CHUID = 0x5FC102
    AUTHENTICATION = 0x5FC105
    CCC = 0x5FC107
    SIGNATURE = 0x5FC10A
    KEY_MANAGEMENT = 0x5FC10B
    KEY_HISTORY = 0x5FC10C
    ATTESTATION = 0x5FFF01


SLOTS = {
    "9a": (Ref.AUTHENTICATION, Obj.AUTHENTICATION),
    "9c": (Ref.SIGNATURE, Obj.SIGNATURE),
    "9d": (Ref.KEY_MANAGEMENT, Obj.KEY_MANAGEMENT),
    "9e": (Ref.CARD_AUTHENTICATION, Obj.CARD_AUTHENTICATION),
}
"""The slots a layout may name, with key reference and certificate object."""

FIRST_RETIRED, RETIRED_SLOTS = 0x82, 20
"""The retired key management keys, 82 to 95 (part 1, table 4b)."""

RETIRED = {f"{FIRST_RETIRED + at:02x}": (FIRST_RETIRED + at, 0x5FC10D + at) for at in range(RETIRED_SLOTS)}
"""Their slots in the order of the key history, with key reference and certificate object."""

STANDARD_PIN_POLICY: Mapping[int, PinPolicy] = {
    Ref.AUTHENTICATION: PinPolicy.ONCE,
    Ref.SIGNATURE: PinPolicy.ALWAYS,
    Ref.KEY_MANAGEMENT: PinPolicy.ONCE,
    Ref.CARD_AUTHENTICATION: PinPolicy.NEVER,
}
"""What SP 800-73-4 part 1 §3.1 fixes for each slot, and what YK takes where nothing is said."""

KEY_ALGORITHMS = {
    Algorithm.RSA3072: 0x05,
    Algorithm.RSA2048: 0x07,
    Algorithm.P256: 0x11,
    Algorithm.P384: 0x14,
}
PIN_POLICIES = {PinPolicy.NEVER: 1, PinPolicy.ONCE: 2, PinPolicy.ALWAYS: 3}
TOUCH_POLICIES = {TouchPolicy.NEVER: 1, TouchPolicy.ALWAYS: 2, TouchPolicy.CACHED: 3}


class ManagementAlgorithm(enum.IntEnum):
    """Algorithms of the management key (SP 800-78-4 table 6-2)."""

    TDES = 0x03
    AES128 = 0x08
    AES192 = 0x0A
    AES256 = 0x0C

    @property
    def key_length(self) -> int:
        """Length of a key in bytes."""
        return {0x03: 24, 0x08: 16, 0x0A: 24, 0x0C: 32}[self]

    @property
    def block_length(self) -> int:
        """Length of witness and challenge in bytes."""
        return 8 if self is ManagementAlgorithm.TDES else 16


FACTORY = Credentials(
    pin=Secret.text("123456"),
    puk=Secret.text("12345678"),
    admin=Secret(bytes(range(1, 9)) * 3),
)
"""What blank cards come with; the same for 3DES and AES-192 (YK)."""


def slot_of(name: str) -> tuple[Ref, Obj]:
    """Key reference and certificate object of a slot; raises `Unsupported` for a name PIV does not know."""
    try:
        return SLOTS[name.lower()]
    except KeyError:
        raise Unsupported(f"a PIV card has no slot {name!r}", next=f"use one of {', '.join(SLOTS)}") from None


def place_of(name: str) -> tuple[int, int]:
    """The same for a slot in which a key is made or for a retired one."""
    return RETIRED.get(name.lower()) or slot_of(name)
