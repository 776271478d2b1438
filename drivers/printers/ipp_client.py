"""One question to an IPP printer and its answer, over HTTP or HTTPS (RFC 8010 §4); nothing rests on disk."""

from __future__ import annotations

import itertools
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from drivers.wire.ipp import IppError, Message, decode

_CHUNK = 16 * 1024
_LONGEST_ANSWER = 1 << 20
_HEADERS = {
    "Content-Type": "application/ipp",
    # What is unpacked may be of any size.
    "Accept-Encoding": "identity",
    "User-Agent": "issuance-station",
}
_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python's `ssl` does not name."""

_HTTP_WORDS = {
    401: "it asks for a name and password; let it take jobs of this desk without",
    403: "it forbids this desk to print; allow it at its page",
    404: "it has no printer under this path; check the uri in station.toml",
    426: "it wants TLS; name it with ipps:// and its certificate",
}


class Unreached(Exception):
    """Nobody answered, or not the printer that was meant; nothing was sent."""


class Lost(Exception):
    """The connection ended before an answer came that can be read; what was sent may have arrived."""


class Turned(Exception):
    """An HTTP server answered, but not with IPP; `sure`: it did not take what was sent."""

    def __init__(self, words: str, *, sure: bool) -> None:
        super().__init__(words)
        self.sure = sure


def pinned(certificate: Path) -> ssl.SSLContext:
    """A TLS context that takes this certificate (PEM or DER) and no other; raises `OSError`, `ValueError`.

    It is the trust anchor itself, whoever issued it. Its name and dates are left aside: neither makes it
    more or less the printer whose certificate somebody pinned, and one that a printer made for itself tells a
    name of its maker's, and ends unnoticed.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    data = certificate.read_bytes()
    pem = data.decode("ascii") if b"-----BEGIN" in data else ssl.DER_cert_to_PEM_cert(data)
    try:
        context.load_verify_locations(cadata=pem)
    except ssl.SSLError:
        raise ValueError("holds no certificate") from None
    if (count := context.cert_store_stats()["x509"]) != 1:
        raise ValueError(f"holds {count} certificates, and one is pinned")
    return context


@dataclass
class Document:
    """A page under way: `begun` once the first of it was handed to the connection, `sent` bytes passed on."""

    data: bytes = field(repr=False)
    begun: bool = False
    sent: int = 0

    def chunks(self, until: float) -> Iterator[bytes]:
        """The page in parts; each is counted when the next is asked for. Raises `Lost` when time is up."""
        for at in range(0, len(self.data), _CHUNK):
            if time.monotonic() > until:
                raise Lost("it takes the page too slowly")
            self.begun = True
            yield self.data[at : at + _CHUNK]
            self.sent = min(at + _CHUNK, len(self.data))


class IppClient:
    """Talks to one printer; `url` is that of HTTP, `socket` a Unix socket that leads there instead."""

    def __init__(self, url: str, context: ssl.SSLContext | None, socket: str | None) -> None:
        self._url = url
        # No proxy and no .netrc of the environment comes between (R10); a request is never sent twice. A
        # connection serves one question: one that was kept and ended meanwhile looks like a page lost.
        transport = httpx.HTTPTransport(
            verify=context if context is not None else False,
            uds=socket,
            trust_env=False,
            retries=0,
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self._client = httpx.Client(transport=transport, trust_env=False, follow_redirects=False)
        self._numbers = itertools.count(1)

    def next_number(self) -> int:
        """A request id that was not used before."""
        return next(self._numbers)

    def ask(self, message: Message, seconds: float, document: Document | None = None) -> Message:
        """What the printer answers within so many seconds; raises `Unreached`, `Lost` or `Turned`."""
        until = time.monotonic() + seconds
        head = message.encode()
        size = len(head) + (len(document.data) if document else 0)
        content = itertools.chain([head], document.chunks(until) if document else ())
        try:
            with self._client.stream(
                "POST",
                self._url,
                content=content,
                headers={**_HEADERS, "Content-Length": str(size)},
                timeout=seconds,
            ) as response:
                if response.status_code != httpx.codes.OK:
                    raise _turned(response.status_code)
                answer = _read(response, until)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unreached(_why(error)) from None
        except httpx.TransportError as error:
            raise Lost(_why(error)) from None
        try:
            told, _ = decode(answer)
        except IppError as error:
            raise Lost(f"its answer is no IPP: {error}") from None
        if told.request != message.request:
            raise Lost("it answered another question")
        return told

    def close(self) -> None:
        """End the connection."""
        self._client.close()


def _read(response: httpx.Response, until: float) -> bytes:
    answer = b""
    for part in response.iter_raw():
        answer += part
        if len(answer) > _LONGEST_ANSWER:
            raise Lost("its answer has no end")
        if time.monotonic() > until:
            raise Lost("its answer takes too long")
    return answer


def _turned(status: int) -> Turned:
    words = _HTTP_WORDS.get(status, "it does not do what it was asked")
    return Turned(f"{words} (HTTP {status})", sure=status < httpx.codes.INTERNAL_SERVER_ERROR)


def _why(error: Exception) -> str:
    """What ended a connection, in words; the certificate is told apart from the rest."""
    if isinstance(error, httpx.TimeoutException):
        return "it does not answer in time"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "it shows another certificate than the one that is pinned"
        if isinstance(cause, ssl.SSLError):
            return f"TLS with it fails: {cause.reason or cause}"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return "the connection was lost"
