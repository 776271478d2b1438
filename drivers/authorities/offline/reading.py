"""Files from an offline CA taken apart: PKCS#7, PEM, DER and archives of them, whatever stands in them.

Nothing here verifies anything. Every size is bounded before memory is given to it.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from drivers.authorities.exchange import LARGEST
from drivers.errors import printable
from drivers.foreign_certificates import UNREADABLE, load_certificate

LARGEST_FILE = 16_000_000
"""Bytes of one file, unpacked."""

MOST = 20_000
"""Files in an archive, and certificates in all of it."""

_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, RuntimeError),
    *(ValueError, LookupError, ArithmeticError, AttributeError),
)
"""What zipfile raises for archives that lie about themselves; some of it is told nowhere."""

_LARGEST_LIST = 8_000_000
_LONGEST_NAME = 80
_ARCHIVE = b"PK\x03\x04"
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----(.*?)-----END \1-----", re.DOTALL)
_CERTIFICATES = (b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE")
_MESSAGES = (b"PKCS7", b"CMS", b"PKCS #7 SIGNED DATA")


@dataclass(frozen=True)
class Part:
    """One part of a file: a certificate or revocation list (DER), or why it is none."""

    where: str
    certificate: bytes | None = None
    crl: bytes | None = None
    why: str = ""


def parts(name: str, content: bytes) -> Iterator[Part]:
    """All that a file holds; what cannot be read is told with its place. Raises nothing."""
    for number, part in enumerate(_parts(name, content)):
        if number == MOST:
            yield Part(_shown(name), why=f"it holds more than {MOST:,} certificates; the rest was not read")
            return
        yield part


def _parts(name: str, content: bytes) -> Iterator[Part]:
    if content.startswith(_ARCHIVE):
        yield from _archive(name, content)
    else:
        yield from _file(_shown(name), content)


def _archive(name: str, content: bytes) -> Iterator[Part]:
    place = _shown(name)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = [one for one in archive.infolist() if not one.filename.endswith("/")]
            if len(infos) > MOST:
                yield Part(place, why=f"an archive of more than {MOST:,} files is not read")
                return
            left = LARGEST
            for info in infos:
                where = f"{place}/{_shown(info.filename)}"
                inside = _unpacked(archive, info, min(left, LARGEST_FILE))
                if isinstance(inside, str):
                    yield Part(where, why=inside)
                    continue
                left -= len(inside)
                if inside.startswith(_ARCHIVE):
                    yield Part(where, why="an archive in an archive is not read")
                else:
                    yield from _file(where, inside)
    except _BROKEN:
        yield Part(place, why="it is no archive that can be read")


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes | str:
    """The content of a file in an archive, or why it has none."""
    if info.flag_bits & 1:
        return "it is encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "it is packed in an uncommon way"
    try:
        with archive.open(info) as file:
            # What an archive says of its sizes may be a lie.
            content = file.read(most + 1)
    except _BROKEN:
        return "it cannot be unpacked"
    return content if len(content) <= most else f"it has more than {most:,} bytes"


def _file(where: str, content: bytes) -> Iterator[Part]:
    if len(content) > LARGEST_FILE:
        yield Part(where, why=f"it has more than {LARGEST_FILE:,} bytes")
    elif b"-----BEGIN " in content:
        yield from _pem(where, content)
    elif _SIGNED_DATA in content[:32]:
        yield from _message(where, content, pem=False)
    else:
        yield _single(where, content)


def _pem(where: str, content: bytes) -> Iterator[Part]:
    number = 0
    for number, block in enumerate(_BLOCK.finditer(content), start=1):
        place, kind = f"{where}, part {number}", block[1]
        if kind in _MESSAGES:
            yield from _message(place, b"-----BEGIN PKCS7-----" + block[2] + b"-----END PKCS7-----", pem=True)
        elif kind in _CERTIFICATES:
            yield _from_pem(place, block[2])
        elif kind == b"X509 CRL":
            yield _crl_from_pem(place, block[0])
        else:
            yield Part(place, why="it is neither certificate nor revocation list")
    if not number:
        yield Part(where, why="its PEM is cut off")


def _from_pem(where: str, body: bytes) -> Part:
    whole = b"-----BEGIN CERTIFICATE-----" + body + b"-----END CERTIFICATE-----\n"
    try:
        der = x509.load_pem_x509_certificate(whole).public_bytes(Encoding.DER)
    except UNREADABLE:
        return Part(where, why="it is no certificate")
    return _single(where, der)


def _crl_from_pem(where: str, block: bytes) -> Part:
    try:
        return Part(where, crl=x509.load_pem_x509_crl(block + b"\n").public_bytes(Encoding.DER))
    except UNREADABLE:
        return Part(where, why="it is no revocation list")


def _message(where: str, content: bytes, *, pem: bool) -> Iterator[Part]:
    """The certificates of a PKCS#7 message (RFC 2315 §9.1, RFC 5652 §5.1), not its signatures."""
    load = pkcs7.load_pem_pkcs7_certificates if pem else pkcs7.load_der_pkcs7_certificates
    try:
        found = load(content)
    except UNREADABLE:
        yield Part(where, why="it is no PKCS#7 message with certificates")
        return
    if not found:
        yield Part(where, why="it holds no certificate")
    for number, one in enumerate(found, start=1):
        try:
            der = one.public_bytes(Encoding.DER)
        except UNREADABLE:
            yield Part(f"{where}, certificate {number}", why="it is no certificate")
        else:
            yield _single(f"{where}, certificate {number}", der)


def _single(where: str, der: bytes) -> Part:
    try:
        load_certificate(der)
    except ValueError as error:
        return _list(where, der) or Part(where, why=f"it is no certificate: {printable(str(error))}")
    return Part(where, certificate=der)


def _list(where: str, der: bytes) -> Part | None:
    if len(der) > _LARGEST_LIST:
        return None
    try:
        x509.load_der_x509_crl(der)
    except UNREADABLE:
        return None
    return Part(where, crl=der)


def _shown(name: str) -> str:
    """A name for messages: nothing a terminal obeys, and not too long."""
    text = printable(name).replace("\n", " ")
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"
