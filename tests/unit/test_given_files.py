"""What a command reads to its end has one, and a disk that takes nothing is no bug of ours."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from station.cli.errors import Told
from station.exit_codes import ExitCode
from tests.unit.cli import Cli
from tests.unit.restore_kit import home_of


@pytest.mark.parametrize(
    "command",
    [
        ("order", "import"),
        ("order", "check"),
        ("registry", "import"),
        ("registry", "check"),
        ("registry", "terms", "P00000001"),
        ("registry", "certificate", "set", "P00000001"),
    ],
    ids=" ".join,
)
def test_a_pipe_that_may_never_end_is_refused_and_not_waited_for(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, pipe = home_of(tmp_path / "home"), tmp_path / "order.csv"
    os.mkfifo(pipe)
    result = Cli(capsys)(*command, str(pipe), "--home", str(home.path))
    assert result.code == ExitCode.FAULTS_IN_INPUT
    assert f"{pipe}: is a pipe or device, not a file" in result.err
    assert "next: write it to a file first" in result.err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
def test_a_disk_that_takes_nothing_is_told_as_such(number: int) -> None:
    told = Told.of(OSError(number, os.strerror(number)))
    assert (told.code, told.what) == (ExitCode.CONFIGURATION, os.strerror(number))
    assert told.next == "look at the disk, then run this again"
