"""Puts keys and certificates on a blank SoftHSM token, over the C interface, in a process of its own.

Run as `python -m simulators.bench.usb_tokens` with SOFTHSM2_CONF; a JSON `Content` comes on stdin. The tools
of SoftHSM and OpenSC take some of it as arguments only, where every process sees a PIN.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from typing import Any

import msgspec

_ID, _LABEL, _TOKEN, _PRIVATE, _VALUE = 0x102, 0x03, 0x01, 0x02, 0x11
_CLASS, _KEY_TYPE, _CERTIFICATE_TYPE = 0x00, 0x100, 0x80
_ISSUER, _SERIAL, _SUBJECT = 0x81, 0x82, 0x101
_SENSITIVE, _EXTRACTABLE, _SIGN, _VERIFY, _DERIVE = 0x103, 0x162, 0x108, 0x10A, 0x10C
_EC_PARAMS, _EC_POINT = 0x180, 0x181
_CERTIFICATE_CLASS, _PUBLIC_CLASS, _PRIVATE_CLASS, _EC, _X509 = 1, 2, 3, 3, 0
_P256 = bytes.fromhex("06082a8648ce3d030107")
_RW_SESSION, _SO, _USER = 0x06, 0, 1

_PLACES = {
    "C_Initialize": 0,
    "C_Finalize": 1,
    "C_GetSlotList": 4,
    "C_InitToken": 9,
    "C_InitPIN": 10,
    "C_OpenSession": 12,
    "C_CloseSession": 13,
    "C_Login": 18,
    "C_Logout": 19,
    "C_CreateObject": 20,
}
"""Places in CK_FUNCTION_LIST (PKCS#11 v2.40 §3.7)."""


@dataclass(frozen=True)
class Content:
    """What a token is to hold; of each P-256 key its scalar, point, certificate, subject, issuer, serial.

    The first key signs, the second agrees; point and serial are DER.
    """

    module: str
    label: str
    pin: str
    so_pin: str
    keys: list[tuple[bytes, bytes, bytes, bytes, bytes, bytes]]


_Template = dict[int, bytes | int | bool]


class _Attribute(ctypes.Structure):
    _fields_ = (("type", ctypes.c_ulong), ("value", ctypes.c_char_p), ("length", ctypes.c_ulong))


class _Module:
    def __init__(self, path: str) -> None:
        self._library = ctypes.CDLL(path)
        table = ctypes.c_void_p()
        self._library.C_GetFunctionList(ctypes.byref(table))
        assert table.value is not None
        # The table starts with a CK_VERSION, padded to the size of a pointer.
        self._first = table.value + ctypes.sizeof(ctypes.c_void_p)

    def call(self, name: str, *arguments: Any) -> None:
        place = self._first + ctypes.sizeof(ctypes.c_void_p) * _PLACES[name]
        address = ctypes.c_void_p.from_address(place).value
        assert address is not None
        answer = ctypes.CFUNCTYPE(ctypes.c_ulong, *map(type, arguments))(address)(*arguments)
        if answer:
            raise SystemExit(f"{name} answered {answer:#x}")


def _number(value: int) -> ctypes.c_ulong:
    return ctypes.c_ulong(value)


def _text(value: bytes) -> ctypes.c_char_p:
    return ctypes.c_char_p(value)


def write(content: Content) -> None:
    """Initialise the blank token of this process's SoftHSM and fill it; ends the process where it fails."""
    module, label = _Module(content.module), content.label.encode().ljust(32)
    pin, so_pin = content.pin.encode(), content.so_pin.encode()
    module.call("C_Initialize", ctypes.c_void_p())
    slots, count = (ctypes.c_ulong * 1)(), ctypes.c_ulong(1)
    listing = (ctypes.c_ubyte(1), ctypes.cast(slots, ctypes.c_void_p), ctypes.pointer(count))
    module.call("C_GetSlotList", *listing)
    module.call("C_InitToken", _number(slots[0]), _text(so_pin), _number(len(so_pin)), _text(label))
    session = ctypes.c_ulong()
    nothing = ctypes.c_void_p()
    opening = (_number(slots[0]), _number(_RW_SESSION), nothing, nothing, ctypes.pointer(session))
    module.call("C_OpenSession", *opening)
    module.call("C_Login", session, _number(_SO), _text(so_pin), _number(len(so_pin)))
    module.call("C_InitPIN", session, _text(pin), _number(len(pin)))
    module.call("C_Logout", session)
    module.call("C_Login", session, _number(_USER), _text(pin), _number(len(pin)))
    for number, key in enumerate(content.keys, start=1):
        for template in _templates(bytes([number]), content.label.encode(), number == 2, *key):
            _create(module, session, template)
    module.call("C_Finalize", nothing)


def _create(module: _Module, session: ctypes.c_ulong, template: _Template) -> None:
    entries = [(kind, _encoded(value)) for kind, value in template.items()]
    array = (_Attribute * len(entries))(*(_Attribute(kind, value, len(value)) for kind, value in entries))
    handle = ctypes.c_ulong()
    module.call(
        "C_CreateObject",
        session,
        ctypes.cast(array, ctypes.c_void_p),
        _number(len(entries)),
        ctypes.pointer(handle),
    )


def _encoded(value: bytes | int | bool) -> bytes:
    if isinstance(value, bool):
        return bytes([value])
    return bytes(ctypes.c_ulong(value)) if isinstance(value, int) else value


def _templates(
    key_id: bytes,
    label: bytes,
    agrees: bool,
    scalar: bytes,
    point: bytes,
    certificate: bytes,
    subject: bytes,
    issuer: bytes,
    serial: bytes,
) -> tuple[_Template, ...]:
    common: _Template = {_TOKEN: True, _ID: key_id, _LABEL: label}
    key: _Template = {**common, _KEY_TYPE: _EC, _EC_PARAMS: _P256}
    return (
        {
            _CLASS: _PRIVATE_CLASS,
            **key,
            _PRIVATE: True,
            _SENSITIVE: True,
            _EXTRACTABLE: False,
            _SIGN: not agrees,
            _DERIVE: agrees,
            _VALUE: scalar,
        },
        {_CLASS: _PUBLIC_CLASS, **key, _PRIVATE: False, _VERIFY: not agrees, _EC_POINT: point},
        {
            _CLASS: _CERTIFICATE_CLASS,
            **common,
            _CERTIFICATE_TYPE: _X509,
            _PRIVATE: False,
            _SUBJECT: subject,
            _ISSUER: issuer,
            _SERIAL: serial,
            _VALUE: certificate,
        },
    )


if __name__ == "__main__":
    write(msgspec.json.decode(sys.stdin.buffer.read(), type=Content))
