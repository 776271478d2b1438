"""Ctrl-C and a closed terminal ask a long command to stop between two steps; nothing is cut off by them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from station.cli.stopping import stop_on_signals

STOPPING = """
import os, signal, sys
from station.cli.stopping import stop_on_signals
asked = []
if {closed}:
    os.close(2)
with stop_on_signals(lambda: asked.append(1), "stopping: soon"):
    for _ in range(3):
        os.kill(os.getpid(), signal.{name})
print(len(asked))
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("closed", [False, True])
def test_each_signal_asks_and_it_is_said_once(name: str, closed: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOPPING.format(name=name, closed=closed)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "3\n"
    assert done.stderr == ("" if closed else "\nstopping: soon\n")


def test_the_next_command_is_asked_as_before() -> None:
    # A run in the background may have been told to ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with stop_on_signals(lambda: None, "stopping"):
        pass
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
