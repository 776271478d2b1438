"""Runs a command line in a process of its own and kills it at the n-th thing it does to files."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

from station.cli import run

_TOUCHING = {
    "open",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.truncate",
    "sqlite3.connect",
}


def at_every_point(*arguments: str, below: str) -> Iterator[int]:
    """Run the command again and again, killed at its n-th touch of files under `below`, until it ends.

    Yields n after each run that was killed.
    """
    point = 1
    while _ended_by_signal(arguments, below, point):
        yield point
        point += 1


def _ended_by_signal(arguments: tuple[str, ...], below: str, point: int) -> bool:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            silent = os.open(os.devnull, os.O_RDWR)
            os.dup2(silent, 1)
            os.dup2(silent, 2)
            left = [point]

            def touch(event: str, values: tuple[object, ...]) -> None:
                if event in _TOUCHING and below in str(values[0]):
                    left[0] -= 1
                    if not left[0]:
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(touch)
            code = int(run(arguments))
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False
