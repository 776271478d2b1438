"""Stopping between two steps: on Ctrl-C, when the system asks, and when the terminal is closed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from station.talk import say

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_on_signals(stop: Callable[[], None], saying: str | None) -> Iterator[None]:
    """Call `stop` when a signal asks for it, and say so once; it must be safe in a signal handler.

    With None nothing is said.
    """
    said = False

    def asked(number: int, frame: object) -> None:
        nonlocal said
        stop()
        if saying is not None and not said:
            said = True
            say(f"\n{saying}")

    before = {number: signal.signal(number, asked) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
