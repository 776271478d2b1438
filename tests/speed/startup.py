"""How long `station --help` takes, beside Python importing click."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.speed.desk import ROOT, environment

HELP = (str(Path(sys.executable).parent / "station"), "--help")
IMPORT = (sys.executable, "-c", "import click")


def medians(runs: int, *commands: Sequence[str]) -> list[float]:
    """The median time of each command in seconds, over so many runs in turn."""
    for command in commands:
        _once(command)
    taken = [[_once(command) for command in commands] for _ in range(runs)]
    return [statistics.median(column) for column in zip(*taken, strict=True)]


def _once(command: Sequence[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun
