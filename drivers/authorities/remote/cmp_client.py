"""`openssl cmp` as the client: one run at a time for each transaction, secrets over private descriptors only.

What is sent and what came back are files of the transaction's own directory, so that whoever died, or was
cut off, goes on with the same transaction (RFC 9810 §5.1.1).
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from cryptography import x509

from drivers.authorities.remote.cmp_transaction import LONG, Transaction
from drivers.authorities.remote.errors import NotSent
from drivers.authorities.remote.web import Seconds, private
from drivers.errors import Unsupported, printable
from drivers.foreign_certificates import UNREADABLE
from drivers.secret import Secret

_WELL_KNOWN = "/.well-known/cmp"

_PER_MESSAGE = 5
"""Seconds that openssl sets aside for a last round of polling, out of all it is given."""

_OVERDUE = 1
"""Seconds that openssl waits where the CA was to be polled long ago."""

_AFTERWARDS = 5.0
"""Seconds after which a run that does not end by itself is ended."""

_LOOK = 0.2
"""Seconds between two looks at a run."""

_LONGEST_TOLD = 400
_LARGEST_TOLD = 65_536
_LINE = re.compile(r"^(?:\S+: ?\S*:\d+:)?CMP error: (.*)$")


class Mac(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Messages protected by a shared secret (§5.1.3.1): its `reference`, and a file (mode 0600) with it.

    Without a file it is the PIN of `[keys.ca]`.
    """

    reference: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    secret_file: str | None = None


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Messages protected by the desk's signature (§5.1.3.3); `trust` has the CAs of the CA's signer."""

    certificate: str
    key: str
    trust: str


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The CAs its server's certificate may come from, no others, and the desk's own certificate and key."""

    trust: str
    certificate: str | None = None
    key: str | None = None


class Connection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a CMP server is reached; files are PEM, paths are absolute, keys may be encrypted under the PIN of
    `[keys.ca]`. `connect_seconds` is for reaching the server, `answer_seconds` for a whole enrolment with its
    polling; asking is tried `attempts` times where that is safe.
    """

    url: str
    mac: Mac | None = None
    signature: Signature | None = None
    tls: Tls | None = None
    recipient: str | None = None
    digest: Literal["sha256", "sha384", "sha512"] = "sha256"
    connect_seconds: Seconds = 10.0
    answer_seconds: Seconds = 30.0
    attempts: Annotated[int, msgspec.Meta(ge=1, le=5)] = 3
    openssl: str = "openssl"


@dataclass(frozen=True)
class Run:
    """How a run ended: `words` are openssl's errors, `late` that it was ended for taking too long, `stopped`
    that it was while it waited to poll again.
    """

    good: bool
    words: str
    late: bool = False
    stopped: bool = False

    def says(self, *texts: str) -> bool:
        """Whether one of these stands in its errors."""
        return any(text.lower() in self.words.lower() for text in texts)


class Client:
    """Runs `openssl cmp` against one server; raises `Unsupported` for options that cannot be."""

    def __init__(self, options: Connection, where: str, pin: Secret) -> None:
        self._options, self._where, self._pin = options, where, pin
        self._openssl = shutil.which(options.openssl) or ""
        if not self._openssl:
            raise Unsupported(
                f"{options.openssl} is not installed", where=where, next="sudo apt-get install openssl"
            )
        if (options.mac is None) is (options.signature is None):
            raise Unsupported(
                "messages are protected by either `mac` or `signature`",
                where=where,
                next="name one of them in [authority.options]",
            )
        url = urlsplit(options.url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise Unsupported(f"{options.url!r} is no URL of a server", where=where, next="correct `url`")
        if (url.scheme == "https") is not (options.tls is not None):
            raise Unsupported("`tls` goes with an https URL, and only with one", where=where, next="add it")
        self._server, self._path = f"{url.scheme}://{url.netloc}", url.path
        with ExitStack() as stack:
            self._credentials(stack, [])

    def reach(self) -> None:
        """See that somebody listens, which openssl tries for as long as a whole answer may take.

        Raises `NotSent`.
        """
        reach(self._options, self._where)

    def run(self, transaction: Transaction, arguments: Sequence[str], label: str | None = None) -> Run:
        """One run in a transaction's directory; its answers are there when this returns."""
        # What it played again makes openssl sleep for as long as it may, though the time has come.
        overdue = transaction.check_after() >= LONG
        seconds = (_OVERDUE if overdue else self._options.answer_seconds) + _PER_MESSAGE
        with ExitStack() as stack:
            descriptors = [transaction.lock]
            command = [self._openssl, "cmp", "-config", "", "-batch", "-verbosity", "4", *arguments]
            command += ["-server", self._server, "-path", self._at(label)]
            command += ["-digest", self._options.digest, "-certform", "PEM"]
            command += ["-msg_timeout", f"{seconds:.0f}", "-total_timeout", f"{seconds:.0f}"]
            if self._options.recipient is not None:
                command += ["-recipient", self._options.recipient]
            command += self._credentials(stack, descriptors)
            limit = seconds + _AFTERWARDS
            run = _run(command, transaction.folder, descriptors, limit, transaction.sleeps)
        transaction.sort()
        return run

    def _at(self, label: str | None) -> str:
        """The path for a label: below that of the URL, or as RFC 9811 §3.3 has it where it names none."""
        if not self._path:
            return f"{_WELL_KNOWN}/p/{label}" if label else _WELL_KNOWN
        base = self._path.rstrip("/")
        return f"{base}/{label}" if label else base or "/"

    def _credentials(self, stack: ExitStack, descriptors: list[int]) -> list[str]:
        """Options of openssl; a secret is named by the descriptor it can be read from."""

        def secret(content: bytes) -> str:
            descriptor = os.memfd_create("secret", os.MFD_CLOEXEC)
            stack.callback(os.close, descriptor)
            os.write(descriptor, content)
            descriptors.append(descriptor)
            return f"file:/proc/self/fd/{descriptor}"

        found: list[str] = []
        if (mac := self._options.mac) is not None:
            kept = mac.secret_file
            shared = private(kept, "the shared secret").strip(b"\r\n") if kept else self._pin.reveal()
            found += ["-ref", mac.reference, "-secret", secret(shared)]
            found += ["-mac", f"hmacWith{self._options.digest.upper()}"]
        if (signature := self._options.signature) is not None:
            private(signature.key, "the desk's key")
            found += ["-cert", signature.certificate, "-key", signature.key]
            found += ["-keypass", secret(self._pin.reveal()), "-trusted", signature.trust]
        if (tls := self._options.tls) is not None:
            found += ["-tls_used", "-tls_trusted", tls.trust, "-unprotected_errors"]
            found += ["-tls_host", str(urlsplit(self._server).hostname)]
            if tls.certificate is not None and tls.key is not None:
                private(tls.key, "the desk's key")
                found += ["-tls_cert", tls.certificate, "-tls_key", tls.key]
                found += ["-tls_keypass", secret(self._pin.reveal())]
        return found


def reach(options: Connection, where: str) -> None:
    """See that somebody listens at its URL; raises `NotSent`."""
    url = urlsplit(options.url)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        socket.create_connection((url.hostname or "", port), options.connect_seconds).close()
    except OSError as error:
        raise not_sent(error.strerror or str(error), where) from error


def not_sent(why: str, where: str) -> NotSent:
    """The error for a request of which nothing left."""
    hint = "look whether the CA's server is up, and at `url` and `tls` in [authority.options]"
    return NotSent(f"the CA's server cannot be reached: {why}", where=where, next=hint)


def good_until(options: Connection) -> datetime | None:
    """When the first of the desk's certificates for this CA ends; raises `Unsupported`."""
    ends = []
    for own in (options.signature, options.tls):
        if own is None or own.certificate is None:
            continue
        try:
            ends.append(
                x509.load_pem_x509_certificate(Path(own.certificate).read_bytes()).not_valid_after_utc
            )
        except (OSError, *UNREADABLE) as error:
            what = f"the desk's certificate cannot be read: {error}"
            raise Unsupported(what, where=own.certificate, next="name a PEM file") from None
    return min(ends, default=None)


def _run(
    command: Sequence[str],
    folder: Path,
    descriptors: Sequence[int],
    seconds: float,
    enough: Callable[[], bool],
) -> Run:
    # Nothing of the desk's environment: no proxy, no configuration of openssl's.
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={"LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=descriptors,
    )
    until, late, stopped = time.monotonic() + seconds, False, False
    while True:
        try:
            told, _ = process.communicate(timeout=_LOOK)
            break
        except subprocess.TimeoutExpired:
            # It only sleeps then, until the CA wants to be polled.
            stopped = stopped or enough()
            late = late or time.monotonic() > until
            if stopped or late:
                process.kill()
    lines = told[:_LARGEST_TOLD].decode("utf-8", "replace").splitlines()
    errors = [found.group(1) for line in lines if (found := _LINE.match(line))]
    words = "; ".join(dict.fromkeys(errors)) or (lines[-1] if lines else "")
    return Run(process.returncode == 0, printable(" ".join(words.split())[:_LONGEST_TOLD]), late, stopped)
