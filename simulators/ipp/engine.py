"""The engine of the bench's IPP printer: what it runs for each job, with the page as a file.

It tells its state as CUPS' filters do, by lines on stderr, and goes wrong as the bench is told.
`python -m simulators.ipp.engine BENCH MARKER DOCUMENT`, with the job's attributes in the environment.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from simulators.bench.client import Bench
from simulators.bench.errors import BenchError
from simulators.faults.model import Fault
from simulators.ipp import questions
from simulators.tray import Tray

_STATES = {"paper-out": "media-empty", "cover-open": "cover-open", "jam": "media-jam"}
"""The `printer-state-reasons` of a fault that a hand mends."""

_BETWEEN_LOOKS = 0.05
_DONE, _GAVE_UP = 0, 1


def main(arguments: list[str]) -> int:
    """Print one job; the exit code says whether it came out."""
    bench, marker, document = Bench(Path(arguments[0])), Path(arguments[1]), Path(arguments[2])
    reference, job = os.environ["IPP_JOB_NAME"], int(os.environ["IPP_JOB_ID"])
    page = document.read_bytes()
    document.unlink()
    if reference == questions.FOREIGN:
        while marker.exists():
            time.sleep(_BETWEEN_LOOKS)
        return _DONE
    try:
        fault = bench.exchange("printer", "page")
    except BenchError:  # it is going down
        return _GAVE_UP
    return _print(bench, page, Path(reference).name, job, fault)


def _print(bench: Bench, page: bytes, reference: str, job: int, fault: Fault | None) -> int:
    tray = Tray(bench.layout.printed)
    match fault:
        case Fault(do="jam"):
            tray.keep(page[: len(page) // 2], reference, "torn")
            _needs_a_hand(bench, fault, job)
            return _GAVE_UP
        case Fault(do="paper-out" | "cover-open"):
            if _needs_a_hand(bench, fault, job):
                return _DONE
        case Fault(do="cancel"):
            questions.cancel(job)
            return _DONE
        case Fault(do="abort" | "offline" | "busy"):
            _say("ERROR: the engine failed")
            return _GAVE_UP
        case _:
            pass
    whole = page.rstrip().endswith(b"%%EOF")
    tray.keep(page, reference, "pdf" if whole else "torn", fault)
    _say("ATTR: job-impressions-completed=1")
    return _DONE if whole else _GAVE_UP


def _needs_a_hand(bench: Bench, fault: Fault, job: int) -> bool:
    """Wait for the hand: as long as the fault says, until all faults are disarmed, or the job is cancelled.

    The last is told.
    """
    state = _STATES[fault.do]
    until = None if fault.seconds is None else time.monotonic() + fault.seconds
    _say(f"STATE: +{state}-error")
    try:
        while bench.exchanges("printer") and (until is None or time.monotonic() < until):
            if questions.cancelled(job):
                return True
            time.sleep(_BETWEEN_LOOKS)
    finally:
        _say(f"STATE: -{state}-error")
    return False


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
