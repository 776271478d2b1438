"""The data objects of a PIV card: CHUID, CCC and certificates (SP 800-73-4 part 1, appendix A)."""

from __future__ import annotations

import zlib

from drivers.errors import Unsupported
from drivers.wire import tlv

_FASCN = bytes.fromhex("d4e739da739ced39ce739d836858210842108421c84210c3eb")
"""Agency code 9999: a card that is no US federal one, found by its GUID (SP 800-73-4 part 1 §3.1.2)."""

_GZIP = 31
"""What zlib calls data with a gzip header and the largest window."""

_NEVER = b"99991231"
"""No expiry of its own: that of the certificates counts."""


def chuid(guid: bytes) -> bytes:
    """The CHUID for a GUID of 16 bytes; unsigned, as there is no federal issuer to sign it."""
    if len(guid) != 16:
        raise ValueError(f"a GUID has 16 bytes, not {len(guid)}")
    return tlv.encode_all([(0x30, _FASCN), (0x34, guid), (0x35, _NEVER), (0x3E, b""), (0xFE, b"")])


def guid(data: bytes) -> bytes | None:
    """The GUID of a CHUID, None where it is missing, all zero, not of 16 bytes or not to be read."""
    try:
        found = tlv.find(data, 0x34)
    except tlv.TlvError:
        return None
    return found if found and len(found) == 16 and any(found) else None


def ccc(card: bytes) -> bytes:
    """The card capability container (table 8); `card` (14 bytes) tells this card from others."""
    fixed = [(0xF1, b"\x21"), (0xF2, b"\x21"), (0xF3, b""), (0xF4, b"\0"), (0xF5, b"\x10")]
    empty = [(tag, b"") for tag in (0xF6, 0xF7, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE)]
    return tlv.encode_all([(0xF0, bytes.fromhex("a000000116ff02") + card), *fixed, *empty])


def certificate(der: bytes) -> bytes:
    """The content of a certificate object, uncompressed."""
    return tlv.encode_all([(0x70, der), (0x71, b"\0"), (0xFE, b"")])


def key_history(on_card: int) -> bytes:
    """The key history of so many retired keys, each with its certificate on the card (part 1, table 20)."""
    return tlv.encode_all([(0xC1, bytes([on_card])), (0xC2, b"\0"), (0xF3, b""), (0xFE, b"")])


def retired_keys(data: bytes) -> int:
    """How many retired keys a key history tells of."""
    found = dict(tlv.decode(data))
    return sum(int.from_bytes(found.get(tag, b""), "big") for tag in (0xC1, 0xC2))


def certificate_of(data: bytes) -> bytes | None:
    """The DER in a certificate object, None for an emptied one; raises `Unsupported` for a compressed one."""
    found = dict(tlv.decode(data))
    der = found.get(0x70)
    if not der:
        return None
    if found.get(0x71, b"\0")[:1] not in (b"\0", b""):
        raise Unsupported("the certificate on this card is compressed", next="read it with its own tool")
    return der


def expanded_certificate(data: bytes, most: int) -> bytes | None:
    """The same with a compressed one expanded (SP 800-73-4 part 1, CertInfo); else `ValueError`.

    Of what goes on after `most` bytes only one more is expanded.
    """
    found = dict(tlv.decode(data))
    der = found.get(0x70)
    if not der or found.get(0x71, b"\0")[:1] in (b"\0", b""):
        return der or None
    expander = zlib.decompressobj(wbits=_GZIP)
    try:
        return expander.decompress(der, most + 1)
    except zlib.error:
        raise ValueError("it is compressed, but not by gzip") from None
