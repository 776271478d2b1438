"""`station demo --screen` plays itself to its printed letters, and leaves nothing behind when it is left."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path

import pytest

from batch.model.states import LetterState, LifeState
from batch.store import letters, lives
from batch.store.database import Records
from batch.store.orders import orders
from simulators.bench import Bench
from simulators.bench.processes import ended
from tests.bench.clients import processes_naming
from tests.conftest import need
from tests.tui.tmux import terminal

pytestmark = pytest.mark.bench


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
            tmux.press("C-q")
            tmux.sees("Leave the screen?")
            tmux.press("Right", "Enter")
            tmux.sees("ended 0")
            assert ended(daemon, 10)
            os.close(daemon)
            # What started the daemon ends after it.
            assert [*processes_naming(str(desk / "home")), *processes_naming(str(desk / "bench"))] == []
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
