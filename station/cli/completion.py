"""`station completion`: the script that teaches a shell the commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    bash: station completion bash > ~/.local/share/bash-completion/completions/station
    zsh:  station completion zsh > "${fpath[1]}/_station"
    fish: station completion fish > ~/.config/fish/completions/station.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None, "click knows these shells"
    click.echo(kind(ctx.find_root().command, {}, "station", "_STATION_COMPLETE").source())
