"""IPP messages as bytes (RFC 8010 §3): what a client and a printer say to each other before any document.

Values are read as far as this program needs them; of collections (RFC 8010 §3.1.6) the parts are kept as
they come, one after the other, which tells them apart from plain values by their tags.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

VERSION = 0x0200
"""IPP/2.0 (PWG 5100.12), which every printer that takes PDF over IPP speaks."""

_HEAD = struct.Struct(">HHI")
_LENGTH = struct.Struct(">H")
_LONGEST = 0x7FFF
"""Bytes a name or value may have; RFC 8010 §3.9 sends its length as a SIGNED-SHORT."""
_FIRST_VALUE_TAG = 0x10


class IppError(ValueError):
    """The bytes are no well-formed IPP message."""


class Operation(enum.IntEnum):
    """Operations of RFC 8011 §5.4.15."""

    PRINT_JOB = 0x0002
    VALIDATE_JOB = 0x0004
    CANCEL_JOB = 0x0008
    GET_JOB_ATTRIBUTES = 0x0009
    GET_PRINTER_ATTRIBUTES = 0x000B


class Group(enum.IntEnum):
    """Delimiter tags of attribute groups (RFC 8010 §3.5.1)."""

    OPERATION = 0x01
    JOB = 0x02
    END = 0x03
    PRINTER = 0x04
    UNSUPPORTED = 0x05


class Tag(enum.IntEnum):
    """Value tags (RFC 8010 §3.5.2) of what is sent, or looked at when it comes back."""

    NO_VALUE = 0x13
    INTEGER = 0x21
    BOOLEAN = 0x22
    ENUM = 0x23
    TEXT_WITH_LANGUAGE = 0x35
    NAME_WITH_LANGUAGE = 0x36
    TEXT = 0x41
    NAME = 0x42
    KEYWORD = 0x44
    URI = 0x45
    CHARSET = 0x47
    LANGUAGE = 0x48
    MIME_TYPE = 0x49


_NUMBERS = frozenset({Tag.INTEGER, Tag.ENUM})
_TEXTS = frozenset(
    {Tag.TEXT, Tag.NAME, Tag.KEYWORD, Tag.URI, Tag.CHARSET, Tag.LANGUAGE, Tag.MIME_TYPE},
)
_WITH_LANGUAGE = frozenset({Tag.TEXT_WITH_LANGUAGE, Tag.NAME_WITH_LANGUAGE})

Value = tuple[int, bytes]
"""A value tag and the value's bytes."""


@dataclass(frozen=True)
class Attribute:
    """A named attribute and its values, one or more."""

    name: str
    values: tuple[Value, ...]

    @classmethod
    def of(cls, name: str, tag: Tag, *values: str | int | bool) -> Attribute:
        """An attribute of values of one kind; raises `IppError` for what IPP cannot carry."""
        return cls(name, tuple((int(tag), _bytes_of(tag, value)) for value in values))

    @property
    def texts(self) -> tuple[str, ...]:
        """Its texts, names, keywords and the like, without their languages."""
        return tuple(
            _text(value, with_language=tag in _WITH_LANGUAGE)
            for tag, value in self.values
            if tag in _TEXTS | _WITH_LANGUAGE
        )

    @property
    def numbers(self) -> tuple[int, ...]:
        """Its integers and enums."""
        return tuple(
            int.from_bytes(value, "big", signed=True) for tag, value in self.values if tag in _NUMBERS
        )

    @property
    def flags(self) -> tuple[bool, ...]:
        """Its booleans."""
        return tuple(value != b"\0" for tag, value in self.values if tag == Tag.BOOLEAN)


@dataclass(frozen=True)
class Message:
    """A request or response: `code` is the operation or the status, `groups` what follows, in order."""

    code: int
    request: int
    groups: tuple[tuple[int, tuple[Attribute, ...]], ...]
    version: int = VERSION

    def encode(self) -> bytes:
        """The message up to the document that may follow it; raises `IppError`."""
        parts = [_HEAD.pack(self.version, self.code, self.request)]
        for group, attributes in self.groups:
            parts.append(bytes([group]))
            parts += [part for attribute in attributes for part in _encoded(attribute)]
        return b"".join([*parts, bytes([Group.END])])

    def attributes(self, group: Group) -> dict[str, Attribute]:
        """The attributes of the first group of a kind by name, none where there is no such group."""
        found = next((attributes for tag, attributes in self.groups if tag == group), ())
        return {attribute.name: attribute for attribute in found}


def decode(data: bytes) -> tuple[Message, bytes]:
    """A message and the document after it; raises `IppError` where it is cut short or malformed."""
    if len(data) < _HEAD.size:
        raise IppError("shorter than its head")
    version, code, request = _HEAD.unpack_from(data)
    groups: list[tuple[int, tuple[Attribute, ...]]] = []
    at = _HEAD.size
    while (tag := _byte(data, at)) != Group.END:
        if tag >= _FIRST_VALUE_TAG or not tag:
            raise IppError(f"tag {tag:02X} where a group begins")
        attributes, at = _attributes(data, at + 1)
        groups.append((tag, attributes))
    return Message(code, request, tuple(groups), version), data[at + 1 :]


def _attributes(data: bytes, at: int) -> tuple[tuple[Attribute, ...], int]:
    """The attributes of a group that begins at `at`, and where it ends."""
    names: list[str] = []
    values: list[list[Value]] = []
    while (tag := _byte(data, at)) >= _FIRST_VALUE_TAG:
        name, at = _field(data, at + 1)
        value, at = _field(data, at)
        if name:
            names.append(_name(name))
            values.append([])
        elif not names:
            raise IppError("a further value of no attribute")
        values[-1].append((tag, _checked(tag, value)))
    return tuple(Attribute(*pair) for pair in zip(names, map(tuple, values), strict=True)), at


def _encoded(attribute: Attribute) -> Iterator[bytes]:
    name = attribute.name.encode("ascii")
    for tag, value in attribute.values:
        yield bytes([tag]) + _sized(name) + _sized(value)
        name = b""


def _sized(data: bytes) -> bytes:
    if len(data) > _LONGEST:
        raise IppError(f"{len(data)} bytes are too long for a name or value")
    return _LENGTH.pack(len(data)) + data


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise IppError("cut short before its end")
    return data[at]


def _field(data: bytes, at: int) -> tuple[bytes, int]:
    if at + _LENGTH.size > len(data):
        raise IppError("cut short in a length")
    (size,) = _LENGTH.unpack_from(data, at)
    at += _LENGTH.size
    if size > _LONGEST or at + size > len(data):
        raise IppError(f"a field claims {size} bytes, {len(data) - at} are left")
    return data[at : at + size], at + size


def _name(name: bytes) -> str:
    try:
        return name.decode("ascii")
    except UnicodeDecodeError:
        raise IppError("an attribute whose name is not in ASCII") from None


def _checked(tag: int, value: bytes) -> bytes:
    if tag in _NUMBERS and len(value) != 4:
        raise IppError(f"an integer of {len(value)} bytes")
    if tag == Tag.BOOLEAN and len(value) != 1:
        raise IppError(f"a boolean of {len(value)} bytes")
    return value


def _text(value: bytes, *, with_language: bool) -> str:
    """A text; what is no UTF-8 is replaced, since it is only shown, and known words are ASCII."""
    if with_language:
        try:
            _, at = _field(value, 0)
            value, _ = _field(value, at)
        except IppError:
            return ""
    return value.decode("utf-8", "replace")


def _bytes_of(tag: Tag, value: str | int | bool) -> bytes:
    if isinstance(value, bool):
        return bytes([value])
    if isinstance(value, int):
        try:
            return value.to_bytes(4, "big", signed=True)
        except OverflowError:
            raise IppError(f"{value} is no number of 32 bits") from None
    return value.encode("ascii" if tag not in (Tag.TEXT, Tag.NAME) else "utf-8")


def operation(code: Operation, request: int, target: Sequence[Attribute], *more: Attribute) -> Message:
    """A request with the operation attributes that come first in every one (RFC 8011 §4.1.4, §4.1.5)."""
    head = (
        Attribute.of("attributes-charset", Tag.CHARSET, "utf-8"),
        Attribute.of("attributes-natural-language", Tag.LANGUAGE, "en"),
    )
    return Message(code, request, ((Group.OPERATION, (*head, *target, *more)),))
