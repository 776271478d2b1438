"""One PC/SC context and what its return codes mean."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from smartcard import scard

from drivers.errors import DeviceFailed, DriverError, NoToken, Unsupported

OK = scard.SCARD_S_SUCCESS
PNP = "\\\\?PnP?\\Notification"
"""The pretended reader whose state changes when a real one comes or goes."""

NO_READERS = scard.SCARD_E_NO_READERS_AVAILABLE

GONE = frozenset(
    {
        scard.SCARD_E_NO_SMARTCARD,
        scard.SCARD_W_REMOVED_CARD,
        scard.SCARD_E_UNKNOWN_READER,
        scard.SCARD_E_READER_UNAVAILABLE,
    }
)
"""Codes that say there is no card, or no reader it could be in."""

State = tuple[str, int]


class Context:
    """A connection to the PC/SC service; raises `DeviceFailed` where there is none."""

    def __init__(self) -> None:
        code, self.handle = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        if code != OK:
            raise failure(code, "the PC/SC service was asked for a context", None)

    def readers(self) -> list[str]:
        """The names of all readers there are now."""
        code, names = scard.SCardListReaders(self.handle, [])
        if code == NO_READERS:
            return []
        if code != OK:
            raise failure(code, "the readers were listed", None)
        return list(names)

    def wait(self, states: Sequence[State], milliseconds: int) -> list[tuple[str, int, bytes]]:
        """Block until one of `states` (reader, state last seen) is no more; (reader, state, ATR) of each."""
        code, now = scard.SCardGetStatusChange(self.handle, milliseconds, list(states))
        if code not in (OK, scard.SCARD_E_TIMEOUT):
            raise failure(code, "the state of a reader was asked for", ", ".join(name for name, _ in states))
        return [(name, state & ~scard.SCARD_STATE_CHANGED, bytes(atr)) for name, state, atr in now]

    def serial(self, name: str) -> str | None:
        """The serial number of a reader, None where it has none or another program holds it."""
        direct = scard.SCARD_SHARE_DIRECT
        code, card, _ = scard.SCardConnect(self.handle, name, direct, scard.SCARD_PROTOCOL_UNDEFINED)
        if code != OK:
            return None
        try:
            return serial_of(card)
        finally:
            scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)

    def close(self) -> None:
        """Give the context back."""
        scard.SCardReleaseContext(self.handle)


def serial_of(card: int) -> str | None:
    """The serial number of the reader behind a connected handle, None where it has none."""
    code, value = scard.SCardGetAttrib(card, scard.SCARD_ATTR_VENDOR_IFD_SERIAL_NO)
    if code != OK:
        return None
    return bytes(value).rstrip(b"\0").decode("ascii", "replace").strip() or None


@contextlib.contextmanager
def context() -> Iterator[Context]:
    """A context for one piece of work."""
    held = Context()
    try:
        yield held
    finally:
        held.close()


def failure(code: int, doing: str, where: str | None) -> DriverError:
    """The error for a PC/SC return code met before a token was begun."""
    text = f"{doing}: {str(scard.SCardGetErrorMessage(code)).strip().rstrip('.')}"
    if code in GONE:
        return NoToken("no token is in the reader", where=where, next="insert one")
    if code in (scard.SCARD_E_NO_SERVICE, scard.SCARD_E_SERVICE_STOPPED):
        return DeviceFailed(
            text, code=name(code), where=where, next="start pcscd, or see PCSCLITE_CSOCK_NAME for a bench"
        )
    if code == scard.SCARD_E_SHARING_VIOLATION:
        return DeviceFailed(
            "another program holds the token in this reader",
            code=name(code),
            where=where,
            next="end it and try again",
        )
    if code in (scard.SCARD_W_UNRESPONSIVE_CARD, scard.SCARD_W_UNPOWERED_CARD):
        return DeviceFailed(
            "the token does not answer a reset",
            code=name(code),
            where=where,
            next="look whether it lies the right way round, clean it, or set it aside",
        )
    if code in (scard.SCARD_W_UNSUPPORTED_CARD, scard.SCARD_E_PROTO_MISMATCH):
        return Unsupported("the reader cannot talk to this token", where=where, next="set it aside")
    return DeviceFailed(text, code=name(code), where=where)


def name(code: int) -> str:
    """The name of a PC/SC return code, such as `SCARD_E_TIMEOUT`."""
    for known in dir(scard):
        if known.startswith(("SCARD_E_", "SCARD_W_", "SCARD_F_")) and getattr(scard, known) == code:
            return known
    return f"{code & 0xFFFFFFFF:08X}"
