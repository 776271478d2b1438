"""An IPP printer that answers as a test says, on a Unix socket: what no well-behaved one would do."""

from __future__ import annotations

import contextlib
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from drivers.wire.ipp import Attribute, Group, Message, Operation, Tag, decode

Answer = Callable[[Message, bytes], Message | bytes | int]
"""From a request and its document: a response, the bytes of its body, or a status of HTTP."""


def answer(asked: Message, *attributes: Attribute, code: int = 0, group: Group = Group.PRINTER) -> Message:
    """A response with these attributes."""
    return Message(code, asked.request, ((Group.OPERATION, ()), (group, attributes)))


def idle(asked: Message, *more: Attribute) -> Message:
    """A printer that has nothing to do."""
    return answer(asked, Attribute.of("printer-state", Tag.ENUM, 3), *more)


def job(asked: Message, state: int, *more: Attribute) -> Message:
    """The only job of a printer."""
    number = Attribute.of("job-id", Tag.INTEGER, 1)
    return answer(asked, number, Attribute.of("job-state", Tag.ENUM, state), *more, group=Group.JOB)


class Script:
    """What a printer answers by operation; a list is gone through, its last answer stays. Keeps what came."""

    def __init__(self, **answers: Answer | list[Answer]) -> None:
        good: dict[str, Answer | list[Answer]] = {
            "GET_PRINTER_ATTRIBUTES": lambda asked, _: idle(asked),
            "VALIDATE_JOB": lambda asked, _: answer(asked),
            "PRINT_JOB": lambda asked, _: job(asked, 5),
            "GET_JOB_ATTRIBUTES": lambda asked, _: job(asked, 9),
            "CANCEL_JOB": lambda asked, _: answer(asked),
        }
        self._answers = good | answers
        self.asked: list[tuple[Operation, Message, bytes]] = []

    def __call__(self, body: bytes) -> Message | bytes | int:
        """The answer to the body of a request."""
        asked, document = decode(body)
        what = Operation(asked.code)
        self.asked.append((what, asked, document))
        told = self._answers[what.name]
        if isinstance(told, list):
            told = told.pop(0) if len(told) > 1 else told[0]
        return told(asked, document)

    @property
    def operations(self) -> list[str]:
        """What was asked, in order."""
        return [what.name for what, _, _ in self.asked]


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path, script: Script, tls: ssl.SSLContext | None) -> None:
        super().__init__(str(path), _Handler)
        self.script, self._tls = script, tls

    def get_request(self) -> Any:
        connection, address = super().get_request()
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that leaves in the middle


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, _Server)
        told = self.server.script(self.rfile.read(int(self.headers["Content-Length"])))
        body = told.encode() if isinstance(told, Message) else told if isinstance(told, bytes) else b""
        self.send_response(told if isinstance(told, int) else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "test"

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def serving(path: Path, script: Script, tls: ssl.SSLContext | None = None) -> Iterator[Script]:
    """Serve a script on a socket, over TLS where a context is given."""
    path.unlink(missing_ok=True)
    with _Server(path, script, tls) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()
