"""The card application administrator: authentication by the management key (9B), changing it, card reset."""

from __future__ import annotations

import hmac
import secrets

from drivers.wire import tlv
from drivers.wire.apdu import Command, StatusWord
from simulators.piv.algorithms import CipherType, encrypt_block
from simulators.piv.applet import Applet, Refused, Security, need
from simulators.piv.state import (
    ATTESTATION_OBJECT,
    ATTESTATION_SLOT,
    MANAGEMENT,
    ManagementKey,
    factory_codes,
    factory_management_key,
)

WITNESS, CHALLENGE, RESPONSE = 0x80, 0x81, 0x82

TOUCH_OF_P2 = {0xFF: 1, 0xFE: 2, 0xFD: 3}


def authenticate(applet: Applet, command: Command) -> bytes:
    """GENERAL AUTHENTICATE with 9B: mutual, or of the host alone (part 2, appendices A.1 and A.2)."""
    management = applet.state.management
    # SP 800-78-4, table 6-2: 00 and 03 both mean triple DES.
    need((command.p1 or CipherType.TDES) == management.cipher, StatusWord.INCORRECT_P1P2)
    fields = dict(tlv.decode(tlv.need(command.data, 0x7C)))
    expected = applet.security.witness, applet.security.challenge
    applet.security.witness = applet.security.challenge = None
    match fields:
        case {0x80: b"", **rest} if not rest:
            return _ask_witness(applet.security, management)
        case {0x81: b"", **rest} if not rest:
            return _ask_challenge(applet.security, management)
        case {0x80: witness, 0x81: challenge}:
            _admit(applet.security, expected[0], witness)
            good = len(challenge) == management.cipher.block
            applet.security.admin = good
            need(good, StatusWord.INCORRECT_DATA)
            return _template(RESPONSE, encrypt_block(management.cipher, management.key, challenge))
        case {0x82: response}:
            _admit(applet.security, expected[1], response)
            return b""
        case _:
            raise Refused(StatusWord.INCORRECT_DATA)


def set_management_key(applet: Applet, command: Command) -> bytes:
    """SET MANAGEMENT KEY (FF): cipher, then the key in tag 9B; P2 tells the touch policy."""
    applet.need_admin()
    need(command.p1 == 0xFF and command.p2 in TOUCH_OF_P2, StatusWord.INCORRECT_P1P2)
    need(len(command.data) > 1, StatusWord.INCORRECT_DATA)
    kind, key = command.data[0], tlv.need(command.data[1:], MANAGEMENT)
    known = (CipherType.TDES,) if not applet.state.since((5, 4, 0)) else tuple(CipherType)
    need(kind in known, StatusWord.INCORRECT_DATA)
    cipher = CipherType(kind)
    need(len(key) == cipher.key_size, StatusWord.INCORRECT_DATA)
    applet.state.management = ManagementKey(cipher, key, TOUCH_OF_P2[command.p2])
    return b""


def reset(applet: Applet, command: Command) -> bytes:
    """RESET (FB): with PIN and PUK both blocked, wipe all but the attestation key and its certificate."""
    need(command.p1 == command.p2 == 0, StatusWord.INCORRECT_P1P2)
    state = applet.state
    need(not any(code.left for code in state.codes.values()), StatusWord.CONDITIONS_NOT_SATISFIED)
    state.codes = factory_codes()
    state.management = factory_management_key(state.profile, state.firmware)
    state.keys = {slot: key for slot, key in state.keys.items() if slot == ATTESTATION_SLOT}
    state.objects = {tag: value for tag, value in state.objects.items() if tag == ATTESTATION_OBJECT}
    applet.security = Security()
    return b""


def _ask_witness(security: Security, management: ManagementKey) -> bytes:
    security.witness = secrets.token_bytes(management.cipher.block)
    return _template(WITNESS, encrypt_block(management.cipher, management.key, security.witness))


def _ask_challenge(security: Security, management: ManagementKey) -> bytes:
    challenge = secrets.token_bytes(management.cipher.block)
    security.challenge = encrypt_block(management.cipher, management.key, challenge)
    return _template(CHALLENGE, challenge)


def _admit(security: Security, expected: bytes | None, given: bytes) -> None:
    security.admin = False
    need(expected is not None, StatusWord.INCORRECT_DATA)
    security.admin = hmac.compare_digest(expected or b"", given)
    need(security.admin, StatusWord.SECURITY_STATUS_NOT_SATISFIED)


def _template(tag: int, value: bytes) -> bytes:
    return tlv.encode(0x7C, tlv.encode(tag, value))
