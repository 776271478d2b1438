"""Every target of the fuzzer holds against its corpus and a second of luck; `make fuzz` takes longer."""

from __future__ import annotations

import importlib.util
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.__main__ import CORPUS, NAMES
from tests.fuzz.targets import TARGETS


def test_every_target_has_a_corpus() -> None:
    assert set(NAMES) == set(TARGETS)


@pytest.mark.parametrize("name", NAMES)
def test_what_once_was_worth_keeping_breaks_nothing(name: str) -> None:
    for file in sorted((CORPUS / name).iterdir()):
        TARGETS[name](file.read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_a_second_of_fuzzing_finds_nothing(name: str, tmp_path: Path) -> None:
    place = f"{platform.system()} on {platform.machine()}, Python {platform.python_version()}"
    if importlib.util.find_spec("atheris") is None and not place.startswith("Linux on x86_64"):
        pytest.skip(f"atheris has no wheel for {place}")
    command = [sys.executable, "-m", "tests.fuzz", name, "--seconds", "1", "--found", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]
    assert b"Done " in done.stderr
