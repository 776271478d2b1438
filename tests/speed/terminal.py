"""A terminal that a program draws on and that somebody types at, to measure how soon keys are answered."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType

import pyte

_READ = 65_536
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]")
"""Colours and places between what is written."""
_TICK = 0.05
"""Seconds for which is waited for output at most before somebody looks whether the program still runs."""


class Terminal:
    """A program in a terminal of its own; a context that has it gone at its end."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, columns: int = 160, lines: int = 48
    ) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.begun = time.monotonic()
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        kept = {**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=kept, start_new_session=True
        )
        os.close(slave)
        self._master = master
        self._came: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
        self._undrawn = bytearray()
        self._since = bytearray()
        Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._master)

    @property
    def text(self) -> str:
        """What is on the screen, line by line; to draw it takes longer here than in a terminal."""
        self._stream.feed(bytes(self._undrawn))
        self._undrawn.clear()
        return "\n".join(line.rstrip() for line in self._screen.display)

    def press(self, keys: str) -> float:
        """Type keys; the moment at which they went."""
        self.rest(0)
        self._since.clear()
        os.write(self._master, keys.encode())
        return time.monotonic()

    def came(self, text: str, patience: float = 60.0) -> float:
        """The moment at which a text came after the last keys; raises `TimeoutError`."""
        at = time.monotonic()
        latest = at + patience
        while text not in _CONTROL.sub("", self._since.decode("utf-8", "ignore")):
            at = self._next() or at
            if time.monotonic() > latest:
                raise TimeoutError(
                    f"{text!r} did not come within {patience:g} s; on the screen:\n{self.text}"
                )
        return at

    def until(self, seen: Callable[[str], bool], patience: float = 60.0) -> float:
        """The moment at which came what showed it; raises `TimeoutError` with what is there instead."""
        latest = at = time.monotonic()
        latest += patience
        while not seen(self.text):
            came = self._next()
            at = came or at
            if time.monotonic() > latest:
                raise TimeoutError(f"not seen within {patience:g} s; on the screen:\n{self.text}")
        return at

    def rest(self, seconds: float) -> None:
        """Type nothing for so long."""
        latest = time.monotonic() + seconds
        while time.monotonic() < latest or not self._came.empty():
            self._next()

    def ended(self, patience: float = 60.0) -> float:
        """The moment at which the program was gone; raises `TimeoutError`."""
        latest = time.monotonic() + patience
        while self._process.poll() is None:
            if time.monotonic() > latest:
                raise TimeoutError(f"it runs on after {patience:g} s")
            self._next()
        return time.monotonic()

    def _listen(self) -> None:
        """What comes has the moment at which it came."""
        with suppress(OSError):  # nobody writes any more
            while read := os.read(self._master, _READ):
                self._came.put((time.monotonic(), read))

    def _next(self) -> float | None:
        """Take what came next; the moment at which it came."""
        try:
            at, read = self._came.get(timeout=_TICK)
        except Empty:
            return None
        self._undrawn += read
        self._since += read
        return at
