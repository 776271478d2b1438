"""A feeding machine at a simulated bench, as its maker's command line drives it.

`python -m simulators.feeding_machine BENCH SEAT next|good|reject|status`; what goes on the envelope is read
from standard input. It ends with 0, with 75 (EX_TEMPFAIL) without a blank, with 1 where it jams.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from simulators.bench.client import Bench
from simulators.bench.errors import BenchError

_TRAYS = {"good": "good", "reject": "quarantine"}


def main(directory: str, seat: str, command: str) -> int:
    """Carry out one command; its exit status."""
    bench = Bench(Path(directory))
    note = "" if command == "status" else sys.stdin.readline().strip()
    try:
        if command == "status":
            bench.status()
            return os.EX_OK
        fault = bench.exchange("feeder", command)
        match None if fault is None else fault.do:
            case "empty":
                return os.EX_TEMPFAIL
            case "hang":
                signal.pause()
            case "idle":
                return os.EX_OK
        if fault is None or fault.when == "after":
            moved = _move(bench, seat, command, note)
        if fault is not None:
            print("\njam at the gripper, sensor 3", file=sys.stderr)  # noqa: T201
            return 1
    except BenchError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return os.EX_OK if moved or command != "next" else os.EX_TEMPFAIL


def _move(bench: Bench, seat: str, command: str, note: str) -> bool:
    if command == "next":
        return bench.feed(seat) is not None
    return bench.take(seat, _TRAYS[command], note) is not None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
