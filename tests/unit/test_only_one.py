"""Of some works only one runs on a home at a time; who comes second reads which and why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from batch.model.errors import Busy
from batch.production.lock import only_one


def test_the_second_reads_what_is_under_way_and_in_which_process(tmp_path: Path) -> None:
    path = tmp_path / "run" / "printing.lock"
    path.parent.mkdir()
    with only_one(path, "printing"):
        with pytest.raises(Busy, match=rf"another printing \(process {os.getpid()}\)") as told:
            enter(path)
        assert told.value.where == str(tmp_path)
    with only_one(path, "printing"):
        pass


def test_a_holder_that_was_killed_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holding = f"""
import os, pathlib, signal
from batch.production.lock import only_one
with only_one(pathlib.Path({str(path)!r}), "production"):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", holding], check=False)
    assert path.read_text().isdigit()
    with only_one(path, "production"):
        pass


def enter(path: Path) -> None:
    with only_one(path, "printing"):
        pass
