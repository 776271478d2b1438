"""What the desk and its children hold in memory while an order runs."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import TimeoutExpired

from tests.speed.desk import Desk, Run

_EVERY = 0.25


@dataclass(frozen=True)
class Memory:
    """Resident memory in MB: the desk's peak and growth after a fifth of the run, the peak of any child."""

    desk: float
    growth: float
    child: float
    run: Run


def measure(desk: Desk, layout: str, count: int) -> Memory:
    """Produce so many tokens on all seats and watch."""
    number = desk.order((layout, count))
    process = desk.produce(number)
    now, peaks = list[float](), dict[int, float]()
    while process.returncode is None:
        for pid in (process.pid, *_children(process.pid)):
            peaks[pid] = max(peaks.get(pid, 0.0), _field(pid, "VmHWM"))
        now.append(_field(process.pid, "VmRSS"))
        with suppress(TimeoutExpired):
            process.wait(_EVERY)
    desk.finish(process)
    # Where it is gone already when it is looked at, nothing is told.
    told = [value for value in now if value]
    settled = told[len(told) // 5]
    own = peaks.pop(process.pid)
    return Memory(own, max(told[-5:]) - settled, max(peaks.values()), desk.made(number, count))


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _field(pid: int, name: str) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = [line.split()[1] for line in status.splitlines() if line.startswith(f"{name}:")]
    return int(found[0]) / 1024 if found else 0.0
