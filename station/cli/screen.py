"""`station screen`: the operator's screen."""

from __future__ import annotations

import click

from station.cli.invocation import Invocation, pass_invocation
from station.exit_codes import ExitCode


@click.command()
@pass_invocation
def screen(invocation: Invocation) -> ExitCode:
    """Open the operator's screen, with keyboard and scanner; `?` tells the keys of each of its areas.

    Where there is no station yet it offers to set up one without hardware, and leads through it.
    """
    if not invocation.home_path.exists():
        from station.tui.first_day import begin

        return begin(invocation.home_path)
    from station.tui.app import open_screen

    return open_screen(invocation.home_path)
