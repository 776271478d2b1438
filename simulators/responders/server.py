"""An HTTPS server on loopback that asks for client certificates, and goes wrong as it is told."""

from __future__ import annotations

import socket
import ssl
import struct
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives.serialization import Encoding

from simulators.responders.issuing import Issuer

HOST = "localhost"
_PEM = Encoding.PEM

Wrong = Literal[
    "refuse",  # a status of 400
    "busy",  # a status of 503, with Retry-After
    "pending",  # "later", by the protocol's own words
    "long",  # the same, to come back in an hour
    "fail",  # a status of 500, after the certificate was issued
    "die-before",  # the connection ends before anything is issued
    "die",  # the certificate is issued, and half of the answer sent
    "mute",  # the certificate is issued, and no answer sent until the client leaves
    "rubbish",  # the certificate is issued, and something else answered
    "endless",  # the certificate is issued, and two megabytes answered
    "twice",  # two certificates are issued for one request
    "key",  # the certificate is for another key
    "subject",  # for somebody else
    "expired",  # and one that has expired
]


@dataclass(frozen=True)
class Reply:
    """What a responder answers."""

    status: int
    body: bytes = b""
    type: str = "text/plain"
    retry_after: int | None = None


@dataclass(frozen=True)
class Asked:
    """A request as it came; `client` is the subject of the certificate it came with."""

    method: str
    path: str
    body: bytes
    authorization: str | None
    client: str | None


class Responder:
    """A CA behind HTTPS; `answer` is the protocol's own.

    `wrong` is worked off, one at each enrolment; None is an answer as it should be.
    """

    def __init__(self, folder: Path, issuer: Issuer | None = None) -> None:
        """`folder` gets the files of both sides: the server's and the desk's certificates and keys."""
        self.issuer = issuer or Issuer()
        self.folder = folder
        self.asked: list[Asked] = []
        self.wrong: deque[Wrong | None] = deque()
        self.away = False
        """Whether nobody gets as far as a request."""
        for name, host in (("server", HOST), ("desk", "Issuance desk")):
            certificate, key = self.issuer.identity(host)
            (folder / f"{name}.pem").write_bytes(certificate)
            (folder / f"{name}.key").write_bytes(key)
            (folder / f"{name}.key").chmod(0o600)
        (folder / "trust.pem").write_bytes(self.issuer.root.public_bytes(_PEM))
        self._serve()

    @property
    def url(self) -> str:
        """Where it is, by the name in its certificate."""
        return f"https://{HOST}:{self._server.server_port}"

    @property
    def crl_url(self) -> str:
        """Where its revocation list is, for everybody."""
        return f"http://{HOST}:{self._lists.server_port}/ca.crl"

    def options(self) -> dict[str, Any]:
        """How a desk reaches it."""
        files = {"trust": "trust.pem", "certificate": "desk.pem", "key": "desk.key"}
        return {"url": self.url, **{name: str(self.folder / file) for name, file in files.items()}}

    def answer(self, asked: Asked, wrong: Wrong | None) -> Reply:
        """What is answered, `wrong` where told; a protocol's own."""
        raise NotImplementedError

    def enrols(self, asked: Asked) -> bool:
        """Whether a request is for a certificate."""
        raise NotImplementedError

    def down(self) -> None:
        """End for good."""
        for server in (self._server, self._lists):
            server.shutdown()
            server.server_close()

    def _serve(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        context.load_verify_locations(self.folder / "trust.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        self._server, self._lists = _Server(context, self), _Server(None, self)
        for server in (self._server, self._lists):
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def _handle(self, asked: Asked, connection: socket.socket) -> bytes | None:
        """The answer's bytes; None where the connection ends without any, or without more."""
        if not isinstance(connection, ssl.SSLSocket):
            return _bytes(Reply(200, self.issuer.crl(), "application/pkix-crl"))
        self.asked.append(asked)
        wrong = self.wrong.popleft() if self.wrong and self.enrols(asked) else None
        if wrong == "die-before":
            return None
        reply = self.answer(asked, wrong)
        whole = _bytes(reply)
        match wrong:
            case "mute":
                # Ends when the client has waited long enough.
                with suppress(OSError):
                    connection.recv(1)
                return None
            case "die":
                with suppress(OSError):
                    connection.sendall(whole[: len(whole) - len(reply.body) // 2])
                return None
        return whole


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None, responder: Responder) -> None:
        self.context, self.responder = context, responder
        super().__init__(("127.0.0.1", 0), _Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        return not self.responder.away

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that leaves is no error of the server.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def setup(self) -> None:
        # In the connection's own thread, so that a client that is slow keeps nobody else out.
        if self.server.context is not None:
            self.request = self.server.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            return
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        connection, authorization = self.connection, self.headers.get("authorization")
        asked = Asked(self.command, self.path, body, authorization, _client(connection))
        answer = self.server.responder._handle(asked, connection)
        if answer is None:
            # Reset: the client sees a connection that broke, not one that was closed in good order.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        connection.sendall(answer)

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        self.request.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


@contextmanager
def running(responder: Responder) -> Iterator[Responder]:
    """Ends a responder afterwards."""
    try:
        yield responder
    finally:
        responder.down()


def _bytes(reply: Reply) -> bytes:
    head = [f"HTTP/1.1 {reply.status} -", f"content-type: {reply.type}", f"content-length: {len(reply.body)}"]
    if reply.retry_after is not None:
        head.append(f"retry-after: {reply.retry_after}")
    return "\r\n".join([*head, "connection: close", "", ""]).encode() + reply.body


def _client(connection: socket.socket) -> str | None:
    if not isinstance(connection, ssl.SSLSocket):
        return None
    shown: Any = (connection.getpeercert() or {}).get("subject", ())
    return next((value for part in shown for name, value in part if name == "commonName"), None)
