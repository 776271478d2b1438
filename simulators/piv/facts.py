"""What a card tells of itself: GET VERSION (FD), GET SERIAL (F8), GET METADATA (F7) of YubiKey."""

from __future__ import annotations

from drivers.wire import tlv
from drivers.wire.apdu import Command, StatusWord
from simulators.piv import algorithms
from simulators.piv.applet import Applet, need
from simulators.piv.state import FACTORY_CODES, MANAGEMENT, factory_management_key

ALGORITHM, POLICY, ORIGIN, PUBLIC_KEY, DEFAULT, RETRIES = range(1, 7)
NO_ALGORITHM = b"\xff"
GENERATED, IMPORTED = 1, 2


def version(applet: Applet, command: Command) -> bytes:
    """GET VERSION: the firmware as three bytes."""
    need(command.p1 == command.p2 == 0, StatusWord.INCORRECT_P1P2)
    return bytes(applet.state.firmware)


def serial(applet: Applet, command: Command) -> bytes:
    """GET SERIAL: four bytes, big endian; a card made without one does not know the command."""
    need(command.p1 == command.p2 == 0, StatusWord.INCORRECT_P1P2)
    number = applet.state.serial
    need(number is not None, StatusWord.INS_UNSUPPORTED)
    return (number or 0).to_bytes(4, "big")


def metadata(applet: Applet, command: Command) -> bytes:
    """GET METADATA of what P2 names: PIN, PUK, management key or a key slot; 6A88 where there is nothing."""
    need(command.p1 == 0, StatusWord.INCORRECT_P1P2)
    state, reference = applet.state, command.p2
    if reference in state.codes:
        code = state.codes[reference]
        default = bytes([code.value == FACTORY_CODES[reference]])
        tries = bytes([code.tries, code.left])
        return tlv.encode_all([(ALGORITHM, NO_ALGORITHM), (DEFAULT, default), (RETRIES, tries)])
    if reference == MANAGEMENT:
        held = state.management
        factory = factory_management_key(state.profile, state.firmware)
        default = bytes([(held.cipher, held.key) == (factory.cipher, factory.key)])
        policy = bytes([0, held.touch])
        return tlv.encode_all([(ALGORITHM, bytes([held.cipher])), (POLICY, policy), (DEFAULT, default)])
    need(reference in state.keys, StatusWord.REFERENCE_NOT_FOUND)
    key = state.keys[reference]
    public = algorithms.public_template(algorithms.load(key.private).public_key())
    return tlv.encode_all(
        [
            (ALGORITHM, bytes([key.kind])),
            (POLICY, bytes([key.pin_policy, key.touch_policy])),
            (ORIGIN, bytes([GENERATED if key.generated else IMPORTED])),
            (PUBLIC_KEY, public),
        ]
    )
