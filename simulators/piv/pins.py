"""PIN and PUK: VERIFY, CHANGE REFERENCE DATA and RESET RETRY COUNTER (part 2, 3.2.1 to 3.2.3); tries."""

from __future__ import annotations

from dataclasses import replace

from drivers.wire.apdu import Command, StatusWord
from simulators.piv.applet import Applet, Refused, need
from simulators.piv.state import PIN, PUK, Reference, factory_codes

MOST_TOLD = 15  # 63CX has one digit for the tries left


def verify(applet: Applet, command: Command) -> bytes:
    """VERIFY: check the PIN; empty, tell the tries left; with P1 FF, forget that it was verified."""
    need(command.p1 in (0x00, 0xFF), StatusWord.INCORRECT_P1P2)
    need(command.p2 == PIN, StatusWord.REFERENCE_NOT_FOUND)
    if command.p1 == 0xFF:
        need(not command.data, StatusWord.INCORRECT_DATA)
        _forget_pin(applet)
        return b""
    if not command.data:
        code = applet.state.codes[PIN]
        need(applet.security.pin, _failed(code) if code.left else StatusWord.AUTHENTICATION_BLOCKED)
        return b""
    need(len(command.data) == 8, StatusWord.INCORRECT_DATA)
    _compare(applet, PIN, command.data)
    _restore(applet, PIN, command.data)
    applet.security.pin = applet.security.pin_fresh = True
    return b""


def change_reference_data(applet: Applet, command: Command) -> bytes:
    """CHANGE REFERENCE DATA: old and new PIN, or old and new PUK, 8 bytes each."""
    need(command.p1 == 0, StatusWord.INCORRECT_P1P2)
    need(command.p2 in (PIN, PUK), StatusWord.REFERENCE_NOT_FOUND)
    old, new = _two(command.data)
    _compare(applet, command.p2, old)
    _check_new(applet, command.p2, new)
    _restore(applet, command.p2, new)
    if command.p2 == PIN:
        applet.security.pin = True
    return b""


def reset_retry_counter(applet: Applet, command: Command) -> bytes:
    """RESET RETRY COUNTER: the PUK and a new PIN, 8 bytes each; the security status stays as it is."""
    need(command.p1 == 0, StatusWord.INCORRECT_P1P2)
    need(command.p2 == PIN, StatusWord.REFERENCE_NOT_FOUND)
    puk, new = _two(command.data)
    _compare(applet, PUK, puk)
    _check_new(applet, PIN, new)
    _restore(applet, PUK, puk)
    _restore(applet, PIN, new)
    return b""


def set_retries(applet: Applet, command: Command) -> bytes:
    """SET PIN RETRIES (FA): tries of PIN (P1) and PUK (P2); both codes go back to the factory's."""
    applet.need_admin()
    applet.need_pin()
    need(command.p1 > 0 and command.p2 > 0, StatusWord.INCORRECT_P1P2)
    applet.state.codes = factory_codes(command.p1, command.p2)
    _forget_pin(applet)
    return b""


def _compare(applet: Applet, key: int, candidate: bytes) -> None:
    code = applet.state.codes[key]
    if candidate == code.value and code.left:
        return
    if key == PIN:
        _forget_pin(applet)
    spent = replace(code, left=max(code.left - 1, 0))
    applet.state.codes[key] = spent
    raise Refused(_failed(spent) if code.left else StatusWord.AUTHENTICATION_BLOCKED)


def _failed(code: Reference) -> int:
    return StatusWord.VERIFY_FAILED | min(code.left, MOST_TOLD)


def _restore(applet: Applet, key: int, value: bytes) -> None:
    tries = applet.state.codes[key].tries
    applet.state.codes[key] = Reference(value, tries, tries)


def _forget_pin(applet: Applet) -> None:
    applet.security.pin = applet.security.pin_fresh = False


def _two(data: bytes) -> tuple[bytes, bytes]:
    need(len(data) == 16, StatusWord.INCORRECT_DATA)
    return data[:8], data[8:]


def _check_new(applet: Applet, key: int, value: bytes) -> None:
    text = value.rstrip(b"\xff")
    if applet.state.extended:
        good = len(text) >= 6 and b"\xff" not in text
    elif key == PIN:
        good = len(text) >= 6 and text.isdigit()
    else:
        good = True
    need(good, StatusWord.INCORRECT_DATA)
