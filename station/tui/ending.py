"""The screen's end when it cannot end by itself: its terminal is gone or stuck, or something of it hangs."""

from __future__ import annotations

import os
import signal
import sys
import termios
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from station.exit_codes import ExitCode

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)

_LATEST = 2.0
"""Seconds after which the screen is gone, whatever hangs."""

_PLAIN = b"\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[0m"
"""Back to the screen of before, with a cursor, without mouse and pasting (xterm)."""


class CertainEnd:
    """Ends the process some time after `begin`, and gives the terminal back as it was made with."""

    def __init__(self) -> None:
        self._terminal = sys.__stdin__.fileno() if sys.__stdin__ is not None else 0
        self._before: list[Any] | None = None
        with suppress(termios.error):
            self._before = termios.tcgetattr(self._terminal)
        self._timer: threading.Timer | None = None

    def begin(self) -> None:
        """Leave the rest two seconds; safe from a signal handler, and more than once."""
        if self._timer is None:
            self._timer = threading.Timer(_LATEST, self._end)
            self._timer.daemon = True
            self._timer.start()

    def on_signals(self, then: Callable[[], object]) -> None:
        """Begin when the terminal is closed or the system asks; the event loop does `then`, if it still can.

        Not by the loop's own handlers: it may wait for a terminal that takes no output any more.
        """

        def asked(_number: int, _frame: object) -> None:
            self.begin()
            then()

        for number in _SIGNALS:
            signal.signal(number, asked)

    def over(self) -> None:
        """It ended by itself; the process may go on."""
        if self._timer is not None:
            self._timer.cancel()
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)

    def _end(self) -> None:
        with suppress(termios.error, OSError):
            if self._before is not None:
                termios.tcsetattr(self._terminal, termios.TCSANOW, self._before)
            os.set_blocking(2, False)
            os.write(2, _PLAIN)
        # Not by the interpreter, which would wait for what hangs. Commands end as their screen is gone.
        os._exit(ExitCode.OK)
