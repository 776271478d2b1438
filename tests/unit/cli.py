"""Runs the command line inside the test."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from station.cli import run


@dataclass(frozen=True)
class Result:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str


class Cli:
    """`cli("doctor", "--json")` runs that command line."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *arguments: str) -> Result:
        self._capture.readouterr()
        code = run(arguments)
        said = self._capture.readouterr()
        return Result(int(code), said.out, said.err)
