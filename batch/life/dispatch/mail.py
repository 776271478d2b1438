"""E-mails that acknowledge tokens: read part by part, so that a signature is held over the bytes it signs.

Whatever a mail holds ends in a value or in `FaultyValue`, in bounded time and memory.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from html.parser import HTMLParser

from batch.model.errors import FaultyValue
from drivers import cms

LARGEST = 10_000_000
"""Bytes of a mail with all that is attached to it."""

_LARGEST_HEAD = 65_536
_LONGEST_HEADER = 4_000
_LONGEST_TEXT = 200_000
_MOST_PARTS = 100
_DEEPEST = 6
_BLANK = re.compile(rb"\r?\n\r?\n")
_SIGNATURES = ("application/pkcs7-signature", "application/x-pkcs7-signature")
_ENVELOPES = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_UNREADABLE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    MessageError,
    RecursionError,
)
"""What the standard library raises for headers and bodies that it cannot make sense of."""


@dataclass(frozen=True)
class Mail:
    """An e-mail: its one sender's address, empty where it has none or several, and all words in it.

    `signature` is the S/MIME signature over the whole of it and `signed` what it is over, None where it has
    none; `broken` says that there is one that cannot be read. Of a signed mail `text` is what is signed
    alone, without the subject outside of it. `automatic`: a machine answered (RFC 3834).
    """

    sha256: str
    sender: str
    text: str = field(repr=False)
    automatic: bool
    signature: cms.SignedMessage | None = None
    signed: bytes | None = field(default=None, repr=False)
    broken: bool = False


def read(data: bytes, source: str) -> Mail:
    """The mail in a file as mail programs save it (.eml, RFC 5322, RFC 8551); raises `FaultyValue`.

    Nothing is verified.
    """
    if len(data) > LARGEST:
        raise _faulty(f"has more than {LARGEST:,} bytes", source)
    try:
        return _read(data)
    except _TooMuch as error:
        raise _faulty(str(error), source) from None
    except _UNREADABLE as error:
        raise _faulty(f"is no e-mail that can be read ({type(error).__name__})", source) from None


class _TooMuch(Exception):
    """A mail is beyond what is read."""


@dataclass(frozen=True)
class _Part:
    head: EmailMessage
    raw: bytes
    body: bytes

    @property
    def kind(self) -> str:
        return self.head.get_content_type()


def _read(data: bytes) -> Mail:
    data = data.lstrip(b"\r\n")
    top = _part(data)
    sender, subject = _sender(top.head), str(top.head.get("Subject") or "")
    if not top.head.keys() or not (sender or subject or top.head.get("From")):
        raise ValueError("no headers of a mail")
    signature: cms.SignedMessage | None = None
    signed, broken, inner = None, False, top
    if top.kind == "multipart/signed" or _is_signed_envelope(top):
        try:
            signature, signed = _detached(top) if top.kind == "multipart/signed" else _attached(top)
            inner = _part(signed)
        except (cms.CmsError, binascii.Error, ValueError):
            signature, signed, broken = None, None, True
    if signature is not None:
        # What stands outside of the signature is not what its signer said.
        subject = str(inner.head.get("Subject") or "")
    words = [subject, *_words(inner, _DEEPEST, [_MOST_PARTS])]
    return Mail(
        hashlib.sha256(data).hexdigest(),
        sender,
        "\n".join(words)[:_LONGEST_TEXT],
        _is_automatic(top.head),
        signature,
        signed,
        broken,
    )


def _part(raw: bytes) -> _Part:
    """A part by its headers and body; headers alone are parsed, and none that is overlong."""
    blank = _BLANK.search(raw, 0, _LARGEST_HEAD)
    if blank is None and len(raw) > _LARGEST_HEAD:
        raise _TooMuch(f"has headers of more than {_LARGEST_HEAD:,} bytes")
    head, body = (raw[: blank.start()], raw[blank.end() :]) if blank else (raw, b"")
    # One header over several lines is as long as all of them.
    if any(len(one) > _LONGEST_HEADER for one in re.split(rb"\r?\n(?![ \t])", head)):
        raise _TooMuch(f"has a header of more than {_LONGEST_HEADER:,} bytes")
    parsed = BytesParser(EmailMessage, policy=default).parsebytes(head + b"\r\n\r\n", headersonly=True)
    assert isinstance(parsed, EmailMessage), "the policy makes them"
    return _Part(parsed, raw, body)


def _parts(whole: _Part) -> list[_Part]:
    """The parts of a multipart, each with the very bytes between its boundaries (RFC 2046 §5.1.1)."""
    boundary = whole.head.get_boundary()
    if not boundary:
        return []
    line = re.compile(
        rb"(?:^|\r?\n)--" + re.escape(boundary.encode("ascii", "replace")) + rb"(--)?[ \t]*(?=\r?\n|$)"
    )
    found: list[_Part] = []
    begin: int | None = None
    for mark in line.finditer(whole.body):
        if begin is not None:
            if len(found) >= _MOST_PARTS:
                raise _TooMuch(f"has more than {_MOST_PARTS} parts")
            found.append(_part(whole.body[begin : mark.start()]))
        if mark[1]:
            break
        end = whole.body.find(b"\n", mark.end())
        begin = len(whole.body) if end < 0 else end + 1
    return found


def _words(part: _Part, deep: int, left: list[int]) -> Iterator[str]:
    """The texts of a mail, plain ones where there are any, without what is attached."""
    left[0] -= 1
    if left[0] < 0:
        raise _TooMuch(f"has more than {_MOST_PARTS} parts")
    if part.head.get_content_disposition() == "attachment":
        return
    if part.head.get_content_maintype() == "multipart":
        if deep == 0:
            raise _TooMuch(f"is nested more than {_DEEPEST} deep")
        inside = _parts(part)
        plain = [one for one in inside if one.kind != "text/html"]
        alternative = part.kind == "multipart/alternative" and any(one.kind == "text/plain" for one in plain)
        for one in plain if alternative else inside:
            yield from _words(one, deep - 1, left)
    elif part.kind in ("text/plain", "text/html"):
        text = _decoded(part)
        yield _bare(text) if part.kind == "text/html" else text


def _decoded(part: _Part) -> str:
    data = part.body[: 4 * _LONGEST_TEXT]
    match str(part.head.get("Content-Transfer-Encoding") or "").strip().lower():
        case "base64":
            letters = bytes(one for one in data if one not in b"\r\n\t ")
            data = base64.b64decode(letters[: len(letters) // 4 * 4])
        case "quoted-printable":
            data = binascii.a2b_qp(data)
    try:
        return data.decode(part.head.get_content_charset() or "utf-8", "replace")[:_LONGEST_TEXT]
    except LookupError:
        return data.decode("utf-8", "replace")[:_LONGEST_TEXT]


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in ("script", "style", "head")
        self.found.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style", "head")
        self.found.append(" ")

    def handle_data(self, data: str) -> None:
        if self._hidden <= 0:
            self.found.append(data)


def _bare(html: str) -> str:
    parser = _Words()
    parser.feed(html)
    return "".join(parser.found)


def _sender(head: EmailMessage) -> str:
    """The address of the one sender; empty where From is missing, there twice, or names several."""
    senders = head.get_all("From") or []
    addresses = [one for sender in senders for one in sender.addresses]
    return str(addresses[0].addr_spec) if len(senders) == 1 and len(addresses) == 1 else ""


def _is_automatic(head: EmailMessage) -> bool:
    automatic = str(head.get("Auto-Submitted") or "no").partition(";")[0].strip().lower()
    bulk = str(head.get("Precedence") or "").strip().lower()
    return automatic != "no" or bulk in ("auto_reply", "bulk", "junk")


def _is_signed_envelope(part: _Part) -> bool:
    kind = str(part.head.get_param("smime-type") or "signed-data").lower()
    return part.kind in _ENVELOPES and kind == "signed-data"


def _detached(part: _Part) -> tuple[cms.SignedMessage, bytes]:
    """The signature of a multipart/signed, and what it is over, in its canonical form (RFC 8551 §3.1.1)."""
    inside = _parts(part)
    if len(inside) != 2 or inside[1].kind not in _SIGNATURES:
        raise cms.CmsError("is no S/MIME signature")
    content = re.sub(rb"(?<!\r)\n", b"\r\n", inside[0].raw)
    message = cms.parse(_unwrapped(inside[1]))
    if message.content is not None:
        raise cms.CmsError("holds something else than what it stands beside")
    return message, content


def _attached(part: _Part) -> tuple[cms.SignedMessage, bytes]:
    message = cms.parse(_unwrapped(part))
    if message.content is None:
        raise cms.CmsError("is a signature without a mail")
    return message, message.content


def _unwrapped(part: _Part) -> bytes:
    encoding = str(part.head.get("Content-Transfer-Encoding") or "").strip().lower()
    return base64.b64decode(part.body) if encoding == "base64" else part.body


def _faulty(what: str, source: str) -> FaultyValue:
    return FaultyValue(what, where=source, next="save the mail again as .eml; or give its words by hand")
