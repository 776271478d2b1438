"""A label printer that speaks ZPL II as far as the station does, and keeps each label as a picture.

It is there at a TCP port of loopback and at a pseudo-terminal; whoever has it can take its roll out.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import socket
import threading
import tty
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from PIL import Image, ImageOps

_ASKED = re.compile(rb"~HS\r?\n?|\^XA.*?\^XZ\n?", re.DOTALL)
_GRAPHIC = re.compile(rb"\^FO0,0\^GFA,(\d+),(\d+),(\d+),:Z64:([A-Za-z0-9+/=]+):([0-9A-F]{4})\^FS")
_SIZE = re.compile(rb"\^PW(\d+)\^LL(\d+)")


class LabelPrinter:
    """Labels are kept as `1.png`, `2.png`, …; what does not print waits in the printer.

    `head_open`, `paper_out`, `ribbon_out` and `paused` are as on the real one, `mute` answers nothing,
    `noise` is sent in place of an answer, `left` labels are on the roll.
    """

    def __init__(self, directory: Path) -> None:
        self.head_open = self.paper_out = self.ribbon_out = self.paused = self.mute = False
        self.noise: bytes | None = None
        self.left: int | None = None
        self.faults: list[str] = []
        """What a format had wrong that was not printed."""
        self._directory = directory
        self._waiting: list[Image.Image] = []
        self._printed = 0
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._ours)
        tty.setraw(self._theirs)
        self.port = f"socket://127.0.0.1:{self._server.getsockname()[1]}"
        self.device = os.ttyname(self._theirs)
        threading.Thread(target=self._accept, daemon=True).start()
        threading.Thread(target=self._serve_device, daemon=True).start()

    def close(self) -> None:
        """Switch it off."""
        # A listener that somebody waits at is not let go by closing it.
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        os.close(self._theirs)

    def go_on(self) -> None:
        """Put right whatever keeps it from printing: what waits in it is printed."""
        self.head_open = self.paper_out = self.ribbon_out = self.paused = False
        self.left = None
        with self._lock:
            self._print()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                threading.Thread(target=self._serve_connection, args=(connection,), daemon=True).start()

    def _serve_connection(self, connection: socket.socket) -> None:
        with connection:
            self._serve(lambda: connection.recv(4096), connection.sendall)

    def _serve_device(self) -> None:
        self._serve(lambda: os.read(self._ours, 4096), lambda data: os.write(self._ours, data))
        os.close(self._ours)

    def _serve(self, read: Callable[[], bytes], write: Callable[[bytes], object]) -> None:
        got = b""
        with suppress(OSError):
            while part := read():
                got += part
                while found := _ASKED.search(got):
                    got = got[found.end() :]
                    with self._lock:
                        answer = self._answer(found[0])
                    if answer:
                        write(answer)

    def _answer(self, asked: bytes) -> bytes:
        if asked.startswith(b"^XA"):
            self._take(asked)
            return b""
        if self.noise is not None:
            return self.noise
        return b"" if self.mute else self._status()

    def _status(self) -> bytes:
        paused = self.paused or self.head_open or self.paper_out or self.ribbon_out
        formats = len(self._waiting)
        first = f"030,{self.paper_out:d},{paused:d},0542,{formats:03},0,0,0,000,0,0,0"
        second = f"000,0,{self.head_open:d},{self.ribbon_out:d},1,2,6,0,{formats:08},1,000"
        return "".join(f"\x02{one}\x03\r\n" for one in (first, second, "1234,0")).encode()

    def _take(self, format: bytes) -> None:
        try:
            self._waiting.append(_picture(format))
        except ValueError as error:
            self.faults.append(str(error))
        self._print()

    def _print(self) -> None:
        while self._waiting:
            if self.left == 0:
                self.paper_out = True
            if self.head_open or self.paper_out or self.ribbon_out or self.paused:
                return
            self._printed += 1
            self._waiting.pop(0).save(self._directory / f"{self._printed}.png")
            if self.left is not None:
                self.left -= 1


def _picture(format: bytes) -> Image.Image:
    """What a format shows; raises `ValueError` for what it lacks or has wrong."""
    size, graphic = _SIZE.search(format), _GRAPHIC.search(format)
    if size is None or graphic is None:
        raise ValueError("no graphic of a known size")
    count, again, across = (int(graphic[index]) for index in (1, 2, 3))
    width, height = int(size[1]), int(size[2])
    if int(graphic[5], 16) != binascii.crc_hqx(graphic[4], 0):
        raise ValueError("the check sum of the graphic is wrong")
    dots = zlib.decompress(base64.b64decode(graphic[4], validate=True))
    if not (count == again == len(dots) == across * height and across * 8 == width):
        raise ValueError("the graphic is not of the size it says")
    # In ZPL a dot that is set is black.
    return ImageOps.invert(Image.frombytes("1", (width, height), dots).convert("L")).convert("1")
