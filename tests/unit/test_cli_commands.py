"""The command line as a whole: its commands, the options that stand anywhere, its exit codes, its errors."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from batch.model.errors import Busy, NotFound, Refused
from drivers.errors import Blocked, DeviceFailed
from layouts.errors import FileFault, UnknownLayout
from station.cli import COMMANDS, run, station
from station.cli.errors import exit_code, report
from station.cli.invocation import Invocation, pass_invocation
from station.errors import HomeError
from station.exit_codes import ExitCode
from tests.unit.cli import Cli

DOCS = Path(__file__).parents[2] / "docs"


def test_help_names_every_command_with_its_line(cli: Cli) -> None:
    done = cli("--help")
    assert done.code == ExitCode.OK
    for name, entry in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(entry.help.split()[0])}", done.out, re.MULTILINE), name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_in_the_table_is_there_and_helps(name: str, cli: Cli) -> None:
    module, _, attribute = COMMANDS[name].target.partition(":")
    assert isinstance(getattr(importlib.import_module(module), attribute), click.Command)
    done = cli(name, "--help")
    assert done.code == ExitCode.OK
    assert f"station {name}" in done.out


def test_a_command_that_is_not_there_is_a_usage_error(cli: Cli) -> None:
    done = cli("nonsense")
    assert done.code == ExitCode.USAGE
    assert "nonsense" in done.err
    assert done.out == ""


def test_the_installed_command_runs() -> None:
    script = Path(sys.executable).with_name("station")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", done.stdout)


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> list[Invocation]:
    """A command `echo` that keeps what it was invoked with, in a group `probe`."""
    seen: list[Invocation] = []

    @click.group()
    def probe() -> None:
        pass

    @probe.command()
    @pass_invocation
    def echo(invocation: Invocation) -> None:
        seen.append(invocation)

    import station.cli.completion as host

    monkeypatch.setattr(host, "completion", probe)
    return seen


@pytest.mark.parametrize(
    "arguments",
    [
        ["--home", "/h", "--as", "anna", "--pin-fd", "7", "--debug", "completion", "echo"],
        ["completion", "--home", "/h", "--as", "anna", "echo", "--pin-fd", "7", "--debug"],
        ["completion", "echo", "--home", "/h", "--as", "anna", "--pin-fd", "7", "--debug"],
    ],
)
def test_global_options_stand_before_and_after_the_command(
    arguments: list[str], echo: list[Invocation]
) -> None:
    assert run(arguments) == ExitCode.OK
    assert echo == [Invocation("anna", "/h", 7, debug=True)]


def test_the_home_comes_from_the_environment_and_nobody_acts_unnamed(
    echo: list[Invocation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATION_HOME", "/elsewhere")
    monkeypatch.setenv("STATION_OPERATOR", "bert")
    run(["completion", "echo"])
    assert (echo[0].home_path, echo[0].named) == (Path("/elsewhere"), None)


def test_without_a_word_home_lies_among_the_data_of_the_user(
    echo: list[Invocation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STATION_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    run(["completion", "echo"])
    assert echo[0].home_path == Path("/data/issuance-station")


def test_an_operator_needs_a_name(cli: Cli, echo: list[Invocation]) -> None:
    assert cli("--as", " ", "completion", "echo").code == ExitCode.USAGE
    assert echo == []


def test_the_documentation_lists_the_exit_codes() -> None:
    text = (DOCS / "command-line.md").read_text()
    told = re.findall(r"^\| (\d+) \| ([A-Z_]+) \| (.+) \|$", text, re.MULTILINE)
    assert told == [(str(code.value), code.name, code.meaning) for code in ExitCode]


def test_exit_codes_that_shells_and_click_fix() -> None:
    fixed = [ExitCode.OK.value, ExitCode.USAGE.value, ExitCode.INTERRUPTED.value]
    assert fixed == [0, click.UsageError.exit_code, 130]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (HomeError("x"), ExitCode.CONFIGURATION),
        (DeviceFailed("x"), ExitCode.DEVICE),
        (Blocked("x"), ExitCode.DEVICE),
        (FileFault("x", file="f", line=1), ExitCode.CONFIGURATION),
        (UnknownLayout("x"), ExitCode.NOT_FOUND),
        (Refused("x"), ExitCode.REFUSED_BY_RULE),
        (NotFound("x"), ExitCode.NOT_FOUND),
        (Busy("x"), ExitCode.BUSY),
        (ValueError("x"), None),
    ],
)
def test_an_error_of_ours_has_its_exit_code(error: Exception, code: ExitCode | None) -> None:
    assert exit_code(error) is code


def test_an_error_says_what_where_and_next(capsys: pytest.CaptureFixture[str]) -> None:
    code = report(DeviceFailed("it burns", where="lane-1", next="put it out"))
    assert code is ExitCode.DEVICE
    assert capsys.readouterr() == ("", "station: lane-1: it burns\n  next: put it out\n")


@pytest.mark.parametrize("debug", [False, True])
def test_a_foreign_error_never_shows_its_text_or_any_value(
    debug: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    def inner(code: str) -> None:
        raise ValueError(f"bad code {code}")

    def outer() -> None:
        try:
            inner("27" + "1828")
        except ValueError as error:
            raise RuntimeError("around " + "271" + "828") from error

    with pytest.raises(RuntimeError) as caught:
        outer()
    assert report(caught.value, debug=debug) is ExitCode.INTERNAL
    said = capsys.readouterr()
    assert said.out == ""
    assert "RuntimeError" in said.err
    assert "271828" not in said.err
    assert ("ValueError" in said.err and "in inner" in said.err) is debug


def test_an_error_of_the_system_names_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(PermissionError(13, "Permission denied", "/x/y")) is ExitCode.INTERNAL
    assert capsys.readouterr().err == "station: /x/y: Permission denied\n"


def test_ctrl_c_ends_with_the_code_for_it(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def probe() -> None:
        raise KeyboardInterrupt

    import station.cli.completion as host

    monkeypatch.setattr(host, "completion", probe)
    assert cli("completion").code == ExitCode.INTERRUPTED


@pytest.mark.parametrize(
    ("shell", "sign"), [("bash", "complete -o"), ("zsh", "#compdef"), ("fish", "complete --")]
)
def test_completion_scripts(shell: str, sign: str, cli: Cli) -> None:
    done = cli("completion", shell)
    assert done.code == ExitCode.OK
    assert sign in done.out
    assert "_STATION_COMPLETE" in done.out


def test_completion_offers_commands_and_what_is_below_them() -> None:
    def offered(words: str, at: int) -> set[str]:
        environment = {
            **os.environ,
            "_STATION_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(at),
        }
        script = Path(sys.executable).with_name("station")
        done = subprocess.run([script], capture_output=True, text=True, env=environment, check=True)
        return {line.partition(",")[2] for line in done.stdout.split()}

    assert offered("station la", 1) == {name for name in COMMANDS if name.startswith("la")}
    assert offered("station lanes b", 2) == {"bind"}


def test_the_group_is_named_as_its_command() -> None:
    assert station.name == "station"
