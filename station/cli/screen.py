"""`station screen`: the operator's screen."""

from __future__ import annotations

import codecs
import os
import sys

import click

from station.cli.invocation import Invocation, pass_invocation
from station.exit_codes import ExitCode


@click.command()
@pass_invocation
def screen(invocation: Invocation) -> ExitCode:
    """Open the operator's screen, with keyboard and scanner; `?` tells the keys of each of its areas.

    Where there is no station yet it offers to set up one without hardware, and leads through it.
    """
    need_terminal()
    if not invocation.home_path.exists():
        from station.tui.practice.first_day import begin

        return begin(invocation.home_path)
    from station.tui.opening import open_screen

    return open_screen(invocation.home_path)


def need_terminal() -> None:
    """Raises `click.UsageError` where there is no terminal that a screen can be drawn on."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("the screen needs a terminal; every command works without one")
    if os.environ.get("TERM") == "dumb":
        raise click.UsageError("TERM is dumb: the screen needs a terminal on which it can draw")
    if codecs.lookup(sys.stderr.encoding).name != "utf-8":
        raise click.UsageError("the locale is not UTF-8, in which the screen draws; try LANG=C.UTF-8 station")
