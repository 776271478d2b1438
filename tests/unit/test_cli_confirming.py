"""What cannot be undone is asked for twice, and a script names the token it means."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

ASKING = """
import sys
import click
from station.asking import AtTerminal
from station.cli.confirming import ask_twice
from batch.model.errors import Refused

def check(typed):
    if typed != "12345678":
        raise Refused("what was typed is not its serial; nothing was done")

@click.command()
@click.option("--yes", "typed")
def asking(typed):
    print("given:", ask_twice(AtTerminal(), "Destroy it", "serial", typed, check), file=sys.stdout)

try:
    sys.exit(asking.main(sys.argv[1:], standalone_mode=False))
except Refused as refused:
    sys.exit(f"refused: {refused}")
except click.UsageError as error:
    sys.exit(f"usage: {error}")
"""


def asked(*typed: str) -> tuple[int, str, str]:
    """What comes of asking at a terminal where somebody types these lines."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, "".join(f"{line}\n" for line in typed).encode())
        command = [sys.executable, "-c", ASKING]
        done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=60, check=False)
    finally:
        os.close(ours)
        os.close(theirs)
    return done.returncode, done.stdout, done.stderr


def scripted(*arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-c", ASKING, *arguments]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_at_a_terminal_the_serial_is_typed_and_then_it_is_confirmed() -> None:
    code, out, err = asked("12345678", "y")
    assert (code, out) == (0, "given: 12345678\n")
    assert "Type the serial of the token, as it stands on it" in err
    assert "Destroy it? This cannot be undone [y/N]" in err


@pytest.mark.parametrize("second", ["n", ""])
def test_the_safe_answer_is_no(second: str) -> None:
    code, out, err = asked("12345678", second)
    assert (code, out) == (130, "")
    assert "nothing was done" in err


def test_a_wrong_serial_is_refused_before_anything_else_is_asked() -> None:
    code, out, err = asked("87654321", "y")
    assert (code, out) == (1, "")
    assert "refused: what was typed is not its serial" in err
    assert "cannot be undone" not in err


def test_a_script_names_the_token_in_place_of_both_questions() -> None:
    assert scripted("--yes", "12345678") == (0, "given: 12345678\n", "")
    assert scripted("--yes", "y")[0] == 1


def test_without_a_terminal_nothing_is_taken_for_granted() -> None:
    code, out, err = scripted()
    assert (code, out) == (1, "")
    assert "usage: there is no terminal to ask at; name the token: --yes SERIAL" in err
