"""The way to the bench's IPP printer: a Unix socket, on which connections fail as the bench is told."""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from simulators.faults.plan import Plan
from simulators.ipp import questions

_PAGE_FROM = 8 * 1024
"""Bytes on a connection from which on a page must be under way: no question without one is as long."""

_CHUNK = 4 * 1024
_BETWEEN_LOOKS = 0.02


class Relay(socketserver.ThreadingUnixStreamServer):
    """Leads each connection on to the printer; while `marker` exists a page of somebody else's keeps it."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: Path, plan: Plan, marker: Path) -> None:
        super().__init__(str(path), _Line)
        self.plan = plan
        self._marker = marker
        self._occupied = threading.Lock()

    @contextlib.contextmanager
    def as_told(self) -> Iterator[bool]:
        """Whether a new connection is to be led on; the printer is busy meanwhile if a fault says so."""
        with self._occupied:
            fault = self.plan.exchange("printer", "page", ("offline", "busy"))
            if fault is not None and fault.do == "busy":
                self._marker.touch()
                theirs = questions.occupy()
                try:
                    yield True
                finally:
                    self._marker.unlink()
                    while theirs is not None and not questions.over(theirs):
                        time.sleep(_BETWEEN_LOOKS)
                return
        yield fault is None


class _Line(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Relay)
        self._dead = self._over = False
        with contextlib.suppress(OSError), self.server.as_told() as led_on:
            if led_on:
                with socket.create_connection((questions.HOST, questions.PORT)) as printer:
                    self._lead(printer)

    def _lead(self, printer: socket.socket) -> None:
        back = threading.Thread(target=self._back, args=(printer,), daemon=True)
        back.start()
        try:
            self._on(printer)
        finally:
            self._over = True
            for end in (printer, self.request):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            back.join()

    def _on(self, printer: socket.socket) -> None:
        """From the desk to the printer."""
        assert isinstance(self.server, Relay)
        passed, asked = 0, False
        while data := self.request.recv(_CHUNK):
            passed += len(data)
            if passed > _PAGE_FROM and not asked:
                asked = True
                fault = self.server.plan.exchange("printer", "page", ("cut",))
                if fault is not None and fault.when == "during":
                    return
                if fault is not None:
                    self._dead = True
                    threading.Thread(target=self._end_when_taken, daemon=True).start()
            printer.sendall(data)

    def _end_when_taken(self) -> None:
        """Leave the desk without an answer once the engine has the page, or there is nobody to leave."""
        assert isinstance(self.server, Relay)
        before = self.server.plan.exchanges("printer")
        while not self._over and self.server.plan.exchanges("printer") == before:
            time.sleep(_BETWEEN_LOOKS)
        with contextlib.suppress(OSError):
            self.request.shutdown(socket.SHUT_RDWR)

    def _back(self, printer: socket.socket) -> None:
        """From the printer to the desk, who hears nothing any more once the line is dead."""
        with contextlib.suppress(OSError):
            while data := printer.recv(_CHUNK):
                if not self._dead:
                    self.request.sendall(data)
            if not self._dead:
                self.request.shutdown(socket.SHUT_WR)


def open_relay(path: Path, plan: Plan, marker: Path) -> None:
    """Serve a relay in a thread of its own, as long as this process lives."""
    relay = Relay(path, plan, marker)
    os.chmod(path, 0o600)
    threading.Thread(target=relay.serve_forever, daemon=True, name="printer").start()
