"""Opening the screen in a terminal, for as long as somebody stays."""

from __future__ import annotations

import gc
from pathlib import Path

from station.exit_codes import ExitCode
from station.simulated_desk import end_with_me
from station.tui.app import StationApp
from station.tui.ending import CertainEnd
from station.tui.practice.autopilot import Autopilot
from station.tui.practice.guiding import Practice

_GARBAGE = (20_000, 10, 100)
"""Objects made between two collections of the youngest, and collections between those of the older ones."""


def open_screen(home: Path, practice: Practice | None = None, autopilot: Autopilot | None = None) -> ExitCode:
    """Open the screen at a home and stay until it is left; at a desk to practise at it leads through.

    A bench that was started for it ends with it, unless a production goes on there. Raises `BenchError`, and
    what nobody expected and ended it.
    """
    app = StationApp(home, practice)
    app.certain_end = CertainEnd()
    # What stays is not looked through again: a look at all of it would hold up a key for a tenth of a second.
    gc.freeze()
    gc.set_threshold(*_GARBAGE)
    if practice is not None and practice.bench is not None:
        app.let_bench_go = end_with_me(practice.bench)
    try:
        code = app.run(auto_pilot=autopilot)
    finally:
        app.certain_end.over()
    if app.failure is not None:
        raise app.failure
    app.raise_fault()
    return ExitCode.OK if code is None else code
