"""Of some works only one runs on a home at a time; who comes second reads which and why."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
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


def test_who_waits_for_it_gets_it_when_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with ThreadPoolExecutor(1) as other:
        with only_one(path, "approval"):
            waiting = other.submit(enter, path, 60.0)
            assert not waiting.done()
        waiting.result()


def enter(path: Path, wait: float = 0.0) -> None:
    with only_one(path, "printing", wait=wait):
        pass
