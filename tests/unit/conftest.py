"""What many unit tests begin with: the command line, and records of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from batch.store.database import Records
from tests.unit.cli import Cli


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command line, run inside the test."""
    return Cli(capsys)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of empty records, in a folder of its own."""
    (tmp_path / "home").mkdir()
    path = tmp_path / "home" / "station.db"
    Records.create(path).close()
    return path


@pytest.fixture
def records(path: Path) -> Iterator[Records]:
    """Empty records, opened."""
    with closing(Records(path)) as records:
        yield records
