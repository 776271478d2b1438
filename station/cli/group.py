"""A click group whose commands are named by module and attribute, and loaded when they are run."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem


class Entry(NamedTuple):
    """Where a command is (`module:attribute`) and its one line of help."""

    target: str
    help: str


class LazyGroup(click.Group):
    """Lists commands from `entries` without loading them; its own options are taken after a command, too."""

    def __init__(self, *arguments: Any, entries: Mapping[str, Entry], **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._entries = entries
        self._everywhere = [param for param in self.params if isinstance(param, click.Option)]

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        _also_take(command, self._everywhere)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self._entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        options = click.Command.shell_complete(self, ctx, incomplete)
        names = [name for name in self._entries if name.startswith(incomplete)]
        return [*(CompletionItem(name, help=self._entries[name].help) for name in names), *options]


def _also_take(command: click.Command, options: Sequence[click.Option]) -> None:
    """Let a command and all below it take the group's options, unless it has its own of that name."""
    own = {name for param in command.params for name in param.opts}
    for option in options:
        if own.isdisjoint(option.opts):
            hidden = click.Option(
                option.opts,
                type=option.type,
                is_flag=option.is_flag,
                hidden=True,
                is_eager=option.is_eager,
                expose_value=False,
                callback=option.callback,
            )
            command.params.append(hidden)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            _also_take(below, options)
