"""Data objects: GET DATA and PUT DATA (part 2, 3.1.2 and 3.3.1) with the containers of part 1, table 3."""

from __future__ import annotations

from drivers.wire import tlv
from drivers.wire.apdu import Command, StatusWord
from simulators.piv.applet import Applet, need

AID = bytes.fromhex("A000000308000010000100")
DISCOVERY_TAG = 0x7E
# PIV application PIN only, which satisfies the access rules (part 1, 3.3.2).
DISCOVERY = tlv.encode(DISCOVERY_TAG, tlv.encode(0x4F, AID) + tlv.encode(0x5F2F, b"\x40\x00"))

STANDARD_OBJECTS = range(0x5FC101, 0x5FC124)
VENDOR_OBJECTS = range(0x5FFF00, 0x5FFF16)
PIN_PROTECTED = frozenset({0x5FC103, 0x5FC108, 0x5FC109, 0x5FC121, 0x5FC123})

LARGEST_EXTENDED, LARGEST_PLAIN = 3063, 12710  # bytes inside tag 53: YubiKey 5; facial image of part 1


def get_data(applet: Applet, command: Command) -> bytes:
    """GET DATA: the object whose tag stands in 5C; 6A82 where there is none."""
    need((command.p1, command.p2) == (0x3F, 0xFF), StatusWord.INCORRECT_P1P2)
    tag = int.from_bytes(tlv.need(command.data, 0x5C), "big")
    if tag == DISCOVERY_TAG:
        return DISCOVERY
    if tag in PIN_PROTECTED:
        applet.need_pin()
    need(tag in applet.state.objects, StatusWord.NOT_FOUND)
    return tlv.encode(0x53, applet.state.objects[tag])


def put_data(applet: Applet, command: Command) -> bytes:
    """PUT DATA: replace the object named in 5C by the value of 53, or delete it by an empty one."""
    need((command.p1, command.p2) == (0x3F, 0xFF), StatusWord.INCORRECT_P1P2)
    applet.need_admin()
    tag, value = int.from_bytes(tlv.need(command.data, 0x5C), "big"), tlv.need(command.data, 0x53)
    vendor = applet.state.extended and tag in VENDOR_OBJECTS
    need(vendor or tag in STANDARD_OBJECTS, StatusWord.INCORRECT_DATA)
    largest = LARGEST_EXTENDED if applet.state.extended else LARGEST_PLAIN
    need(len(value) <= largest, StatusWord.NOT_ENOUGH_MEMORY)
    if value:
        applet.state.objects[tag] = value
    else:
        applet.state.objects.pop(tag, None)
    return b""
