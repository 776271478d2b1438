"""A terminal that a program draws on and that somebody types at, to measure how soon keys are answered."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType

import pyte

_READ = 65_536
_TICK = 0.002
"""Seconds for which is waited for output at most before somebody looks at the screen again."""


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
        """What is on the screen, line by line."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    def press(self, keys: str) -> float:
        """Type keys; the moment at which they went."""
        os.write(self._master, keys.encode())
        return time.monotonic()

    def until(self, seen: Callable[[str], bool], patience: float = 60.0) -> float:
        """The moment at which the screen showed it; raises `TimeoutError` with what is there instead."""
        latest = time.monotonic() + patience
        while not seen(self.text):
            if time.monotonic() > latest:
                raise TimeoutError(f"not seen within {patience:g} s; on the screen:\n{self.text}")
            self._read()
        return time.monotonic()

    def ended(self, patience: float = 60.0) -> float:
        """The moment at which the program was gone; raises `TimeoutError`."""
        latest = time.monotonic() + patience
        while self._process.poll() is None:
            if time.monotonic() > latest:
                raise TimeoutError(f"it runs on after {patience:g} s")
            self._read()
        return time.monotonic()

    def _read(self) -> None:
        ready, _, _ = select.select([self._master], [], [], _TICK)
        if ready:
            with suppress(OSError):  # nobody writes any more
                self._stream.feed(os.read(self._master, _READ))
