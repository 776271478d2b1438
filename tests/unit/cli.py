"""Runs the command line inside the test."""

from __future__ import annotations

from dataclasses import dataclass

import click
import pytest

from station.cli import run, station


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


def assert_command(told: str) -> None:
    """A command line that is told to somebody is one of ours, up to its arguments, with options it has."""
    words = told.split()
    assert words[0] == "station"
    command: click.Command = station
    rest = words[1:]
    while isinstance(command, click.Group) and rest:
        found = command.get_command(click.Context(command), rest[0])
        assert found is not None, f"`{told}`: there is no {rest[0]!r}"
        command, rest = found, rest[1:]
    assert not isinstance(command, click.Group) or command.invoke_without_command, f"`{told}` is a group"
    options = {option for one in command.params for option in one.opts}
    assert {word for word in rest if word.startswith("--")} <= options, f"`{told}`"
