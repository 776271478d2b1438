"""Key pairs: GENERATE ASYMMETRIC KEY PAIR and GENERAL AUTHENTICATE (part 2, 3.3.2 and 3.2.4), import, move.

The virtual card has no button: where a touch policy asks for a touch, it is given at once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from drivers.wire import tlv
from drivers.wire.apdu import Command, StatusWord
from simulators.piv import algorithms
from simulators.piv.algorithms import KeyType
from simulators.piv.applet import KEY_SLOTS, Applet, need
from simulators.piv.state import ATTESTATION_SLOT, CardState, StoredKey

NEVER, ONCE, ALWAYS = 1, 2, 3
TOUCH_NEVER, TOUCH_CACHED = 1, 3
PIN_POLICY, TOUCH_POLICY = 0xAA, 0xAB
DEFAULT_PIN_POLICY = {0x9C: ALWAYS, 0x9E: NEVER, ATTESTATION_SLOT: NEVER}


def generate(applet: Applet, command: Command) -> bytes:
    """GENERATE ASYMMETRIC KEY PAIR: a new key in slot P2 instead of the old; the public key in 7F49."""
    need(command.p1 == 0 and command.p2 in _slots(applet.state), StatusWord.INCORRECT_P1P2)
    applet.need_admin()
    fields = dict(tlv.decode(tlv.need(command.data, 0xAC)))
    kind = _kind(applet.state, int.from_bytes(fields.get(0x80, b""), "big"), StatusWord.INCORRECT_DATA)
    policies = _policies(applet.state, command.p2, fields)
    started = time.monotonic()
    key = algorithms.generate(kind)
    _linger(started, applet.state.delays.generating(kind))
    applet.state.keys[command.p2] = StoredKey(kind, *policies, generated=True, private=algorithms.dump(key))
    return tlv.encode(0x7F49, algorithms.public_template(key.public_key()))


def import_key(applet: Applet, command: Command) -> bytes:
    """IMPORT ASYMMETRIC KEY (FE): type in P1, slot in P2; tags 01 and 02 are RSA primes, 06 an EC scalar."""
    need(command.p2 in _slots(applet.state), StatusWord.INCORRECT_P1P2)
    kind = _kind(applet.state, command.p1, StatusWord.INCORRECT_P1P2)
    applet.need_admin()
    fields = dict(tlv.decode(command.data))
    policies = _policies(applet.state, command.p2, fields)
    if kind.is_rsa:
        key = algorithms.rsa_key(kind, tlv.need(command.data, 0x01), tlv.need(command.data, 0x02))
    else:
        key = algorithms.ec_key(kind, tlv.need(command.data, 0x06))
    applet.state.keys[command.p2] = StoredKey(kind, *policies, generated=False, private=algorithms.dump(key))
    return b""


def authenticate(applet: Applet, command: Command) -> bytes:
    """GENERAL AUTHENTICATE with a key pair: sign or decrypt (81), or agree on a secret (85).

    Refuses with 6A86 what is no key slot or has a key of another type, with 6A80 an empty slot, with 6982
    where the PIN policy of the key is not met.
    """
    need(command.p2 in KEY_SLOTS, StatusWord.INCORRECT_P1P2)
    need(command.p2 in applet.state.keys, StatusWord.INCORRECT_DATA)
    key = applet.state.keys[command.p2]
    need(command.p1 == key.kind, StatusWord.INCORRECT_P1P2)
    fields = dict(tlv.decode(tlv.need(command.data, 0x7C)))
    need(fields.get(0x82) == b"" and len(fields) == 2, StatusWord.INCORRECT_DATA)
    _need_pin_policy(applet, key.pin_policy)
    private = algorithms.load(key.private)
    if 0x85 in fields:
        result = algorithms.agree(private, fields[0x85])
    else:
        result = algorithms.use(private, fields.get(0x81, b""))
    return tlv.encode(0x7C, tlv.encode(0x82, result))


def move(applet: Applet, command: Command) -> bytes:
    """MOVE KEY (F6): from slot P2 to slot P1, or to nowhere where P1 is FF."""
    source, target = command.p2, command.p1
    need(source in _slots(applet.state), StatusWord.INCORRECT_P1P2)
    need(target == 0xFF or target in KEY_SLOTS - {source}, StatusWord.INCORRECT_P1P2)
    need(target == 0xFF or source != ATTESTATION_SLOT, StatusWord.INCORRECT_P1P2)
    applet.need_admin()
    need(source in applet.state.keys, StatusWord.REFERENCE_NOT_FOUND)
    key = applet.state.keys.pop(source)
    if target != 0xFF:
        applet.state.keys[target] = key
    return b""


def _slots(state: CardState) -> frozenset[int]:
    return KEY_SLOTS | {ATTESTATION_SLOT} if state.extended else KEY_SLOTS


def _kind(state: CardState, number: int, sw: int) -> KeyType:
    need(number in set(KeyType), sw)
    kind = KeyType(number)
    need(kind is not KeyType.RSA3072 or not state.extended or state.since((5, 7, 0)), sw)
    return kind


def _policies(state: CardState, slot: int, fields: Mapping[int, bytes]) -> tuple[int, int]:
    pin, touch = (int.from_bytes(fields.get(tag, b""), "big") for tag in (PIN_POLICY, TOUCH_POLICY))
    need(state.extended or not pin | touch, StatusWord.INCORRECT_DATA)
    need(pin <= ALWAYS and touch <= TOUCH_CACHED, StatusWord.INCORRECT_DATA)
    need(touch != TOUCH_CACHED or state.since((4, 3, 0)), StatusWord.INCORRECT_DATA)
    return pin or DEFAULT_PIN_POLICY.get(slot, ONCE), touch or TOUCH_NEVER


def _need_pin_policy(applet: Applet, policy: int) -> None:
    verified = {NEVER: True, ONCE: applet.security.pin, ALWAYS: applet.security.pin_fresh}[policy]
    need(verified, StatusWord.SECURITY_STATUS_NOT_SATISFIED)


def _linger(started: float, seconds: float) -> None:
    left = started + seconds - time.monotonic()
    if left > 0:
        time.sleep(left)
