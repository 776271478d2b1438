"""Signed messages (CMS SignedData, RFC 5652): taken apart here, verified by openssl under one certificate."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from drivers.wire.tlv import TlvError, decode, encode

LARGEST = 16_000_000
"""Bytes of a message with its content."""

_SECONDS = 60
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "OPENSSL_CONF": "/dev/null"}
_PEM = (b"-----BEGIN CMS-----", b"-----BEGIN PKCS7-----")
_SEQUENCE, _SET, _OID, _OCTETS = 0x30, 0x31, 0x06, 0x04
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_DATA = bytes.fromhex("2a864886f70d010701")
_SIGNING_TIME = bytes.fromhex("2a864886f70d010905")
_DIGESTS = {bytes.fromhex(f"60864801650304020{number}") for number in (1, 2, 3)}
"""SHA-256, SHA-384, SHA-512 (RFC 5754 §2)."""

_SIGNATURES = {
    *(bytes.fromhex(f"2a864886f70d0101{number}") for number in ("01", "0a", "0b", "0c", "0d")),
    *(bytes.fromhex(f"2a8648ce3d04030{number}") for number in (2, 3, 4)),
}
"""RSA alone, RSASSA-PSS, RSA and ECDSA with those digests (RFC 5754 §3, RFC 4056)."""


class CmsError(ValueError):
    """The bytes are no signed message that is read here; says why."""


@dataclass(frozen=True)
class SignedMessage:
    """A message of one or more signers: its `content`, None where it is detached, and the rest as `der`.

    `signed_at` is what the signer says, None where they do not. `weak`: a digest or signature algorithm is
    none that holds today.
    """

    der: bytes = field(repr=False)
    content: bytes | None = field(repr=False)
    signed_at: datetime | None
    weak: bool


def is_message(data: bytes) -> bool:
    """Whether bytes begin as a signed message does, in DER, BER or PEM."""
    return data.lstrip().startswith(_PEM) or (data[:1] == b"\x30" and _SIGNED_DATA in data[:24])


def parse(data: bytes) -> SignedMessage:
    """The parts of a message in DER, BER or PEM; raises `CmsError`. Nothing is verified."""
    if len(data) > LARGEST:
        raise CmsError(f"has more than {LARGEST:,} bytes")
    form = "PEM" if data.lstrip().startswith(_PEM) else "DER"
    done = _openssl("-cmsout", "-inform", form, "-outform", "DER", given=data)
    if done.returncode:
        raise CmsError("is no CMS message")
    try:
        return _parts(done.stdout)
    except (TlvError, ValueError, IndexError) as error:
        raise CmsError(str(error) if isinstance(error, CmsError) else "is no CMS message") from None


def holds(message: SignedMessage, content: bytes, certificate: bytes) -> bool:
    """Whether every signature of a message over `content` was made with the key of `certificate` (PEM).

    Certificates inside the message are not looked at, and no chain is followed: the caller knows the signer.
    """
    with ExitStack() as stack:
        body, signer = (stack.enter_context(_in_memory(one)) for one in (content, certificate))
        done = _openssl(
            *("-verify", "-binary", "-inform", "DER", "-content", f"/proc/self/fd/{body}"),
            *("-nointern", "-certfile", f"/proc/self/fd/{signer}", "-noverify", "-out", "/dev/null"),
            given=message.der,
            descriptors=(body, signer),
        )
    return done.returncode == 0


def _parts(der: bytes) -> SignedMessage:
    _, whole = _one(der, _SEQUENCE)
    kind, explicit = _some(whole, 2)
    if kind != (_OID, _SIGNED_DATA):
        raise CmsError("is a CMS message, but not a signed one")
    _, inner = _one(explicit[1], _SEQUENCE)
    fields = list(decode(inner))
    place = next(at for at, (tag, _) in enumerate(fields) if tag == _SEQUENCE)
    encapsulated = list(decode(fields[place][1]))
    if encapsulated[0] != (_OID, _DATA):
        raise CmsError("signs something else than a file")
    content = _one(encapsulated[1][1], _OCTETS)[1] if len(encapsulated) > 1 else None
    signers = list(decode(fields[-1][1])) if fields[-1][0] == _SET and len(fields) > place + 1 else []
    if not signers:
        raise CmsError("is signed by nobody")
    fields[place] = (_SEQUENCE, encode(*encapsulated[0]))
    rest = encode(_SEQUENCE, b"".join(encode(tag, value) for tag, value in fields))
    detached = encode(_SEQUENCE, encode(*kind) + encode(explicit[0], rest))
    told = [_signer(value) for _, value in signers]
    times = [time for _, time in told if time is not None]
    return SignedMessage(detached, content, max(times, default=None), any(weak for weak, _ in told))


def _signer(info: bytes) -> tuple[bool, datetime | None]:
    """Whether a SignerInfo's algorithms are weak, and the time it tells (RFC 5652 §5.3, §11.3)."""
    fields = list(decode(info))
    digest = next(iter(decode(fields[2][1])))[1]
    attributes = fields[3][1] if fields[3][0] == 0xA0 else b""
    algorithm = next(iter(decode(fields[4 if attributes else 3][1])))[1]
    time = None
    for _, attribute in decode(attributes):
        (_, name), (_, values) = _some(attribute, 2)
        if name == _SIGNING_TIME:
            tag, value = next(iter(decode(values)))
            time = _time(tag, value)
    return digest not in _DIGESTS or algorithm not in _SIGNATURES, time


def _time(tag: int, value: bytes) -> datetime:
    text = value.decode("ascii")
    if tag == 0x17:
        text = ("19" if text[:2] >= "50" else "20") + text  # RFC 5280 §4.1.2.5.1
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _one(data: bytes, tag: int) -> tuple[int, bytes]:
    (found,) = decode(data)
    if found[0] != tag:
        raise CmsError("is no CMS message")
    return found


def _some(data: bytes, count: int) -> Sequence[tuple[int, bytes]]:
    found = list(decode(data))
    if len(found) != count:
        raise CmsError("is no CMS message")
    return found


def _openssl(
    *options: str, given: bytes, descriptors: Sequence[int] = ()
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["openssl", "cms", *options],
            input=given,
            capture_output=True,
            env=_ENVIRONMENT,
            pass_fds=descriptors,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CmsError(f"was not read by openssl within {_SECONDS} seconds") from None


@contextmanager
def _in_memory(data: bytes) -> Iterator[int]:
    """A file that is on no disk: orders name people."""
    descriptor = os.memfd_create("cms", os.MFD_CLOEXEC)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        yield descriptor
    finally:
        os.close(descriptor)
