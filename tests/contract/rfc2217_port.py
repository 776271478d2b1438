"""A serial port with modem lines, as RFC 2217 offers it over TCP, with a printer's mechanism behind it."""

from __future__ import annotations

import socket
import threading
from typing import Any

import serial
import serial.rfc2217

from simulators.impact_printer import Mechanism


class FakePort:
    """What pyserial's port manager asks of a port; `dsr` and `cts` are the printer's to raise."""

    def __init__(self) -> None:
        self.baudrate, self.bytesize, self.parity, self.stopbits = 9600, 8, "N", 1
        self.xonxoff = self.rtscts = self.dsrdtr = self.dtr = self.rts = self.break_condition = False
        self.dsr = self.cts = True
        self.ri = self.cd = False

    def reset_input_buffer(self) -> None:
        """Nothing is kept."""

    reset_output_buffer = reset_input_buffer


class ModemPort:
    """Serves one client after the other at `url`; after `holds_at` bytes the printer lowers `line`."""

    def __init__(self, mechanism: Mechanism, line: str = "dsr", holds_at: int | None = None) -> None:
        self.mechanism, self.fake = mechanism, FakePort()
        self.held = threading.Event()
        self.taken = 0
        self._line, self._holds_at = line, holds_at
        self._manager: serial.rfc2217.PortManager | None = None
        self._lock = threading.Condition()
        self._server = socket.create_server(("127.0.0.1", 0))
        # What was agreed by then is no promise of anybody: a busy machine may take its time.
        self.url = f"rfc2217://127.0.0.1:{self._server.getsockname()[1]}?timeout=30"
        threading.Thread(target=self._serve, daemon=True).start()

    def raise_line(self, up: bool) -> None:
        """The printer goes on line or off line."""
        with self._lock:
            self._set(up)

    def wait(self, taken: int) -> bool:
        """Wait until so many bytes have come; False where they never do."""
        with self._lock:
            return self._lock.wait_for(lambda: self.taken >= taken, 30)

    def close(self) -> None:
        """End it."""
        self._server.close()

    def _set(self, up: bool) -> None:
        setattr(self.fake, self._line, up)
        (self.held.clear if up else self.held.set)()
        if self._manager is not None:
            self._manager.check_modem_lines(force_notification=True)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            with client:
                self._talk(client)

    def _talk(self, client: socket.socket) -> None:
        class Connection:
            def write(self, text: bytes) -> None:
                client.sendall(text)

        port: Any = self.fake
        connection: Any = Connection()
        with self._lock:
            self._manager = serial.rfc2217.PortManager(port, connection)
        while True:
            try:
                came = client.recv(64)
            except OSError:
                came = b""
            if not came:
                return
            with self._lock:
                for byte in self._manager.filter(came):
                    self.mechanism.take(byte[0])
                    self.taken += 1
                    if self.taken == self._holds_at:
                        self._set(False)
                self._lock.notify_all()
