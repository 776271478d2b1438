"""`station demo --screen` plays itself to its printed letters, and leaves nothing behind when it is left."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from batch.model.states import LetterState, LifeState
from batch.store import letters, lives
from batch.store.database import Records
from batch.store.orders import orders
from simulators.bench import Bench
from simulators.bench.processes import ended
from tests.conftest import need
from tests.tui.tmux import terminal

pytestmark = pytest.mark.bench


def processes_of(*folders: Path) -> Iterator[int]:
    """A descriptor of every process whose command line names one of the folders."""
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            process = os.pidfd_open(int(place.parent.name))
            line = place.read_bytes()
            if any(bytes(folder) in line for folder in folders):
                yield process
            else:
                os.close(process)


def test_the_demo_plays_its_order_to_the_letters_at_the_smallest_screen(tmp_path: Path) -> None:
    need("tmux", "softhsm2-util", "pcscd")
    desk, pictures = tmp_path / "desk", tmp_path / "pictures"
    bench = Bench(desk / "bench")
    options = ("--screen", "--dir", str(desk), "--pace", "fast", "--pictures", str(pictures))
    with terminal(tmp_path) as tmux:
        try:
            tmux.start((sys.executable, "-m", "station", "demo", *options), {"LANG": "nl_NL.UTF-8"}, 80, 24)
            tmux.sees("choose your name", "olga")
            daemon = os.pidfd_open(bench.status().pid)
            # The last picture on the way; a play that is stuck ends by itself, and its bench with it.
            while not (pictures / "token.svg").exists():
                assert not ended(daemon, 0.5), tmux.text
            # The last keys that are pressed lead back to the letters.
            tmux.sees("[4Lettr]", "! 24", "c confirms the form")
            its_own = (desk / "home", desk / "bench")
            running = [*processes_of(*its_own)]
            assert running
            tmux.press("C-q")
            tmux.sees("Leave the screen?")
            tmux.press("Right", "Enter")
            tmux.sees("ended 0")
            assert all(ended(process, 10) for process in (daemon, *running, *processes_of(*its_own)))
            for process in (daemon, *running):
                os.close(process)
        finally:
            bench.down()
    kept = {path.stem for path in pictures.glob("*.svg")}
    assert kept >= {"login", "import", "assessment", "bench", "produced", "dispatch", "letters", "token"}
    with closing(Records(desk / "home" / "station.db")) as records:
        (order,) = orders(records)
        assert letters.counts(records, order.id)[LetterState.PRINTED] == 24
        assert lives.counts(records, order.id)[LifeState.ACKNOWLEDGED] == 24
    printed = sorted(path.stem for path in (bench.layout.directory / "printed").glob("*.pdf"))
    assert printed == [f"{number:06d}" for number in range(1, 25)]
