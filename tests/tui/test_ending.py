"""The screen ends, whatever of it hangs."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios

import pytest

HUNG = """
import threading
from station.tui.ending import CertainEnd
end = CertainEnd()
end.on_signals(lambda: print("asked", flush=True))
print("hangs", flush=True)
lock = threading.Lock()
lock.acquire()
lock.acquire()
"""

OVER = """
import signal
from station.tui.ending import CertainEnd
end = CertainEnd()
end.on_signals(lambda: None)
end.begin()
end.over()
end._timer.join()
assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
print("goes on")
"""


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM], ids=str)
def test_a_screen_that_waits_for_what_never_comes_is_ended_and_leaves_the_terminal_as_it_was(
    number: int,
) -> None:
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    process = subprocess.Popen([sys.executable, "-c", HUNG], stdin=theirs, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"hangs\n"
        raw = termios.tcgetattr(theirs)
        raw[3] &= ~(termios.ECHO | termios.ICANON)
        termios.tcsetattr(theirs, termios.TCSANOW, raw)
        process.send_signal(number)
        assert process.stdout.readline() == b"asked\n"
        assert process.wait(60) == 0
        assert termios.tcgetattr(theirs)[3] == before[3]
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def test_what_comes_after_the_screen_goes_on() -> None:
    done = subprocess.run([sys.executable, "-c", OVER], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("goes on\n", 0), done.stderr
