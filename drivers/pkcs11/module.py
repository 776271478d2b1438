"""One PKCS#11 module loaded into this process, its errors in our words, and the calls python-pkcs11 lacks."""

from __future__ import annotations

import ctypes
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pkcs11
from pkcs11 import TokenFlag

from drivers.errors import (
    AuthenticationFailed,
    Blocked,
    DeviceFailed,
    DriverError,
    TokenLost,
    Unsupported,
    printable,
)
from drivers.secret import Secret

LABEL_LENGTH = 32
"""Bytes of a token label, blank padded (PKCS#11 v2.40 §5.5)."""

SO, USER = 0, 1
"""CKU_SO and CKU_USER."""

# Places in CK_FUNCTION_LIST, counted from C_Initialize = 0 (PKCS#11 v2.40 §3.7).
_INIT_TOKEN, _INIT_PIN, _SET_PIN, _CLOSE_ALL, _LOGIN, _LOGOUT = 9, 10, 11, 14, 18, 19

_NAMES = {
    0x05: "CKR_GENERAL_ERROR",
    0x06: "CKR_FUNCTION_FAILED",
    0x07: "CKR_ARGUMENTS_BAD",
    0x30: "CKR_DEVICE_ERROR",
    0x31: "CKR_DEVICE_MEMORY",
    0x32: "CKR_DEVICE_REMOVED",
    0x54: "CKR_FUNCTION_NOT_SUPPORTED",
    0xA0: "CKR_PIN_INCORRECT",
    0xA1: "CKR_PIN_INVALID",
    0xA2: "CKR_PIN_LEN_RANGE",
    0xA3: "CKR_PIN_EXPIRED",
    0xA4: "CKR_PIN_LOCKED",
    0xB0: "CKR_SESSION_CLOSED",
    0xB3: "CKR_SESSION_HANDLE_INVALID",
    0xB6: "CKR_SESSION_EXISTS",
    0xE0: "CKR_TOKEN_NOT_PRESENT",
    0xE1: "CKR_TOKEN_NOT_RECOGNIZED",
    0xE2: "CKR_TOKEN_WRITE_PROTECTED",
    0x101: "CKR_USER_NOT_LOGGED_IN",
    0x102: "CKR_USER_PIN_NOT_INITIALIZED",
}
_GONE = {"CKR_DEVICE_REMOVED", "CKR_TOKEN_NOT_PRESENT", "CKR_SESSION_HANDLE_INVALID", "CKR_SESSION_CLOSED"}
_CANNOT = {
    "CKR_FUNCTION_NOT_SUPPORTED": "the module has no such function",
    "CKR_MECHANISM_INVALID": "the token does not know this mechanism",
    "CKR_MECHANISM_PARAM_INVALID": "the token does not take these parameters of the mechanism",
    "CKR_KEY_SIZE_RANGE": "the token has no keys of this size",
    "CKR_DOMAIN_PARAMS_INVALID": "the token does not know this curve",
    "CKR_CURVE_NOT_SUPPORTED": "the token does not know this curve",
    "CKR_TOKEN_NOT_RECOGNIZED": "the module does not recognise this token",
}
_REFUSED = {"CKR_PIN_INVALID", "CKR_PIN_LEN_RANGE", "CKR_PIN_TOO_WEAK"}


MALFORMED = (ValueError, KeyError, struct.error)
"""What python-pkcs11 raises for an attribute of the wrong length, of an unknown number or left out."""


def malformed(where: str) -> DeviceFailed:
    """The error for an answer that makes no sense."""
    return DeviceFailed("the token's answer is malformed", where=where, next="set the token aside")


def code_of(error: pkcs11.PKCS11Error) -> str:
    """The CKR name of an error of python-pkcs11."""
    name = type(error).__name__
    if name == "PKCS11Error":
        return "CKR_VENDOR_DEFINED"
    if name == "TokenNotRecognised":
        return "CKR_TOKEN_NOT_RECOGNIZED"
    return "CKR_" + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()


def failure(code: str, where: str) -> DriverError:
    """The error of the tree in `drivers.errors` that a CKR name stands for."""
    if code in _GONE:
        return TokenLost(
            f"the token is gone ({code})", where=where, next="put it back and look what it holds"
        )
    if code == "CKR_PIN_INCORRECT":
        return AuthenticationFailed("the code was refused", where=where)
    if code == "CKR_PIN_LOCKED":
        return Blocked("no tries are left on this code", remaining=0, where=where)
    if code in _CANNOT:
        return Unsupported(f"{_CANNOT[code]} ({code})", where=where)
    if code == "CKR_PIN_EXPIRED":
        return Unsupported("the token wants its code changed first (CKR_PIN_EXPIRED)", where=where)
    if code in _REFUSED:
        hint = "compare the lengths in the seat's model with the token's"
        return DeviceFailed(f"the token takes no code like this ({code})", code=code, where=where, next=hint)
    if code == "CKR_GENERAL_ERROR":
        hint = "see whether the token and its files are where they were; `station doctor` tells"
        return DeviceFailed(f"the module fails ({code})", code=code, where=where, next=hint)
    return DeviceFailed(f"the token answered {code}", code=code, where=where)


@contextmanager
def spoken(where: str) -> Iterator[None]:
    """Turns errors of python-pkcs11 into those of `drivers.errors`."""
    try:
        yield
    except pkcs11.PKCS11Error as error:
        raise failure(code_of(error), where) from error
    except MALFORMED:
        # Without what it says: a code may stand in it.
        raise malformed(where) from None


def flags_of(token: pkcs11.Token) -> TokenFlag:
    """CK_TOKEN_INFO flags, none before initialisation: SoftHSM then sets SO_PIN_LOCKED."""
    flags = token.flags
    return flags if flags & TokenFlag.TOKEN_INITIALIZED else TokenFlag(0)


def serial_of(token: pkcs11.Token) -> str | None:
    """The token's serial, None while it has none; bytes that are no printable ASCII as escapes."""
    return printable(token.serial.decode("ascii", "backslashreplace").strip("\0 ")) or None


def _handle(session: pkcs11.Session) -> int:
    handle: int = session.handle  # type: ignore[attr-defined]  # left out of the stubs
    return handle


class Module:
    """A module file loaded into this process; one thread uses it (C_Initialize with no locks)."""

    def __init__(self, path: str, where: str) -> None:
        self.path, self.where = path, where
        self._library: Any = None
        self._functions: dict[int, Any] = {}

    def start(self) -> None:
        """Load and initialise, once; raises `DeviceFailed` (CKR_GENERAL_ERROR: SoftHSM without tokens)."""
        if self._library is not None:
            if not self._library.initialized:
                with spoken(self.where):
                    self._library.initialize()
            return
        try:
            plain = ctypes.CDLL(self.path)
        except OSError as error:
            hint = "name the right file as `module` of this seat"
            raise DeviceFailed(f"no PKCS#11 module: {error}", where=self.where, next=hint) from error
        with spoken(self.where):
            self._library = pkcs11.lib(self.path)
        table = ctypes.c_void_p()
        plain.C_GetFunctionList(ctypes.byref(table))
        number, text = ctypes.c_ulong, ctypes.c_char_p
        for place, arguments in {
            _INIT_TOKEN: (number, text, number, text),
            _INIT_PIN: (number, text, number),
            _SET_PIN: (number, text, number, text, number),
            _CLOSE_ALL: (number,),
            _LOGIN: (number, number, text, number),
            _LOGOUT: (number,),
        }.items():
            assert table.value is not None
            # The table starts with a CK_VERSION, padded to the size of a pointer.
            entry = table.value + ctypes.sizeof(ctypes.c_void_p) * (place + 1)
            address = ctypes.c_void_p.from_address(entry).value
            assert address is not None
            self._functions[place] = ctypes.CFUNCTYPE(number, *arguments)(address)

    def rescan(self) -> None:
        """Initialise anew, so that a module without slot events sees a change; ends all sessions."""
        if self._library is None or not self._library.initialized:
            self.start()
            return
        with spoken(self.where):
            self._library.reinitialize()

    def slots(self) -> list[pkcs11.Slot]:
        """The slots that hold a token."""
        self.start()
        with spoken(self.where):
            slots: list[pkcs11.Slot] = self._library.get_slots(token_present=True)
        return slots

    def tokens(self) -> list[pkcs11.Token]:
        """The tokens in those slots, without those pulled meanwhile."""
        found = []
        for slot in self.slots():
            try:
                found.append(slot.get_token())
            except pkcs11.PKCS11Error as error:
                code, hint = code_of(error), "take it out and set it aside"
                if code in _GONE or code == "CKR_TOKEN_NOT_RECOGNIZED":
                    continue
                what = f"the token does not answer for itself ({code})"
                raise DeviceFailed(what, code=code, where=self.where, next=hint) from error
        return found

    def init_token(self, slot: pkcs11.Slot, so_pin: Secret, label: str) -> None:
        """C_InitToken: with a new SO PIN on a blank token, with its own on another; destroys all objects."""
        name = label.encode()
        if len(name) > LABEL_LENGTH:
            raise Unsupported(f"a token label has at most {LABEL_LENGTH} bytes: {label!r}", where=self.where)
        self._call(_CLOSE_ALL, slot.slot_id)
        pin = so_pin.reveal()
        self._call(_INIT_TOKEN, slot.slot_id, pin, len(pin), name.ljust(LABEL_LENGTH))

    def login(self, session: pkcs11.Session, user: int, code: Secret) -> None:
        """C_Login as `SO` or `USER`."""
        pin = code.reveal()
        self._call(_LOGIN, _handle(session), user, pin, len(pin))

    def logout(self, session: pkcs11.Session) -> None:
        """C_Logout."""
        self._call(_LOGOUT, _handle(session))

    def init_pin(self, session: pkcs11.Session, code: Secret) -> None:
        """C_InitPIN: gives the user a PIN, as SO."""
        pin = code.reveal()
        self._call(_INIT_PIN, _handle(session), pin, len(pin))

    def set_pin(self, session: pkcs11.Session, old: Secret, new: Secret) -> None:
        """C_SetPIN: changes the code of who is logged in."""
        before, after = old.reveal(), new.reveal()
        self._call(_SET_PIN, _handle(session), before, len(before), after, len(after))

    def close(self) -> None:
        """C_Finalize: ends all sessions, logged out."""
        if self._library is not None and self._library.initialized:
            with spoken(self.where):
                self._library.finalize()

    def _call(self, place: int, *arguments: Any) -> None:
        answer = self._functions[place](*arguments)
        if answer:
            raise failure(_NAMES.get(answer, f"CKR 0x{answer:08x}"), self.where)
