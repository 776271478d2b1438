"""`station screen`: the operator's screen."""

from __future__ import annotations

import click

from station.cli.invocation import Invocation, pass_invocation
from station.exit_codes import ExitCode


@click.command()
@pass_invocation
def screen(invocation: Invocation) -> ExitCode:
    """Open the operator's screen, with keyboard and scanner; `?` tells the keys of each of its areas."""
    from station.tui.app import open_screen

    return open_screen(invocation.home_path)
