"""What is left of a command when a card loses its power in the middle of it.

Certified cards decrement a retry counter before they compare, and change a code or the management key in one
step; the memory of a key pair or an object is erased before it is written.
"""

from __future__ import annotations

from dataclasses import replace

from drivers.wire import tlv
from drivers.wire.apdu import Command
from simulators.piv.applet import KEY_SLOTS, Applet
from simulators.piv.state import PIN, PUK


def interrupt(applet: Applet, command: Command) -> None:
    """Do to the card's memory what a command has done half-way; `ValueError` where it is malformed."""
    match command.ins:
        case 0x20 | 0x24 if command.data and command.p2 in (PIN, PUK):
            _spend(applet, command.p2)
        case 0x2C:
            _spend(applet, PUK)
        case 0x47 if applet.security.admin and command.p2 in KEY_SLOTS:
            applet.state.keys.pop(command.p2, None)
        case 0xDB if applet.security.admin:
            applet.state.objects.pop(int.from_bytes(tlv.need(command.data, 0x5C), "big"), None)
        case _:
            pass


def _spend(applet: Applet, key: int) -> None:
    code = applet.state.codes[key]
    applet.state.codes[key] = replace(code, left=max(code.left - 1, 0))
