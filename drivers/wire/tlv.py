"""BER-TLV as ISO/IEC 7816-4 and SP 800-73-4 use it: one or two byte tags, definite lengths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class TlvError(ValueError):
    """The bytes are no well-formed BER-TLV."""


def encode(tag: int, value: bytes) -> bytes:
    """One TLV; `tag` of one to three bytes as a number, such as 0x5FC102."""
    return number(tag) + _length(len(value)) + value


def number(tag: int) -> bytes:
    """A tag, or an object's name in a tag list (5C), as its bytes."""
    return tag.to_bytes((tag.bit_length() + 7) // 8 or 1, "big")


def encode_all(pairs: Iterable[tuple[int, bytes]]) -> bytes:
    """Several TLVs, one after the other."""
    return b"".join(encode(tag, value) for tag, value in pairs)


def decode(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The (tag, value) pairs in `data`; raises `TlvError` where it is cut short or malformed."""
    at = 0
    while at < len(data):
        tag, at = _read_tag(data, at)
        size, at = _read_length(data, at)
        if at + size > len(data):
            raise TlvError(f"tag {tag:X} claims {size} bytes, {len(data) - at} are left")
        yield tag, data[at : at + size]
        at += size


def find(data: bytes, tag: int) -> bytes | None:
    """The value of the first `tag` at the top level of `data`, None where absent."""
    return next((value for found, value in decode(data) if found == tag), None)


def need(data: bytes, tag: int) -> bytes:
    """The value of the first `tag`; raises `TlvError` where absent."""
    value = find(data, tag)
    if value is None:
        raise TlvError(f"tag {tag:X} is missing")
    return value


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes([size])
    body = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(body)]) + body


def _read_tag(data: bytes, at: int) -> tuple[int, int]:
    tag = data[at]
    at += 1
    if tag & 0x1F == 0x1F:
        for _ in range(2):
            if at >= len(data):
                raise TlvError("cut short inside a tag")
            byte = data[at]
            tag = tag << 8 | byte
            at += 1
            if not byte & 0x80:
                break
        else:
            raise TlvError(f"tag {tag:X} is longer than three bytes")
    return tag, at


def _read_length(data: bytes, at: int) -> tuple[int, int]:
    if at >= len(data):
        raise TlvError("cut short before a length")
    first = data[at]
    at += 1
    if first < 0x80:
        return first, at
    count = first & 0x7F
    if not 1 <= count <= 3 or at + count > len(data):
        raise TlvError(f"length byte {first:02X} is indefinite, too long or cut short")
    return int.from_bytes(data[at : at + count], "big"), at + count
