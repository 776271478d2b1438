"""How fast lists, and what is due, are told of a home with many tokens."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.speed.desk import ROOT, environment
from tests.speed.large import home

COMMANDS = (
    ("token", "list", "--order", "2021-0002", "--csv"),
    ("token", "list", "--state", "active", "--csv"),
    ("token", "list", "--text", "balie 777", "--csv"),
    ("token", "list", "--json"),
    ("certificate", "list", "--expiring", "60d", "--csv"),
    ("certificate", "list", "--csv"),
    ("due",),
)


def measure(count: int, runs: int = 3) -> list[tuple[str, int, float]]:
    """Of each command its words, its lines, and its median time in seconds, over `count` tokens."""
    with tempfile.TemporaryDirectory() as folder:
        made = home(Path(folder) / "home", count)
        return [(" ".join(command), *_timed(made.path, command, runs)) for command in COMMANDS]


def _timed(path: Path, command: tuple[str, ...], runs: int) -> tuple[int, float]:
    station = str(Path(sys.executable).parent / "station")
    taken, lines = [], 0
    for _ in range(runs):
        begun = time.perf_counter()
        done = subprocess.run(
            [station, *command, "--home", str(path)],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            check=True,
        )
        taken.append(time.perf_counter() - begun)
        lines = done.stdout.count(b"\n")
    return lines, statistics.median(taken)
