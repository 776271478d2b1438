"""Transports: one method, bytes in, data and status word out; and wrappers of the same shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from drivers.errors import DeviceFailed
from drivers.wire.apdu import Command, StatusWord

_GET_RESPONSE = 0xC0
_CHAINED = 0x10
_SHORT = 255
_MOST_PARTS = 512

LONGEST_ANSWER = 65_536
"""Bytes of one answer with all its parts, as many as an extended APDU carries (ISO/IEC 7816-4 §5.2)."""

_OPEN_INSTRUCTIONS = frozenset({0xA4, 0xCB, 0xDB, 0x47, 0xF7, 0xF8, 0xF9, 0xFA, 0xFB, 0xFD})


class Transport(Protocol):
    """A way to one card."""

    def transmit(self, apdu: bytes) -> tuple[bytes, int]:
        """Send one command APDU; the data and the status word of the answer."""
        ...


class Chaining:
    """Lets callers send and receive any length: command chaining and GET RESPONSE of ISO/IEC 7816-4 §5.3.

    Commands too long for a short APDU come in extended form and leave as a chain of short ones, which every
    PIV card takes (SP 800-73-4 part 2, 3.3.2). 6Cxx is answered by asking again with the length it names,
    but never to a command that gives data and asks for none: a VERIFY sent twice could cost two tries.
    Raises `DeviceFailed`, naming `where`, for an answer that does not end.
    """

    def __init__(self, inner: Transport, where: str | None = None) -> None:
        self._inner, self._where = inner, where

    def transmit(self, apdu: bytes) -> tuple[bytes, int]:
        last = self._last(apdu) if len(apdu) > _SHORT + 6 else apdu
        if isinstance(last, int):
            return b"", last
        data, sw = self._inner.transmit(last)
        if sw & 0xFF00 == StatusWord.WRONG_LE:
            command = Command.parse(last)
            if command.data and command.le is None:
                return data, sw
            data, sw = self._inner.transmit(replace(command, le=sw & 0xFF).short())
        return self._rest(data, sw) if sw & 0xFF00 == StatusWord.MORE_DATA else (data, sw)

    def _rest(self, data: bytes, sw: int) -> tuple[bytes, int]:
        parts, size = [data], len(data)
        while sw & 0xFF00 == StatusWord.MORE_DATA:
            if size > LONGEST_ANSWER or len(parts) > _MOST_PARTS:
                what = f"the card's answer does not end ({size:,} bytes in {len(parts)} parts)"
                raise DeviceFailed(what, code=f"{sw:04X}", where=self._where, next="set the card aside")
            more, sw = self._inner.transmit(bytes([0, _GET_RESPONSE, 0, 0, sw & 0xFF]))
            parts.append(more)
            size += len(more)
        return b"".join(parts), sw

    def _last(self, apdu: bytes) -> bytes | int:
        """Send all links but the last; the last one, or the status word that ended the chain early."""
        command = Command.parse(apdu)
        data = command.data
        links = [data[at : at + _SHORT] for at in range(0, len(data), _SHORT)] or [b""]
        for link in links[:-1]:
            part = Command(command.cla | _CHAINED, command.ins, command.p1, command.p2, link, None)
            _, sw = self._inner.transmit(part.short())
            if sw != StatusWord.OK:
                return sw
        le = None if command.le is None else 0
        return Command(command.cla, command.ins, command.p1, command.p2, links[-1], le).short()


class Traffic:
    """Writes every exchange as lines of hex, leaving out the bytes of all but harmless instructions.

    VERIFY, CHANGE REFERENCE DATA, GENERAL AUTHENTICATE, the setting of management keys and whatever is not
    in a short list of open instructions show their length only, and so does what the card answers them (R40).
    """

    def __init__(self, inner: Transport, write: Callable[[str], None]) -> None:
        self._inner, self._write = inner, write
        self._open = False

    def transmit(self, apdu: bytes) -> tuple[bytes, int]:
        if apdu[1] != _GET_RESPONSE:
            self._open = apdu[1] in _OPEN_INSTRUCTIONS
        self._write(f"> {apdu[:4].hex(' ')} {self._shown(apdu[4:])}".rstrip())
        data, sw = self._inner.transmit(apdu)
        self._write(f"< {self._shown(data)} {sw:04x}".replace("  ", " "))
        return data, sw

    def _shown(self, data: bytes) -> str:
        if self._open or not data:
            return data.hex()
        return f"[{len(data)} bytes not shown]"
