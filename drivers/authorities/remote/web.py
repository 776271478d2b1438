"""HTTPS to one CA: its server pinned to a configured CA, the desk's own certificate, and what surely left."""

from __future__ import annotations

import email.utils
import math
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import httpx
import msgspec
from cryptography import x509
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from drivers.authorities.remote.errors import Busy, Lost, NotSent
from drivers.errors import CaUnavailable, Unsupported, printable
from drivers.foreign_certificates import UNREADABLE
from drivers.secret import Secret

LARGEST = 1_000_000
"""Bytes of an answer."""

LARGEST_LIST = 16_000_000
"""Bytes of a revocation list."""

_LONGEST_TOLD = 300
_LONGEST_WAIT = 30 * 86_400.0
_BUSY = (429, 503)
_UNWELCOME = re.compile(
    r"alert (certificate|bad certificate|unsupported certificate|unknown ca|access denied)"
)
"""TLS alerts over the client's certificate (RFC 8446 §6.2), in OpenSSL's words."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 2.0

Seconds = Annotated[float, msgspec.Meta(gt=0, le=90)]


class Basic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user name, and the file (mode 0600) with its password (RFC 7617)."""

    user: str
    password_file: str


class Connection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a CA's server is reached, and who the desk is to it; files are PEM, paths are absolute.

    `trust`: the CAs its server's certificate may come from, no others. `certificate` with its chain and `key`
    are the desk's; the key may be encrypted under the PIN of `[keys.ca]`. `connect_seconds` is for reaching
    the server, `answer_seconds` for its whole answer; asking is tried `attempts` times where that is safe.
    """

    trust: str
    certificate: str | None = None
    key: str | None = None
    basic: Basic | None = None
    connect_seconds: Seconds = 10.0
    answer_seconds: Seconds = 45.0
    attempts: Annotated[int, msgspec.Meta(ge=1, le=5)] = 3


@dataclass(frozen=True)
class Answer:
    """An answer that came whole: its status code, type and body."""

    status: int
    type: str
    body: bytes
    retry_after: float | None = None

    def words(self) -> str:
        """What the server said, for a message: short, and nothing in it that a terminal obeys."""
        text = " ".join(self.body[: 4 * _LONGEST_TOLD].decode("utf-8", "replace").split())
        plain = "html" not in self.type and text and text.isprintable()
        return f"{self.status} {printable(text[:_LONGEST_TOLD])}" if plain else f"status {self.status}"


class Web:
    """Asks one server; raises `NotSent`, `Lost`, `Busy`, else `CaUnavailable`, or `Unsupported` for options.

    Each request has a connection of its own, lest one that the server closes meanwhile looks like a lost
    answer.
    """

    def __init__(self, url: str, connection: Connection, pin: Secret) -> None:
        self._url = url.rstrip("/")
        if httpx.URL(url).scheme != "https":
            raise Unsupported(
                f"{url!r} is no https URL", where=url, next="correct `url` in [authority.options]"
            )
        self._options = connection
        times = httpx.Timeout(connection.answer_seconds, connect=connection.connect_seconds)
        self._client = httpx.Client(
            verify=_context(connection, pin),
            auth=_auth(connection.basic),
            timeout=times,
            limits=httpx.Limits(max_keepalive_connections=0),
            follow_redirects=False,
            trust_env=False,
        )

    def ask(
        self,
        method: str,
        path: str,
        *,
        safe: bool,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to one request; `safe` says that the server may get it several times.

        It is asked again with growing pauses, one that is not safe only where nothing of it was sent.
        """
        again = (NotSent, Lost) if safe else (NotSent,)
        retrying = Retrying(
            stop=stop_after_attempt(self._options.attempts),
            wait=wait_exponential_jitter(multiplier=_FIRST_PAUSE, max=_LONGEST_PAUSE, jitter=_FIRST_PAUSE),
            retry=retry_if_exception_type(again),
            reraise=True,
        )
        request = self._client.build_request(
            method, f"{self._url}{path}", content=content, headers=headers, params=params
        )
        return retrying(self._once, request)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _once(self, request: httpx.Request) -> Answer:
        until = time.monotonic() + self._options.answer_seconds + self._options.connect_seconds
        try:
            response = self._client.send(request, stream=True)
            try:
                body = bytearray()
                for part in response.iter_raw():
                    body += part
                    if len(body) > LARGEST or time.monotonic() > until:
                        raise self._lost("its answer does not end")
            finally:
                response.close()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise self._not_sent(error) from error
        except httpx.HTTPError as error:
            why = _why(error)
            if _UNWELCOME.search(why.lower().replace("_", " ")):
                # In TLS 1.3 the client takes itself for connected before the server looked at its
                # certificate, and no request is read before that (RFC 8446 §4.4.2.4).
                raise NotSent(
                    f"the server does not let this desk in: {why}",
                    where=self._url,
                    next="look at `certificate` and `key` in [authority.options]",
                ) from error
            raise self._lost(why) from error
        return self._answer(request, response, bytes(body))

    def _answer(self, request: httpx.Request, response: httpx.Response, body: bytes) -> Answer:
        wait = _seconds(response.headers.get("retry-after"))
        answer = Answer(response.status_code, response.headers.get("content-type", ""), body, wait)
        if answer.status in _BUSY:
            what = f"the server is busy: {answer.words()}"
            raise Busy(what, seconds=wait, where=self._url, next="ask again later; nothing was issued")
        if answer.status in (401, 403):
            raise CaUnavailable(
                f"the server does not let this desk do that: {answer.words()}",
                where=self._url,
                next="look at the desk's certificate, or `basic`, and at its rights at the CA",
            )
        if 300 <= answer.status < 400 or answer.status in (404, 405):
            raise CaUnavailable(
                f"the server has nothing at {request.url.path}: {answer.words()}",
                where=self._url,
                next="correct `url` in [authority.options]",
            )
        if answer.status >= 500:
            raise self._lost(f"the server failed: {answer.words()}")
        return answer

    def _not_sent(self, error: httpx.HTTPError) -> NotSent:
        why = _why(error)
        mend = "look whether the CA's server is up, and at `url` in [authority.options]"
        if "certificate verify failed" in why.lower():
            mend = "its certificate is not from a CA in `trust`, or for another name: ask who runs the CA"
        return NotSent(f"the CA's server cannot be reached: {why}", where=self._url, next=mend)

    def _lost(self, why: str) -> Lost:
        return Lost(f"the CA gave no whole answer: {why}", where=self._url, next="look at the CA's log")


def reach(url: str, options: Connection) -> datetime | None:
    """Until when the desk's certificate is good, having seen that the server is the right one.

    No key is needed. Raises `CaUnavailable`, or `Unsupported` for what is wrong with the files.
    """
    context, to = _trusting(options), httpx.URL(url)
    until = None
    if options.certificate is not None and options.key is not None:
        private(options.key, "the desk's key")
        until = _good_until(options.certificate)
    if options.basic is not None:
        private(options.basic.password_file, "the password")
    try:
        with socket.create_connection((to.host, to.port or 443), options.connect_seconds) as plain:
            plain.settimeout(options.connect_seconds)
            with context.wrap_socket(plain, server_hostname=to.host):
                return until
    except ssl.SSLCertVerificationError as error:
        what = f"the CA's server is not who it should be: {error.verify_message}"
        raise CaUnavailable(what, where=url, next="compare its certificate with `trust`") from error
    except ssl.SSLError as error:
        if "alert" in str(error).lower():
            return until  # it was the right one, and wants the desk's certificate before anything else
        raise _unreached(url, _why(error)) from error
    except OSError as error:
        raise _unreached(url, error.strerror or str(error)) from error


def _unreached(url: str, why: str) -> CaUnavailable:
    what = f"the CA's server cannot be reached: {why}"
    return CaUnavailable(what, where=url, next="look whether it is up, and at `url`")


def fetched(url: str, options: Connection) -> bytes:
    """The revocation list at a URL, whose signature is for others to verify; raises `CaUnavailable`."""
    context = ssl.create_default_context(cafile=options.trust)
    try:
        with (
            httpx.Client(verify=context, timeout=options.answer_seconds, trust_env=False) as client,
            client.stream("GET", url) as response,
        ):
            response.raise_for_status()
            body = bytearray()
            for part in response.iter_raw():
                body += part
                if len(body) > LARGEST_LIST:
                    raise CaUnavailable("the revocation list does not end", where=url)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        what = f"the CA's revocation list cannot be fetched: {_why(error)}"
        raise CaUnavailable(what, where=url, next="look at `crl_url` in [authority.options]") from error
    return bytes(body)


def private(path: str, what: str) -> bytes:
    """The content of a file that nobody else may read; raises `Unsupported`."""
    try:
        if Path(path).stat().st_mode & 0o077:
            raise Unsupported(f"others may read {what}", where=path, next=f"chmod 600 {path}")
        return Path(path).read_bytes()
    except OSError as error:
        raise Unsupported(f"{what} cannot be read: {error.strerror}", where=path, next="correct it") from None


def _trusting(options: Connection) -> ssl.SSLContext:
    if (options.certificate is None) is not (options.key is None):
        raise Unsupported("`certificate` and `key` go together", next="name both in [authority.options]")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cafile=options.trust)
    except (OSError, ssl.SSLError) as error:
        what = f"`trust` holds no certificates: {error.strerror or error}"
        raise Unsupported(what, where=options.trust, next="name a PEM file in [authority.options]") from None
    return context


def _good_until(path: str) -> datetime:
    try:
        return x509.load_pem_x509_certificates(Path(path).read_bytes())[0].not_valid_after_utc
    except (OSError, *UNREADABLE) as error:
        what = f"the desk's certificate cannot be read: {error}"
        raise Unsupported(what, where=path, next="name a PEM file in [authority.options]") from None


def _context(options: Connection, pin: Secret) -> ssl.SSLContext:
    context = _trusting(options)
    if options.certificate is not None and options.key is not None:
        _load_own(context, options.certificate, options.key, pin)
    return context


def _load_own(context: ssl.SSLContext, certificate: str, key: str, pin: Secret) -> None:
    if key.startswith("pkcs11:"):
        raise Unsupported(
            "Python's TLS takes its key from a file only, not from a PKCS#11 token",
            where=key,
            next="use a key file under a passphrase, or a TLS proxy with the token, such as stunnel",
        )
    private(key, "the desk's key")
    try:
        context.load_cert_chain(certificate, key, password=pin.reveal)
    except (OSError, ssl.SSLError, ValueError) as error:
        what = f"the desk's certificate and key cannot be used: {getattr(error, 'strerror', None) or error}"
        hint = "they belong together as PEM; the key is in clear, or encrypted under the PIN of [keys.ca]"
        raise Unsupported(what, where=certificate, next=hint) from None


def _auth(basic: Basic | None) -> httpx.BasicAuth | None:
    if basic is None:
        return None
    return httpx.BasicAuth(basic.user, private(basic.password_file, "the password").strip(b"\r\n"))


def _seconds(value: str | None) -> float | None:
    """Retry-After as seconds: a number or a date (RFC 9110 §10.2.3); None where it says nothing sensible."""
    if value is None:
        return None
    try:
        seconds = float(int(value))
    except ValueError:
        try:
            seconds = (email.utils.parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(0.0, math.ceil(seconds)), _LONGEST_WAIT)


def _why(error: Exception) -> str:
    return printable(" ".join(str(error).split())[:_LONGEST_TOLD]) or type(error).__name__
