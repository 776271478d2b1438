"""Command and response APDUs of ISO/IEC 7816-4, and the status words PIV uses."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class StatusWord(enum.IntEnum):
    """Status words of ISO/IEC 7816-4 and SP 800-73-4; 63Cx, 61xx and 6Cxx carry a count at their end."""

    OK = 0x9000
    MORE_DATA = 0x6100
    VERIFY_FAILED = 0x63C0
    MEMORY_FAILURE = 0x6581
    WRONG_LENGTH = 0x6700
    SECURE_MESSAGING_UNSUPPORTED = 0x6882
    CHAINING_UNSUPPORTED = 0x6884
    SECURITY_STATUS_NOT_SATISFIED = 0x6982
    AUTHENTICATION_BLOCKED = 0x6983
    REFERENCE_DATA_INVALID = 0x6984
    CONDITIONS_NOT_SATISFIED = 0x6985
    INCORRECT_DATA = 0x6A80
    FUNCTION_UNSUPPORTED = 0x6A81
    NOT_FOUND = 0x6A82
    NOT_ENOUGH_MEMORY = 0x6A84
    INCORRECT_P1P2 = 0x6A86
    REFERENCE_NOT_FOUND = 0x6A88
    WRONG_LE = 0x6C00
    INS_UNSUPPORTED = 0x6D00
    CLA_UNSUPPORTED = 0x6E00
    UNKNOWN = 0x6F00


@dataclass(frozen=True)
class Command:
    """A command APDU; `le` is the number of bytes expected, 0 for all there are, None for none."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    le: int | None = 0

    def short(self) -> bytes:
        """The short form; raises `ValueError` for more than 255 bytes of data."""
        if len(self.data) > 255:
            raise ValueError(f"{len(self.data)} bytes do not fit a short APDU; chain them")
        head = bytes([self.cla, self.ins, self.p1, self.p2])
        body = bytes([len(self.data)]) + self.data if self.data else b""
        tail = b"" if self.le is None else bytes([self.le & 0xFF])
        return head + body + tail

    def encode(self) -> bytes:
        """The short form where the data fit it, else the extended one; `ValueError` over 65535 bytes."""
        if len(self.data) <= 255:
            return self.short()
        if len(self.data) > 0xFFFF:
            raise ValueError(f"{len(self.data)} bytes do not fit an APDU")
        head = bytes([self.cla, self.ins, self.p1, self.p2, 0])
        tail = b"" if self.le is None else self.le.to_bytes(2, "big")
        return head + len(self.data).to_bytes(2, "big") + self.data + tail

    @classmethod
    def parse(cls, raw: bytes) -> Command:
        """A command from its short or extended form; raises `ValueError` where malformed."""
        if len(raw) < 4:
            raise ValueError(f"{len(raw)} bytes are no APDU")
        cla, ins, p1, p2, *_ = raw
        data, le = _extended(raw[5:]) if len(raw) > 6 and raw[4] == 0 else _short(raw[4:])
        return cls(cla, ins, p1, p2, data, le)


def _short(rest: bytes) -> tuple[bytes, int | None]:
    if len(rest) <= 1:
        return b"", rest[0] if rest else None
    size = rest[0]
    data, tail = rest[1 : 1 + size], rest[1 + size :]
    if len(data) != size or len(tail) > 1:
        raise ValueError("Lc does not fit the length of the APDU")
    return data, tail[0] if tail else None


def _extended(rest: bytes) -> tuple[bytes, int | None]:
    size = int.from_bytes(rest[:2], "big")
    if len(rest) == 2:
        return b"", size
    data, tail = rest[2 : 2 + size], rest[2 + size :]
    if len(data) != size or len(tail) not in (0, 2):
        raise ValueError("extended Lc does not fit the length of the APDU")
    return data, int.from_bytes(tail, "big") if tail else None
